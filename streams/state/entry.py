"""What one event leaves in the state of a patient, and the terms under which later events see it."""

from collections.abc import Iterable, Iterator
from datetime import date
from functools import lru_cache
from operator import attrgetter
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

    An empty `person` of an authorization or encounter means any person of the member. `earlier` is what it left when it
    was met before, and had been forgotten since: what was decided in between saw it there, and may be decided again.
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
    earlier: "Entry | None" = None

    @property
    def position(self) -> int:
        """Where the event stood when it was met as a new one."""
        return self.moment.position

    @property
    def arrived_on(self) -> date:
        """The day it arrived."""
        return self.moment.arrived_on

    @property
    def only_met(self) -> bool:
        """Whether nothing is kept of the event but that it was met."""
        return self.claim is None and self.authorization is None and self.encounter is None and self.purge is None

    def meetings(self) -> Iterator["Entry"]:
        """What the event left each time that it was met as a new one, the last first."""
        met: Entry | None = self
        while met is not None:
            yield met
            met = met.earlier

    def beside(self, other: "Entry | None") -> "Entry":
        """With what the event left elsewhere in the log, as `other` tells it; what it left here gives way to this."""
        elsewhere = (met for met in other.meetings() if met.position != self.position) if other else ()
        entry = together((self, *elsewhere))
        assert entry is not None
        return entry


def together(meetings: Iterable[Entry]) -> Entry | None:
    """The entry of an event that was met as a new one these times, in whatever order they are given."""
    entry: Entry | None = None
    for met in sorted(meetings, key=attrgetter("position")):
        entry = met._replace(earlier=entry)
    return entry


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
