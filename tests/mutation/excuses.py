"""Mutants that may survive, each with the reason why no test should kill it: `excuses.yaml` beside this file."""

import fnmatch
from collections.abc import Collection, Iterable
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from tests.mutation.mutants import Change, Mutant

EXCUSES = Path(__file__).with_name("excuses.yaml")


class Excuse(BaseModel):
    """A change to a module, as the lines without indentation that it takes away and puts in their place."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    module: str = Field(description="a path, or a pattern of paths as of a shell")
    before: str
    after: str
    reason: str = Field(min_length=20)

    @property
    def change(self) -> Change:
        """What is excused."""
        return Change(self.before.rstrip("\n"), self.after.rstrip("\n"))


def excuses(path: Path = EXCUSES) -> list[Excuse]:
    """All that is excused."""
    return TypeAdapter(list[Excuse]).validate_python(yaml.safe_load(path.read_text()) or [])


def excused(
    survivors: Collection[Mutant], modules: Collection[str], given: Iterable[Excuse]
) -> tuple[set[Mutant], list[Excuse]]:
    """The survivors that are excused, and the excuses of `modules` that excuse none of them."""
    asked = [each for each in given if fnmatch.filter(modules, each.module)]
    changes = {mutant: mutant.change for mutant in survivors}
    excusing = {
        mutant: [each for each in asked if each.change == change and fnmatch.fnmatch(mutant.name, each.module)]
        for mutant, change in changes.items()
    }
    used = {each for found in excusing.values() for each in found}
    return {mutant for mutant, found in excusing.items() if found}, [each for each in asked if each not in used]
