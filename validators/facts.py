"""What is known of a person besides claims, as rules read it: authorizations and the clinical facts of sessions.

Both are the records of the contract, without what names a person and with codes where free text may stand.
"""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from schemas.authorization import Authorization
from schemas.encounter import Encounter

IN_FORCE = frozenset({"approved", "partial"})
"""Statuses under which a record authorizes what it lists."""


class Facts(NamedTuple):
    """All that was known of a person at a position of the log, in its order."""

    authorizations: tuple[Authorization, ...] = ()
    encounters: tuple[Encounter, ...] = ()

    def authorization(self, number: str) -> Authorization | None:
        """The record under a number: its highest version, or the last where versions are not given."""
        return current(found for found in self.authorizations if found.authorization_number == number)

    def encounter(self, code: str, on: date) -> Encounter | None:
        """The session of a procedure and day: of several the last that names the code, else the last."""
        matching = [e for e in self.encounters if e.service_date == on and e.procedure_code in (None, "", code)]
        naming = [e for e in matching if e.procedure_code] or matching
        return naming[-1] if naming else None


NOTHING_KNOWN = Facts()


def covered_codes(record: Authorization) -> frozenset[str]:
    """The procedures an authorization lists; none meaning it names none."""
    return frozenset(service.procedure_code for service in record.services)


def approves(record: Authorization, code: str, on: date) -> bool:
    """Whether it is an approved prior authorization of a procedure on a day."""
    if record.kind != "prior_authorization" or record.status != "approved":
        return False
    begun = record.valid_from is None or record.valid_from <= on
    ended = record.valid_to is not None and record.valid_to < on
    codes = covered_codes(record)
    return begun and not ended and (not codes or code in codes)


def current(versions: Iterable[Authorization]) -> Authorization | None:
    """The version that holds, of records of one number in the order in which they came."""
    holds: Authorization | None = None
    for record in versions:
        if holds is None or holds.version is None or record.version is None or record.version >= holds.version:
            holds = record
    return holds
