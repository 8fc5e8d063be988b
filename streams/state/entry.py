"""What one event leaves in the state of a patient, and the terms under which later events see it."""

from datetime import date
from functools import lru_cache
from typing import NamedTuple

from schemas.authorization import Authorization
from schemas.decision import Outcome
from schemas.encounter import Encounter
from validators.calendar_months import months_before
from validators.history import PastClaim
from validators.ruleset import StateTerms


class Moment(NamedTuple):
    """A place in a partition of the log, and the day on which what stands there arrived."""

    position: int
    arrived_on: date


class Issued(NamedTuple):
    """A decision that was published: by which record of the log, under which id, on the topic of which outcome."""

    position: int
    decision_id: str
    outcome: Outcome


class Redecidable(NamedTuple):
    """What it takes to decide a claim anew: the claim, sealed, and the decisions about it so far, in order."""

    sealed: bytes
    issued: tuple[Issued, ...]

    def with_issued(self, issued: Issued) -> "Redecidable":
        """With a decision more, which a repeat may have entered before."""
        others = (each for each in self.issued if each.position != issued.position)
        return self._replace(issued=tuple(sorted((*others, issued))))


class Purge(NamedTuple):
    """A patient was removed here: how many entries could be seen until then, and the SHA-256 of their event ids."""

    entries: int
    sha256: str


class Entry(NamedTuple):
    """What one event adds: a claim, an authorization, an encounter, a purge, or only that the event was met.

    An empty `person` of an authorization or encounter means any person of the member.
    """

    event_id: str
    moment: Moment
    received_on: date | None = None
    person: str = ""
    claim: PastClaim | None = None
    redecidable: Redecidable | None = None
    authorization: Authorization | None = None
    encounter: Encounter | None = None
    purge: Purge | None = None

    @property
    def position(self) -> int:
        """Where the event stood first."""
        return self.moment.position

    @property
    def arrived_on(self) -> date:
        """The day it arrived."""
        return self.moment.arrived_on

    @property
    def only_met(self) -> bool:
        """Whether nothing is kept of the event but that it was met."""
        return self.claim is None and self.authorization is None and self.encounter is None and self.purge is None


@lru_cache(1 << 12)
def days_before(day: date, days: int) -> date:
    """The day `days` earlier; never before year 1."""
    return date.fromordinal(max(1, day.toordinal() - days))


def seen_since(arrived_on: date, terms: StateTerms) -> date:
    """The first day whose claims, authorizations and encounters are seen by what arrives on `arrived_on`."""
    return months_before(arrived_on, terms.look_back_months)


def met_since(arrived_on: date, terms: StateTerms) -> date:
    """The first day whose events are known again, and whose claims are decided anew, on `arrived_on`."""
    return days_before(arrived_on, terms.revision_days)
