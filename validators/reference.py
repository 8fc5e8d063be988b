"""The official tables rules stand on, as frozen look-ups. A table that is not loaded is None, and SYS-01 says so."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.claim import ClaimType
from validators.codes import ADD_ON, INTERLAMINAR, PRIMARY

_HOSPITAL_ABSENT = frozenset({("62321", "62320"), ("62323", "62322"), ("62325", "62323"), ("62327", "62326")}) | {
    (first, second) for first in INTERLAMINAR for second in PRIMARY if (first, second) != ("62323", "64483")
}


@dataclass(frozen=True, slots=True)
class NcciPairs:
    """NCCI procedure-to-procedure edits: (column 1, column 2) to modifier indicator, practitioner table."""

    vintage: str
    indicators: Mapping[tuple[str, str], str]

    def indicator(self, column1: str, column2: str, claim_type: ClaimType) -> str | None:
        """The modifier indicator of an active pair, "0" or "1"; None when the two are no pair.

        The hospital table of an institutional claim is derived from the practitioner table (definitions: NCCI table).
        """
        indicator = self.indicators.get((column1, column2))
        if indicator is None or claim_type == "professional":
            return indicator
        if (column1, column2) in _HOSPITAL_ABSENT:
            return None
        return "1" if column2 in ADD_ON else indicator


@dataclass(frozen=True, slots=True)
class Reference:
    """The tables that are loaded."""

    ncci: NcciPairs | None

    def vintages(self) -> dict[str, str]:
        """Table to vintage, as a decision shows it."""
        return {"ncci": self.ncci.vintage} if self.ncci else {}

    def missing(self, tables: tuple[str, ...]) -> list[str]:
        """Which of `tables` are not loaded."""
        return [table for table in tables if getattr(self, table) is None]
