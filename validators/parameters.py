"""Dated values: what a number or list was on a date, each with its source and how sure it is."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from schemas.decision import Confidence


class Patterns(Collection[str]):
    """A list of codes some of which stand for all that begin alike: `O*`. Only asked what it contains."""

    def __init__(self, listed: Iterable[str]) -> None:
        self._listed = frozenset(listed)
        self._exact = frozenset(each for each in self._listed if not each.endswith("*"))
        self._beginnings = tuple(sorted(each[:-1] for each in self._listed - self._exact))

    def __contains__(self, code: object) -> bool:
        return code in self._exact or (isinstance(code, str) and code.startswith(self._beginnings))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Patterns) and self._listed == other._listed

    def __hash__(self) -> int:
        return hash(self._listed)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._listed))

    def isdisjoint(self, codes: Collection[str]) -> bool:
        """Whether it contains none of `codes`."""
        if not self._exact.isdisjoint(codes):
            return False
        for code in codes:  # noqa: SIM110 - a generator would cost more than it goes through
            if code.startswith(self._beginnings):
                return False
        return True

    def __len__(self) -> int:
        return len(self._listed)


Codes = frozenset[str] | Patterns
"""A list of a pack, as rules read it."""


def codes_of(listed: Collection[str]) -> Codes:
    """A list as rules read it."""
    return Patterns(listed) if any(code.endswith("*") for code in listed) else frozenset(listed)


@dataclass(frozen=True, slots=True)
class DatedValue:
    """A value in force from a date on (None: always); a value of None is not known, or ended on purpose."""

    value: Any
    starts_on: date | None
    source: str | None = None
    confidence: Confidence | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A dated value of a rule; `values` in order of their first day. `pack` is the file that gives it."""

    unit: str | None
    values: Sequence[DatedValue]
    pack: str = ""

    @property
    def is_known_always(self) -> bool:
        """Whether it has a value on every day."""
        return self.values[0].starts_on is None and all(dated.value is not None for dated in self.values)

    def dated(self, day: date) -> DatedValue | None:
        """What is in force on `day`, with its source; None before the first day."""
        found = None
        for dated in self.values:
            if dated.starts_on is not None and dated.starts_on > day:
                break
            found = dated
        return found

    def on(self, day: date) -> Any:
        """The value in force on `day`; None when it is not known."""
        dated = self.dated(day)
        return dated.value if dated is not None else None


Layers = tuple[str, ...]
"""Whose values a claim goes by, nearest first: payer key, LCD, line of business. Then come everybody's."""

Layered = Mapping[str | None, Mapping[str, Parameter]]
"""Parameters by name, of each layer; under None those of everybody."""


def nearest(layered: Layered, name: str, layers: Layers) -> Parameter:
    """The parameter of the nearest layer that gives it."""
    for layer in (*layers, None):
        if (found := layered.get(layer, {}).get(name)) is not None:
            return found
    raise KeyError(name)
