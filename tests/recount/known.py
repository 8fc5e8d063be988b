"""What authorizations and encounters say at a place of the log, and what has been used of an authorization."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from schemas.authorization import Authorization
from schemas.encounter import Encounter
from tests.recount.told import Told
from validators.codes import ESI
from validators.facts import Facts


class Known(Facts):
    """The facts that came before, as rules ask for them; the answers are worked out here."""

    __slots__ = ()

    def authorization(self, number: str) -> Authorization | None:
        """The record that holds under a number: the highest version; one without a version replaces all before it."""
        records = [each for each in self.authorizations if each.authorization_number == number]
        unversioned = [at for at, each in enumerate(records) if each.version is None]
        since_then = records[unversioned[-1] + 1 :] if unversioned else records
        if not since_then:
            return records[-1] if records else None
        highest = max(each.version or 0 for each in since_then)
        return [each for each in since_then if each.version == highest][-1]

    def encounter(self, code: str, on: date) -> Encounter | None:
        """The session of a line: the last record of that day which names its code, else the last that names none."""
        of_that_day = [each for each in self.encounters if each.service_date == on]
        naming = [each for each in of_that_day if each.procedure_code == code]
        for_any = [each for each in of_that_day if not each.procedure_code]
        return (naming or for_any or [None])[-1]


def known(facts: Sequence[Told]) -> Known:
    """What these records say together, in the order of the log."""
    return Known(
        tuple(each.says for each in facts if isinstance(each.says, Authorization)),
        tuple(each.says for each in facts if isinstance(each.says, Encounter)),
    )


def sessions_of(claims: Iterable[Told]) -> dict[str, set[date]]:
    """The days on which a person had an injection, by spinal region (rules.yaml: session)."""
    sessions: dict[str, set[date]] = defaultdict(set)
    for claim in claims:
        for service in claim.services:
            if service.region is not None:
                sessions[service.region].add(service.on)
    return dict(sessions)


class Used(NamedTuple):
    """The days on which an authorization was used, and the units of each day and procedure."""

    dates: frozenset[date]
    units: Mapping[tuple[date, str], Decimal]


def used_of(number: str, claims: Iterable[Told]) -> Used:
    """What claims that count have used of an authorization (rules.yaml, AUTH-12).

    A date counts once however many claims cite the number; per date and code the largest units of one claim count.
    """
    units: dict[tuple[date, str], Decimal] = {}
    for claim in claims:
        citing = [each for each in claim.services if each.authorization == number and each.code in ESI]
        for service in citing:
            alike = [each for each in citing if (each.on, each.code) == (service.on, service.code)]
            of_this_claim = sum((each.units for each in alike), Decimal(0))
            before = units.get((service.on, service.code), of_this_claim)
            units[service.on, service.code] = max(before, of_this_claim)
    return Used(frozenset(on for on, _ in units), units)
