"""Which payer a claim is for: line of business and payer key (match section of the payer values)."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.claim import LineOfBusiness, Payer

_BY_FILING_INDICATOR: dict[str, LineOfBusiness] = {
    "MB": "medicare_ffs",
    "MA": "medicare_ffs",
    "16": "medicare_advantage",
    "MC": "medicaid",
    "CI": "commercial",
    "BL": "commercial",
    "HM": "commercial",
    "12": "commercial",
    "13": "commercial",
    "14": "commercial",
    "15": "commercial",
    "WC": "workers_comp",
    "AM": "auto",
}


@dataclass(frozen=True, slots=True)
class PayerMatch:
    """What a payer id of a site stands for."""

    key: str
    line_of_business: LineOfBusiness


@dataclass(frozen=True, slots=True)
class Payers:
    """The payer ids a site knows, and the key of each line of business for all others."""

    by_id: Mapping[str, PayerMatch]
    by_line_of_business: Mapping[LineOfBusiness, str]

    def line_of_business(self, payer: Payer) -> LineOfBusiness:
        """As the claim says it, else by its filing indicator, else by the payer id, else other."""
        if payer.line_of_business is not None:
            return payer.line_of_business
        if payer.filing_indicator:
            return _BY_FILING_INDICATOR.get(payer.filing_indicator, "other")
        match = self.by_id.get(payer.id)
        return match.line_of_business if match else "other"

    def key(self, payer: Payer, line_of_business: LineOfBusiness) -> str:
        """The key under which the packs hold the payer's values."""
        if line_of_business == "medicare_ffs":
            return "medicare_ffs"
        match = self.by_id.get(payer.id)
        return match.key if match else self.by_line_of_business[line_of_business]
