"""Dated values: what a number or list was on a date, each with its source and how sure it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from schemas.decision import Confidence


@dataclass(frozen=True, slots=True)
class DatedValue:
    """A value in force from a date on (None: always); a value of None is not known, or ended on purpose."""

    value: Any
    starts_on: date | None
    source: str | None = None
    confidence: Confidence | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A dated value of a rule; `values` in order of their first day."""

    unit: str | None
    values: Sequence[DatedValue]

    def on(self, day: date) -> Any:
        """The value in force on `day`; None when it is not known."""
        value = None
        for dated in self.values:
            if dated.starts_on is not None and dated.starts_on > day:
                break
            value = dated.value
        return value
