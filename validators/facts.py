"""What is known of a person besides claims, as rules read it: authorizations and the clinical facts of sessions."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from schemas.authorization import Authorization, AuthorizationStatus
from schemas.claim import AuthorizationKind
from schemas.encounter import Approach, ContrastException, Encounter, Guidance, Purpose

IN_FORCE = frozenset({"approved", "partial"})
"""Statuses under which a record authorizes what it lists."""


class AuthorizationFacts(NamedTuple):
    """One version of an authorization; `codes` are the procedures it covers, none meaning it names none."""

    number: str
    status: AuthorizationStatus
    valid_from: date | None
    valid_to: date | None
    codes: frozenset[str]
    version: int | None
    kind: AuthorizationKind

    def approves(self, code: str, on: date) -> bool:
        """Whether it is an approved prior authorization of a procedure on a day."""
        if self.kind != "prior_authorization" or self.status != "approved":
            return False
        begun = self.valid_from is None or self.valid_from <= on
        ended = self.valid_to is not None and self.valid_to < on
        return begun and not ended and (not self.codes or code in self.codes)


class EncounterFacts(NamedTuple):
    """What the record of a session says; None is not known."""

    service_date: date
    procedure_code: str | None
    approach: Approach | None
    levels: tuple[str, ...] | None
    guidance: Guidance | None
    contrast_used: bool | None
    contrast_exception: ContrastException | None
    purpose: Purpose | None


class Facts(NamedTuple):
    """All that was known of a person at a position of the log, in its order."""

    authorizations: tuple[AuthorizationFacts, ...] = ()
    encounters: tuple[EncounterFacts, ...] = ()

    def authorization(self, number: str) -> AuthorizationFacts | None:
        """The record under a number: its highest version, or the last where versions are not given."""
        return current(found for found in self.authorizations if found.number == number)

    def encounter(self, code: str, on: date) -> EncounterFacts | None:
        """The session of a procedure and day: of several the last that names the code, else the last."""
        matching = [e for e in self.encounters if e.service_date == on and e.procedure_code in (None, "", code)]
        naming = [e for e in matching if e.procedure_code] or matching
        return naming[-1] if naming else None


NOTHING_KNOWN = Facts()


def current(versions: Iterable[AuthorizationFacts]) -> AuthorizationFacts | None:
    """The version that holds, of records of one number in the order in which they came."""
    holds: AuthorizationFacts | None = None
    for record in versions:
        if holds is None or holds.version is None or record.version is None or record.version >= holds.version:
            holds = record
    return holds


def encounter_facts(encounter: Encounter) -> EncounterFacts:
    """The facts of an encounter, without what names a person."""
    return EncounterFacts(*(getattr(encounter, name) for name in EncounterFacts._fields))


def authorization_facts(authorization: Authorization) -> AuthorizationFacts:
    """The facts of an authorization, without what names a person."""
    return AuthorizationFacts(
        number=authorization.authorization_number,
        status=authorization.status,
        valid_from=authorization.valid_from,
        valid_to=authorization.valid_to,
        codes=frozenset(service.procedure_code for service in authorization.services),
        version=authorization.version,
        kind=authorization.kind,
    )
