"""What the log has said of one member so far: events met, the claims of each person that later rules read, and facts.

Everything is asked as of a moment of the log, so that a claim met again decides as it did at first.
"""

from bisect import insort
from collections.abc import Iterable, Sequence
from datetime import date
from operator import attrgetter
from typing import NamedTuple

from streams.state.entry import Entry, Moment, Redecidable, met_since, seen_since, together
from validators.facts import NOTHING_KNOWN, Facts
from validators.history import History, PastClaim
from validators.ruleset import StateTerms

_position = attrgetter("position")


class _PersonLog:
    """The claims of one person in log order, with their fold at the end of it."""

    __slots__ = ("entries", "latest", "oldest")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.latest = History()
        self.oldest = date.max

    def before(self, position: int, begin: int, since: date) -> History:
        if self._all_seen(position, begin, since):
            return self.latest
        return _fold([e for e in self.entries if begin < e.position < position and e.arrived_on >= since])

    def _all_seen(self, position: int, begin: int, since: date) -> bool:
        entries = self.entries
        return entries[-1].position < position and entries[0].position > begin and self.oldest >= since

    def add(self, entry: Entry) -> None:
        assert entry.claim is not None
        self.oldest = min(self.oldest, entry.arrived_on)
        is_last = not self.entries or self.entries[-1].position < entry.position
        if is_last and entry.earlier is None:
            self.entries.append(entry)
            self.latest.add(entry.claim)
        else:
            insort(self.entries, entry, key=_position)
            self.latest = _fold(self.entries)


def _fold(entries: Sequence[Entry]) -> History:
    """What these claims come to, in log order; an event counts once, where it was met last."""
    history, last = History(), {entry.event_id: entry.position for entry in entries}
    for entry in entries:
        if entry.position == last[entry.event_id]:
            assert entry.claim is not None
            history.add(entry.claim)
    return history


class Reopened(NamedTuple):
    """A claim that may be decided anew."""

    entry: Entry
    claim: PastClaim
    redecidable: Redecidable


class Patient:
    """The state of one member, read entry by entry. To be read; `Patients` changes it."""

    __slots__ = ("_facts", "_persons", "_purges", "entries", "terms")

    def __init__(self, terms: StateTerms) -> None:
        self.terms = terms
        self.entries: dict[str, Entry] = {}
        self._persons: dict[str, _PersonLog] = {}
        self._facts: list[Entry] = []
        self._purges: list[int] = []

    def known(self, event_id: str, moment: Moment) -> Entry | None:
        """The event as it was last met before a moment, when that is not forgotten by then."""
        met = self.entries.get(event_id)
        while met is not None and not (met.position < moment.position and self._holds(met, moment)):
            met = met.earlier
        return met

    def _holds(self, met: Entry, moment: Moment) -> bool:
        """Whether what an event left before a moment is not forgotten by then."""
        if met.purge is not None:
            return True
        since = met_since if met.only_met else seen_since
        return met.position > self._begin(moment) and met.arrived_on >= since(moment.arrived_on, self.terms)

    def history(self, person: str, moment: Moment) -> History:
        """What counts of a person's claims before a moment. Not to be changed by the caller."""
        log = self._persons.get(person)
        if log is None:
            return History()
        return log.before(moment.position, self._begin(moment), seen_since(moment.arrived_on, self.terms))

    def facts(self, person: str, moment: Moment, since: date | None = None) -> Facts:
        """The authorizations and encounters of a person that came before a moment, in the order of the log.

        `since` is the first day of arrival that counts, where it is not that of the moment itself.
        """
        if not self._facts:
            return NOTHING_KNOWN
        begin, since = self._begin(moment), since or seen_since(moment.arrived_on, self.terms)
        seen = [
            e
            for e in self._facts
            if begin < e.position < moment.position and e.arrived_on >= since and e.person in ("", person)
        ]
        return Facts(
            tuple(e.authorization for e in seen if e.authorization is not None),
            tuple(e.encounter for e in seen if e.encounter is not None),
        )

    def reopened(self, person: str, moment: Moment) -> list[Reopened]:
        """The claims before a moment that may be decided anew then; an empty `person` means those of everybody."""
        since, begin = met_since(moment.arrived_on, self.terms), self._begin(moment)
        logs = self._persons.values() if not person else filter(None, (self._persons.get(person),))
        entries = sorted((entry for log in logs for entry in log.entries), key=_position)
        return [
            Reopened(entry, entry.claim, entry.redecidable)
            for entry in entries
            if entry.claim and entry.redecidable
            if begin < entry.position < moment.position and entry.arrived_on >= since
        ]

    def purged_at(self, moment: Moment) -> list[Entry]:
        """What a purge at a moment takes away: all that could still be seen or known again then, in no order."""
        return [e for e in self.entries.values() if e.purge is None and self.known(e.event_id, moment) is not None]

    def behind_last_purge(self) -> dict[str, Entry | None]:
        """Of each event that stood before the last purge what it left behind it, which alone is seen from there on.

        The proofs of earlier purges stay.
        """
        last = max(self._purges, default=-1)
        events = (entry for entry in self.entries.values() if entry.purge is None)
        return {
            entry.event_id: together(met for met in entry.meetings() if met.position > last)
            for entry in events
            if any(met.position < last for met in entry.meetings())
        }

    def whole(self, entries: Iterable[Entry]) -> list[Entry]:
        """An entry of each of these events: with what it left elsewhere in the log, beside what is to be entered."""
        whole: dict[str, Entry] = {}
        for entry in entries:
            event_id = entry.event_id
            whole[event_id] = entry.beside(whole.get(event_id) or self.entries.get(event_id))
        return list(whole.values())

    def put(self, entry: Entry) -> None:
        """Enter an event, or what is to be kept of it from now on."""
        if entry.event_id in self.entries:
            self.remove(entry.event_id)
        self.entries[entry.event_id] = entry
        for met in entry.meetings():
            if met.claim is not None:
                self._persons.setdefault(met.person, _PersonLog()).add(met)
            if met.authorization or met.encounter:
                insort(self._facts, met, key=_position)
        if entry.purge:
            self._purges.append(entry.position)

    def remove(self, event_id: str) -> None:
        """Forget an event."""
        gone = self.entries.pop(event_id)
        self._facts = [entry for entry in self._facts if entry.event_id != event_id]
        self._purges = [position for position in self._purges if gone.purge is None or position != gone.position]
        if any(met.claim for met in gone.meetings()):
            kept = [entry for entry in self._persons.pop(gone.person).entries if entry.event_id != event_id]
            for entry in kept:
                self._persons.setdefault(gone.person, _PersonLog()).add(entry)

    def _begin(self, moment: Moment) -> int:
        """The position of the last purge before a moment: nothing up to there is seen."""
        if not self._purges:
            return -1
        return max((position for position in self._purges if position < moment.position), default=-1)
