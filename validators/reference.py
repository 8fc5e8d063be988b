"""The official tables rules stand on, as frozen look-ups. A table that is not loaded is None, and SYS-01 says so.

Every table is carried forward and back to every date of service, except for the days it holds itself.
CPT codes (c) American Medical Association; code numbers only.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Literal, NamedTuple

from schemas.claim import ClaimType
from validators.codes import ADD_ON, ESI, INTERLAMINAR, PRIMARY

ModifierIndicator = Literal["0", "1"]
"""Of an NCCI pair: 0 = never paid together, 1 = a modifier may say that the services were separate."""

_HOSPITAL_ABSENT = frozenset({("62321", "62320"), ("62323", "62322"), ("62325", "62323"), ("62327", "62326")}) | {
    (first, second) for first in INTERLAMINAR for second in PRIMARY if (first, second) != ("62323", "64483")
}
_HOSPITAL_ABSENT_ANYWHERE = frozenset({"01992", "J2001"})
_HOSPITAL_ABSENT_UNDER = frozenset({("64479", "99213"), ("64483", "99213")})
_HOSPITAL_OPEN = ADD_ON | {"99155", "99156"}


@dataclass(frozen=True, slots=True)
class NcciPairs:
    """NCCI procedure-to-procedure edits of which one code is an injection, practitioner table.

    `over` holds, by the other code as column 1, the indicator of each injection as column 2; `under` the reverse.
    `ended` holds pairs (column 1, column 2) that were active until a day. `others` are all codes of pairs, ended ones
    too, that are no injections.
    """

    vintage: str
    over: Mapping[str, Mapping[str, ModifierIndicator]]
    under: Mapping[str, Mapping[str, ModifierIndicator]]
    ended: Mapping[tuple[str, str], tuple[date, ModifierIndicator]]
    others: frozenset[str]

    def indicator(self, column1: str, column2: str, on: date, claim_type: ClaimType) -> ModifierIndicator | None:
        """The modifier indicator of a pair that is active on a day; None when the two are none.

        The hospital table of an institutional claim is derived from the practitioner table (definitions: NCCI table).
        """
        indicator = self._practitioner(column1, column2, on)
        if indicator is None or claim_type == "professional":
            return indicator
        if (
            (column1, column2) in _HOSPITAL_ABSENT
            or column2 in _HOSPITAL_ABSENT_ANYWHERE
            or (column1, column2) in _HOSPITAL_ABSENT_UNDER
        ):
            return None
        return "1" if column2 in _HOSPITAL_OPEN else indicator

    def _practitioner(self, column1: str, column2: str, on: date) -> ModifierIndicator | None:
        table = self.over.get(column1, {}) if column2 in ESI else self.under.get(column2, {})
        active = table.get(column2 if column2 in ESI else column1)
        if active is not None:
            return active
        ended = self.ended.get((column1, column2))
        return ended[1] if ended is not None and on <= ended[0] else None


class MueValue(NamedTuple):
    """The most units of a code that are likely; `adjudication` (MAI): 1 per line, 2 and 3 per date of service."""

    units: Decimal
    adjudication: Literal["1", "2", "3"]


@dataclass(frozen=True, slots=True)
class MedicallyUnlikelyEdits:
    """NCCI medically unlikely edits, practitioner table, by procedure code."""

    vintage: str
    values: Mapping[str, MueValue]


@dataclass(frozen=True, slots=True)
class AddOns:
    """NCCI add-on code edits of type 1: add-on code to the primaries of which one must stand beside it."""

    vintage: str
    primaries: Mapping[str, frozenset[str]]


class FeeScheduleIndicators(NamedTuple):
    """Physician fee schedule: what modifiers a code takes.

    `bilateral` 1: modifier 50 takes; 9: the concept does not apply. `assistant` 1: an assistant is not paid.
    `professional_technical` 0: no split by 26 and TC. `global_days` ZZZ: part of another service, an add-on.
    """

    professional_technical: str
    global_days: str
    bilateral: str
    assistant: str


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """The indicators of the injection codes."""

    vintage: str
    indicators: Mapping[str, FeeScheduleIndicators]


DrugKind = Literal["steroid", "contrast", "local_anesthetic"]


class Drug(NamedTuple):
    """A HCPCS drug code: name, milligrams a unit and particles of steroids only; its first and last day."""

    kind: DrugKind
    name: str | None
    mg_per_unit: Decimal | None
    particulate: bool
    first_day: date
    last_day: date | None


@dataclass(frozen=True, slots=True)
class Drugs:
    """The HCPCS drug codes that injections are billed with."""

    vintage: str
    by_code: Mapping[str, Drug]

    def codes(self, kind: DrugKind) -> frozenset[str]:
        """The codes of one kind."""
        return frozenset(code for code, drug in self.by_code.items() if drug.kind == kind)


@dataclass(frozen=True, slots=True)
class PlacesOfService:
    """CMS place-of-service codes that are assigned to a place."""

    vintage: str
    assigned: frozenset[str]


class Retired(NamedTuple):
    """A code that ended: its last valid day, and what stands in its place, if anything."""

    last_day: date
    instead: str | None


@dataclass(frozen=True, slots=True)
class CodeHistory:
    """Procedure codes that ended."""

    vintage: str
    retired: Mapping[str, Retired]


@dataclass(frozen=True, slots=True)
class Icd10Cm:
    """ICD-10-CM codes without children, which alone can be billed, and those that were split since.

    `headers` were billable until a day, when their `children` took their place, from their `first_days` on. Nothing
    changed after `settled_on`.
    """

    vintage: str
    leaves: frozenset[str]
    headers: Mapping[str, date]
    children: Mapping[str, Sequence[str]]
    first_days: Mapping[str, date]
    settled_on: date

    def unbillable(self, codes: Collection[str], on: date) -> frozenset[str]:
        """Those of `codes` (no dots) that could not be billed on a day."""
        if on >= self.settled_on and self.leaves.issuperset(codes):
            return frozenset()
        return frozenset(code for code in codes if not self.billable(code, on))

    def billable(self, code: str, on: date) -> bool:
        """Whether a code (no dot) could be billed on a day."""
        if code in self.headers:
            return on <= self.headers[code]
        return code in self.leaves and (code not in self.first_days or self.first_days[code] <= on)


@dataclass(frozen=True, slots=True)
class Reference:
    """The tables that are loaded."""

    ncci: NcciPairs | None = None
    mue: MedicallyUnlikelyEdits | None = None
    add_ons: AddOns | None = None
    fee_schedule: FeeSchedule | None = None
    drugs: Drugs | None = None
    places_of_service: PlacesOfService | None = None
    code_history: CodeHistory | None = None
    icd10cm: Icd10Cm | None = None

    def vintages(self) -> dict[str, str]:
        """Table to vintage, as a decision shows it."""
        tables = ((each.name, getattr(self, each.name)) for each in fields(self))
        return {name: table.vintage for name, table in tables if table is not None}

    def missing(self, tables: tuple[str, ...]) -> list[str]:
        """Which of `tables` are not loaded."""
        return [table for table in tables if getattr(self, table) is None]
