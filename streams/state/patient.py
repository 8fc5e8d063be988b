"""What the log has said of one member so far: events met, and the claims of each person that later rules read.

Everything can be asked as of a position of the log, so that a claim met again decides as it did at first.
"""

from bisect import insort
from dataclasses import dataclass, field
from datetime import date
from operator import attrgetter
from typing import NamedTuple

from validators.facts import NOTHING_KNOWN, AuthorizationFacts, EncounterFacts, Facts
from validators.history import History, PastClaim

_position = attrgetter("position")
_known_position = attrgetter("known.position")


class KnownEvent(NamedTuple):
    """An event of the log: where it first stood, and when it was received then."""

    position: int
    received_on: date | None


class Entry(NamedTuple):
    """What one event adds to the state of a patient: a claim, an authorization, an encounter, or only that it was met.

    An empty `person` of an authorization or encounter means any person of the member.
    """

    event_id: str
    known: KnownEvent
    person: str
    claim: PastClaim | None = None
    authorization: AuthorizationFacts | None = None
    encounter: EncounterFacts | None = None


@dataclass(slots=True)
class _PersonLog:
    """The claims of one person in log order, with their fold at the end of it."""

    claims: list[PastClaim] = field(default_factory=list)
    latest: History = field(default_factory=History)

    def before(self, position: int) -> History:
        if not self.claims or self.claims[-1].position < position:
            return self.latest
        return _fold([claim for claim in self.claims if claim.position < position])

    def add(self, claim: PastClaim) -> None:
        if not self.claims or self.claims[-1].position < claim.position:
            self.claims.append(claim)
            self.latest.add(claim)
        elif all(known.event_id != claim.event_id for known in self.claims):
            insort(self.claims, claim, key=_position)
            self.latest = _fold(self.claims)


def _fold(claims: list[PastClaim]) -> History:
    history = History()
    for claim in claims:
        history.add(claim)
    return history


@dataclass(slots=True)
class Patient:
    """The state of one member."""

    events: dict[str, KnownEvent] = field(default_factory=dict)
    persons: dict[str, _PersonLog] = field(default_factory=dict)
    facts: list[Entry] = field(default_factory=list)

    def known(self, event_id: str, before: int) -> KnownEvent | None:
        """The event, when it already stood in the log before a position."""
        known = self.events.get(event_id)
        return known if known is not None and known.position < before else None

    def history(self, person: str, before: int) -> History:
        """What counts of a person's claims before a position. Not to be changed by the caller."""
        log = self.persons.get(person)
        return log.before(before) if log else History()

    def facts_of(self, person: str, before: int) -> Facts:
        """The authorizations and encounters of a person that came before a position, in the order of the log."""
        if not self.facts:
            return NOTHING_KNOWN
        seen = [e for e in self.facts if e.known.position < before and e.person in ("", person)]
        return Facts(
            tuple(e.authorization for e in seen if e.authorization is not None),
            tuple(e.encounter for e in seen if e.encounter is not None),
        )

    def add(self, entry: Entry) -> None:
        """Enter what an event adds. Entering it again changes nothing."""
        if (entry.authorization or entry.encounter) and entry.event_id not in self.events:
            insort(self.facts, entry, key=_known_position)
        self.events[entry.event_id] = entry.known
        if entry.claim is not None:
            self.persons.setdefault(entry.person, _PersonLog()).add(entry.claim)


@dataclass(slots=True)
class Patients:
    """The state of every member of one partition, by patient token."""

    by_token: dict[str, Patient] = field(default_factory=dict)

    def of(self, token: str) -> Patient:
        """The state of a member, empty when nothing was met yet. To be read."""
        return self.by_token.get(token) or Patient()

    def add(self, token: str, entry: Entry) -> None:
        """Enter what an event adds to a member's state."""
        self.by_token.setdefault(token, Patient()).add(entry)

    def events(self) -> int:
        """How many events are kept."""
        return sum(len(patient.events) for patient in self.by_token.values())
