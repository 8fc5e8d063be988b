"""What the records of a patient's log say, read from their headers and bytes alone (contract sections 2 to 6)."""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple, Protocol

from schemas.authorization import Authorization
from schemas.claim import Claim
from schemas.encounter import Encounter
from schemas.purge import Purge
from streams.codes_only import codes_only_claim
from validators.codes import ESI, IN_SCOPE, REGION
from validators.history import Role

MODELS: dict[str, type[Claim | Authorization | Encounter | Purge]] = {
    "application/vnd.claimstream.claim+json;v=1": Claim,
    "application/vnd.claimstream.authorization+json;v=1": Authorization,
    "application/vnd.claimstream.encounter+json;v=1": Encounter,
    "application/vnd.claimstream.purge+json;v=1": Purge,
}


class Record(Protocol):
    """A record as it was read from the log."""

    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


class Service(NamedTuple):
    """A line with the values that apply to it (rules.yaml: effective values); `authorization` is a number."""

    code: str
    modifiers: frozenset[str]
    on: date
    rendering_npi: str
    units: Decimal
    authorization: str | None

    @property
    def region(self) -> str | None:
        """The spinal region of an injection in force, else None."""
        return REGION.get(self.code)


@dataclass(frozen=True, eq=False)
class Told:
    """One record of a patient's log: where it stands, the day it arrived, whose it is, and what it says."""

    position: int
    arrived_on: date
    event_id: str
    patient: str
    person: str
    says: Claim | Authorization | Encounter | Purge

    @property
    def claim(self) -> Claim:
        """What it says, where that is a claim."""
        assert isinstance(self.says, Claim)
        return self.says

    @cached_property
    def services(self) -> tuple[Service, ...]:
        """The lines of a claim."""
        claim = self.claim
        prior = [each.number for each in claim.authorizations if each.kind == "prior_authorization"]
        rendering = claim.rendering_provider and claim.rendering_provider.npi
        return tuple(
            Service(
                line.procedure_code,
                frozenset(line.modifiers),
                line.service_date_from,
                (line.rendering_provider and line.rendering_provider.npi) or rendering or claim.billing_provider.npi,
                line.units,
                line.authorization_number or (prior[0] if prior else None),
            )
            for line in claim.service_lines
        )

    @cached_property
    def dates(self) -> frozenset[date]:
        """The days of a claim's lines."""
        return frozenset(service.on for service in self.services)

    @cached_property
    def in_scope(self) -> bool:
        """Whether one line of a claim is an injection, of today or retired (rules.yaml: in scope)."""
        return any(line.procedure_code in IN_SCOPE for line in self.claim.service_lines)

    @cached_property
    def role(self) -> Role:
        """Who bills (rules.yaml: claim roles)."""
        claim = self.claim
        if claim.claim_type == "institutional":
            return "hospital-facility"
        places = [line.place_of_service or claim.place_of_service for line in claim.service_lines]
        injections = [line for line in claim.service_lines if line.procedure_code in ESI]
        by_asc = claim.billing_provider.taxonomy == "261QA1903X" or any("SG" in line.modifiers for line in injections)
        if "24" in places and by_asc:
            return "asc-facility"
        return "professional"


def told(record: Record) -> Told:
    """Read a record of the log."""
    said = {name: value.decode() for name, value in record.headers}
    arrived_on = datetime.fromtimestamp(int(said["cs-arrived-ms"]) / 1000, UTC).date()
    patient = (record.key or b"").decode()
    says = MODELS[said["content-type"]].model_validate_json(record.value or b"")
    if isinstance(says, Claim):
        says = codes_only_claim(says, patient)
    return Told(record.offset, arrived_on, said["cs-event-id"], patient, said.get("cs-person", ""), says)


def months_before(day: date, months: int) -> date:
    """The same day so many months earlier, clipped to the end of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
