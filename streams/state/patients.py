"""The state of every member of one partition: packed, for there are millions of them, and opened one at a time."""

import struct
from collections.abc import Collection, Iterator, KeysView
from datetime import date
from itertools import islice
from typing import NamedTuple

from streams.sealing import Seal
from streams.state import changelog
from streams.state.entry import Entry, days_before, met_since, seen_since, together
from streams.state.patient import Patient
from validators.ruleset import StateTerms

OPEN_PATIENTS = 1000
"""How many members are kept as they were last read, beside their packed form: records of one often come together."""

SWEPT_AT_ONCE = 200
EVENT_BYTES = 32
_LENGTH = struct.Struct(">I")


class Change(NamedTuple):
    """A record for the changelog; no `value` takes the entry out of it."""

    key: bytes
    value: bytes | None


class Patients:
    """The patients of a partition by token, each the run of its packed entries: length, event, value.

    What has arrived too long ago to be seen by anything is swept out a few patients at a time, `revision_days` after
    the last moment at which it could be seen, so that no record that comes late or again misses it.
    """

    def __init__(self, seal: Seal, terms: StateTerms) -> None:
        self.seal = seal
        self.terms = terms
        self.newest = date.min  # the last day on which anything arrived
        self._packed: dict[bytes, bytes] = {}
        self._open: dict[str, Patient] = {}
        self._nobody = Patient(terms)
        self._events = 0
        self._sweeping: Iterator[bytes] = iter(())
        self._swept_on = date.min
        self._purged: dict[str, int] = {}  # tokens whose entries before a position are to be taken out
        self._unwritten: dict[bytes, Change] = {}  # what was swept and the changelog may not have yet

    def __len__(self) -> int:
        """How many members are known."""
        return len(self._packed)

    @property
    def events(self) -> int:
        """How many events are kept."""
        return self._events

    def tokens(self) -> KeysView[bytes]:
        """The members of whom anything is kept."""
        return self._packed.keys()

    def values_of(self, token: bytes) -> dict[bytes, bytes]:
        """Of each event kept of a member the value of its entry, as the changelog has it."""
        return dict(_unpacked(self._packed.get(token, b"")))

    def of(self, token: str) -> Patient:
        """The state of a member, empty when nothing was met yet. To be read."""
        patient = self._open.pop(token, None)
        if patient is None:
            packed = self._packed.get(bytes.fromhex(token))
            if packed is None:
                return self._nobody
            patient = Patient(self.terms)
            for event, value in _unpacked(packed):
                patient.put(changelog.decode(event, value, self.seal))
            if len(self._open) >= OPEN_PATIENTS:
                del self._open[next(iter(self._open))]
        self._open[token] = patient
        return patient

    def change(self, token: str, entry: Entry) -> Change:
        """The record of the changelog that says what is kept of an event from now on; nothing is entered."""
        return Change(changelog.key_of(token, entry.event_id), changelog.encode(entry, self.seal))

    def enter(self, token: str, entry: Entry, change: Change) -> None:
        """Enter an event, or what is to be kept of it from now on, as its change says it."""
        assert change.value is not None
        self._unwritten.pop(change.key, None)
        self._put_packed(bytes.fromhex(token), bytes.fromhex(entry.event_id), change.value)
        self.newest = max(self.newest, entry.arrived_on)
        if (patient := self._open.get(token)) is not None:
            patient.put(entry)
        if entry.purge is not None:
            self._purged[token] = entry.position

    def put(self, token: str, entry: Entry) -> Change:
        """Enter an event; the record that says so in the changelog."""
        change = self.change(token, entry)
        self.enter(token, entry, change)
        return change

    def restore(self, key: bytes | None, value: bytes | None) -> None:
        """Enter a record of the changelog, in its order. Raises UnknownEntryError."""
        named = changelog.parse_key(key)
        if named is None:
            return  # what else stands there, such as whose state it is
        if value is None:
            self._take_out(*named)
            return
        value = changelog.current(named, value, self.seal)
        moment, is_purge = changelog.place_of(value)
        self._put_packed(*named, value)
        self.newest = max(self.newest, moment.arrived_on)
        if is_purge:
            token = named.token.hex()
            self._purged[token] = max(moment.position, self._purged.get(token, -1))

    def swept(self, committed: int) -> Iterator[Change]:
        """What is to be taken out of the changelog now, or kept with less; `committed` is how far the log is done.

        A purge takes effect on the changelog once nothing before it can be read again.
        """
        for token in [token for token, position in self._purged.items() if position < committed]:
            del self._purged[token]
            for event_id, entry in self.of(token).behind_last_purge().items():
                yield self._keep(token, event_id, entry)
        due = tuple(islice(self._sweeping, SWEPT_AT_ONCE))
        if not due and self._swept_on < self.newest:  # not before, so that each is reached however few come in a day
            self._swept_on, self._sweeping = self.newest, iter(tuple(self._packed))
            due = tuple(islice(self._sweeping, SWEPT_AT_ONCE))
        for token_bytes in due:
            yield from self._without_what_is_old(token_bytes)

    def unwritten(self, committed: int) -> Collection[Change]:
        """What was swept, until `written`: its delivery may fail, and nothing would sweep it again."""
        if not self._unwritten:
            self._unwritten = {change.key: change for change in self.swept(committed)}
        return self._unwritten.values()

    def written(self) -> None:
        """The changelog has what was swept."""
        self._unwritten.clear()

    def _without_what_is_old(self, token: bytes) -> Iterator[Change]:
        """What nothing will see again goes; what an event was decided by stays as long as that event may come again."""
        latest = days_before(self.newest, self.terms.revision_days)
        met, seen = met_since(latest, self.terms), seen_since(latest, self.terms)
        packed = _unpacked(self._packed.get(token, b""))
        entries = [(event, value, changelog.all_kept_of(value)) for event, value in packed]
        known = [kept.moment.arrived_on for _, _, meetings in entries for kept in meetings]
        seen_by_first = seen_since(min((on for on in known if on >= seen), default=latest), self.terms)
        since: dict[changelog.EntryKind, date] = {"met": met, "purge": date.min}  # a proof stays
        for event, value, meetings in entries:
            stay = [kept for kept in meetings if kept.moment.arrived_on >= since.get(kept.kind, seen_by_first)]
            closed = any(kept.is_redecidable and kept.moment.arrived_on < met for kept in stay)
            if closed or len(stay) < len(meetings):
                positions = {kept.moment.position for kept in stay}
                yield self._keep(token.hex(), event.hex(), self._rest(event, value, positions, met))

    def _rest(self, event: bytes, value: bytes, positions: Collection[int], met: date) -> Entry | None:
        """What an event left at these positions; claims that came before `met` without what decides them anew."""
        if not positions:
            return None
        meetings = changelog.decode(event, value, self.seal).meetings()
        return together(
            each if each.arrived_on >= met else each._replace(redecidable=None)
            for each in meetings
            if each.position in positions
        )

    def _keep(self, token: str, event_id: str, entry: Entry | None) -> Change:
        return self._remove(token, event_id) if entry is None else self.put(token, entry)

    def _remove(self, token: str, event_id: str) -> Change:
        self._take_out(bytes.fromhex(token), bytes.fromhex(event_id))
        if (patient := self._open.get(token)) is not None:
            patient.remove(event_id)
        return Change(changelog.key_of(token, event_id), None)

    def _put_packed(self, token: bytes, event: bytes, value: bytes) -> None:
        packed = self._packed.get(token, b"")
        if event in packed:  # then most likely as the name of an entry
            self._take_out(token, event)
            packed = self._packed.get(token, b"")
        self._packed[token] = b"".join((packed, _LENGTH.pack(len(value)), event, value))
        self._events += 1

    def _take_out(self, token: bytes, event: bytes) -> None:
        before = self._packed.pop(token, b"")
        after = _without(before, event)
        if after:
            self._packed[token] = after
        self._events -= len(after) != len(before)


def _unpacked(packed: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Event and value of each entry."""
    at = 0
    while at < len(packed):
        (length,) = _LENGTH.unpack_from(packed, at)
        at += _LENGTH.size
        event, value = packed[at : at + EVENT_BYTES], packed[at + EVENT_BYTES : at + EVENT_BYTES + length]
        yield event, value
        at += EVENT_BYTES + length


def _without(packed: bytes, event: bytes) -> bytes:
    """All entries but that of an event."""
    at = 0
    while at < len(packed):
        end = at + _LENGTH.size + EVENT_BYTES + _LENGTH.unpack_from(packed, at)[0]
        if packed.startswith(event, at + _LENGTH.size):
            return packed[:at] + packed[end:]
        at = end
    return packed
