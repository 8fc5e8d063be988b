"""What is asked of a mutant. Everything of ours is imported when asked, for the mutant is in place by then."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
RULES_TOLD = ROOT / "validators" / "rules.json"
_PYTEST = (
    *("-x", "-q", "--import-mode=importlib", "--assert=plain", "--disable-plugin-autoload"),
    *("-c", os.devnull, "--rootdir", str(ROOT), "-o", "pythonpath=."),  # ours wants plug-ins that no test here needs
    *("-p", "no:cacheprovider", "-p", "no:unraisableexception", "-p", "no:threadexception"),  # they take time
)


class Vectors(NamedTuple):
    """The vectors of some rules hold."""

    rules: Sequence[str]

    def __call__(self) -> bool:
        from streams.vectors.run import first_failure  # noqa: PLC0415 - see above
        from validators.loading import load_ruleset  # noqa: PLC0415 - see above

        ruleset = load_ruleset()
        return all(first_failure(rule, ruleset) is None for rule in self.rules)


class Told(NamedTuple):
    """Some rules say of themselves what is committed: name, codes of remarks, citation and the like."""

    rules: Sequence[str]

    def __call__(self) -> bool:
        from streams.rulebook.told import by_itself  # noqa: PLC0415 - see above
        from validators.catalogue import RULES  # noqa: PLC0415 - see above

        committed = {each["id"]: each for each in json.loads(RULES_TOLD.read_text())}
        told = {rule.id: by_itself(rule) for rule in RULES}
        return all(committed[rule] == told.get(rule) for rule in self.rules)


class Tests(NamedTuple):
    """Some tests pass: node ids, in the order in which they are run."""

    ids: Sequence[str]

    def __call__(self) -> bool:
        if not self.ids:
            return True
        files = dict.fromkeys(each.partition("::")[0] for each in self.ids)
        return pytest.main([*_PYTEST, *files], plugins=[_Chosen(self.ids)]) == pytest.ExitCode.OK


@dataclass
class _Chosen:
    """Runs some tests and no others."""

    ids: Sequence[str]

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        by_id = {item.nodeid: item for item in items}
        items[:] = [by_id[each] for each in self.ids]
