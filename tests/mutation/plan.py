"""Which mutants there are, and what is asked of those of each module."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import grimp

from streams.vectors.cases import file_of
from tests.mutation.checks import ROOT, Tests, Told, Vectors
from tests.mutation.covering import Covering
from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.trying import Trial
from validators.catalogue import RULES

PACKAGES = ("schemas", "validators", "streams")
Check = Callable[[], bool]
_RULE = re.compile(r"([a-z]+)(\d\d)_\w+")


@dataclass(eq=False)
class Module:
    """A module of `validators`; `rules` are those whose modules depend on it, itself among them."""

    name: str
    path: Path
    dependents: frozenset[str]
    rules: tuple[str, ...]

    @property
    def label(self) -> str:
        """Its path in the repository."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def is_rule_with_vectors(self) -> bool:
        """Whether it is a rule that a claim can make fire."""
        rule = _rule_of(self.name)
        return rule is not None and file_of(rule).exists()

    @cached_property
    def mutants(self) -> Sequence[Mutant]:
        """All its mutants."""
        return mutants_of(self.path, self.label)

    def trial(self, source: str, checks: Sequence[Check], seconds: int) -> Trial:
        """The module with other `source`."""
        return Trial(self.name, self.path, source, self.dependents, checks, seconds)

    def checks(self, covering: Covering, lines: Iterable[int]) -> Sequence[Check]:
        """What is asked of a mutant of some lines: a rule of its own vectors, all else of vectors and unit tests.

        What most likely notices comes first, as the rest is then not asked.
        """
        told = Told(self.rules)
        vectors = Vectors(tuple(rule for rule in self.rules or every_rule() if file_of(rule).exists()))
        if self.is_rule_with_vectors:
            return told, vectors
        own, others = map(Tests, covering.of(self.path, lines))
        return (own, told, vectors, others) if self.rules else (own, others, vectors)


def modules(only: Sequence[str]) -> list[Module]:
    """The modules of `validators` whose name contains one of `only`."""
    graph = _graph()
    found = []
    for path in sorted((ROOT / "validators").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if any(part in name for part in only) and path.read_text().count("\n") > 1:
            dependents = frozenset(graph.find_downstream_modules(name))
            rules = (_rule_of(each) for each in sorted({name, *dependents}))
            found.append(Module(name, path, dependents, tuple(rule for rule in rules if rule)))
    return found


@cache
def every_rule() -> tuple[str, ...]:
    """All rules: what they do hangs on what reads packs and tables, too, though they do not import it."""
    return tuple(rule.id for rule in RULES)


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def _rule_of(module: str) -> str | None:
    """The id of a rule, by the name of its module."""
    named = _RULE.fullmatch(module.rpartition(".")[2])
    return f"{named[1].upper()}-{named[2]}" if named else None
