"""A claim before it is written in any format: who, for whom, what was done, what it is said to cost."""

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple


class Address(NamedTuple):
    """A postal address in the United States."""

    street: str
    city: str
    state: str
    postal_code: str


class Payer(NamedTuple):
    """A payer; `filing_indicator` is SBR09, `authorizes` whether it wants a number on every injection."""

    id: str
    name: str
    filing_indicator: str
    line_of_business: str
    authorizes: bool = False


class Person(NamedTuple):
    """A person with the sex as X12 writes it (F, M)."""

    last_name: str
    first_name: str
    born_on: date
    sex: str


class Dependent(NamedTuple):
    """A patient on somebody else's policy; `relationship` is that of the contract, `code` that of PAT01."""

    person: Person
    relationship: str
    code: str


class Member(NamedTuple):
    """A policy: its subscriber, and the patient where that is another person."""

    member_id: str
    subscriber: Person
    address: Address
    payer: Payer
    group_number: str | None
    dependent: Dependent | None

    @property
    def patient(self) -> Person:
        """The person treated."""
        return self.dependent.person if self.dependent else self.subscriber


class Clinician(NamedTuple):
    """Who performed the service."""

    npi: str
    last_name: str
    first_name: str
    taxonomy: str


class Facility(NamedTuple):
    """A surgery center or hospital."""

    npi: str
    name: str
    address: Address


class Practice(NamedTuple):
    """Who bills, and the source its claims come through. `code` begins its claim numbers."""

    code: str
    npi: str
    tax_id: str
    taxonomy: str
    name: str
    address: Address
    clinicians: tuple[Clinician, ...]
    surgery_center: Facility
    hospital: Facility
    source: str


class Line(NamedTuple):
    """A service line; `diagnoses` are pointers from 1, `ndc` and `milliliters` those of a drug."""

    code: str
    modifiers: tuple[str, ...]
    cents: int
    units: int = 1
    diagnoses: tuple[int, ...] = (1,)
    ndc: str | None = None
    milliliters: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """A claim; all lines are of `served_on`."""

    claim_id: str
    practice: Practice
    clinician: Clinician
    member: Member
    served_on: date
    received_on: date
    place: str
    diagnoses: tuple[str, ...]
    lines: tuple[Line, ...]
    authorization: str | None = None
    frequency: str = "1"
    original_reference: str | None = None

    @property
    def facility(self) -> Facility | None:
        """Where the service was done, unless in the practice's own rooms."""
        return {"24": self.practice.surgery_center, "22": self.practice.hospital}.get(self.place)

    @property
    def cents(self) -> int:
        """The total charge."""
        return sum(line.cents for line in self.lines)
