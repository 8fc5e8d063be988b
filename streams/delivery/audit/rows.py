"""What an audit keeps of a record: rows of 60 bytes, each under the key it is joined by. Nothing of a claim is in them.

Records in, rows out; `streams.delivery.audit` makes an account of the rows.
"""

import functools
import hashlib
import re
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import jiter

from schemas.codec import parse_content_type
from schemas.decision import OUTCOMES
from streams import headers as h
from streams.chunks import Record
from streams.delivery.dead_letters import OF_RECORD
from streams.topic_layout import Topics

SETTLED, IN_WINDOW, FACT, NAMELESS = 1, 2, 4, 8
"""Flags of a row: its record lies before what the worker's group has committed; the window is to account for it; it is
an authorization or encounter, of which nothing is decided; its key is no event id, for it had none."""

_ROW = struct.Struct(">32sBBHQ16s")
_PARTS = struct.Struct(">IIII")
_PLACE = struct.Struct(">HQ4x")
ROW_BYTES = _ROW.size
_EVENT_ID = re.compile("[0-9a-f]{64}")
_FACTS = ("authorization", "encounter")


class Kind(IntEnum):
    """What a row says of its key. The first three share the key of a received record, the others that of an event."""

    RECEIVED = 1
    MANIFEST = 2
    RECORD_LETTER = 3
    CLAIM = 4
    FACT = 5
    REJECTION = 6
    LOGGED = 7
    DECIDED = 8
    REJECTION_LETTER = 9
    LOG_LETTER = 10
    UNREADABLE = 11


class Row(NamedTuple):
    """A row; `topic` is an index into `audited`, and with partition and offset says where it was met.

    A row of a manifest's item bears the position of the received record. `detail` depends on the kind: flags, a
    digest of ruleset and revision and one of the body of a decision, the counts of a manifest, or the place in the log
    a dead letter is of.
    """

    key: bytes
    kind: int
    topic: int
    partition: int
    offset: int
    detail: bytes

    @property
    def flags(self) -> int:
        """Its flags, where the kind has some."""
        return self.detail[0]

    @property
    def failed_at(self) -> tuple[int, int]:
        """Of a dead letter of the log: partition and offset of the record it is of."""
        partition, offset = _PLACE.unpack_from(self.detail)
        return partition, offset

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Of a manifest: part, parts, items of the whole record, items of this part."""
        part, parts, items, found = _PARTS.unpack(self.detail)
        return part, parts, items, found


def decode(row: bytes) -> Row:
    """The row of its bytes."""
    return Row._make(_ROW.unpack(row))


def audited(names: Topics) -> tuple[str, ...]:
    """The topics an audit reads."""
    outcomes = tuple(map(names.outcome, OUTCOMES))
    return (
        names.received, names.manifests, names.received_dlt, names.patient_events, names.patient_events_dlt, *outcomes
    )  # fmt: skip


Place = tuple[str, int]
"""Topic and partition."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What an audit asks about.

    `spans` are the received records of the window by partition, `committed` the worker's group: the next offset it will
    read, 0 where it has none. `whole`: the window is all there ever was, so that nothing may come from elsewhere.
    """

    names: Topics
    spans: Mapping[int, range]
    committed: Mapping[Place, int]
    whole: bool

    def settled(self, topic: str, partition: int, offset: int) -> bool:
        """Whether the worker has done with a record: the broker has every output of it."""
        return offset < self.committed.get((topic, partition), 0)


class Reading:
    """Makes rows of records of the audited topics."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        names = scope.names
        self._received_topic = names.received
        self._index = {topic: index for index, topic in enumerate(audited(names))}
        self._rows_of: dict[str, Callable[[Record, Mapping[str, bytes]], Iterable[bytes]]] = {
            names.received: self._received,
            names.manifests: self._manifest,
            names.received_dlt: self._received_letter,
            names.patient_events: self._logged,
            names.patient_events_dlt: self._log_letter,
            **{names.outcome(outcome): self._decision for outcome in OUTCOMES},
        }

    def rows(self, record: Record) -> Sequence[bytes]:
        """The rows of one record; what cannot be read on a topic of ours is a row too."""
        found = {name: content or b"" for name, content in record.headers}
        try:
            return list(self._rows_of[record.topic](record, found))
        except (ValueError, KeyError, TypeError, AttributeError, struct.error):
            return [_row(_position_key(record), Kind.UNREADABLE, self._index[record.topic], record)]

    def _received(self, record: Record, _: Mapping[str, bytes]) -> Iterator[bytes]:
        if record.offset in self.scope.spans.get(record.partition, ()):
            sha256 = hashlib.sha256(record.value or b"").hexdigest()
            key = _digest(h.position(record.topic, record.partition, record.offset), sha256)
            settled = self.scope.settled(record.topic, record.partition, record.offset)
            yield _row(key, Kind.RECEIVED, 0, record, bytes([settled * SETTLED]))

    def _manifest(self, record: Record, _: Mapping[str, bytes]) -> Iterator[bytes]:
        manifest = jiter.from_json(record.value or b"", cache_mode="keys")
        position, events, facts = manifest["position"], manifest["event_ids"], manifest.get("fact_ids", ())
        rejected = [each["event_id"] for each in manifest["rejections"]]
        at = _At.read(position)
        counts = _PARTS.pack(manifest["part"], manifest["parts"], manifest["items"], len(events) + len(rejected))
        yield _row(_digest(position, manifest["sha256"]), Kind.MANIFEST, 0, at, counts)
        flags = bytes([self._flags_of_origin(at)])
        for kind, ids in ((Kind.CLAIM, events), (Kind.FACT, facts), (Kind.REJECTION, rejected)):
            for event_id in ids:
                yield _row(_key_of(event_id), kind, 0, at, flags)

    def _received_letter(self, record: Record, found: Mapping[str, bytes]) -> Iterator[bytes]:
        index = self._index[record.topic]
        if found[h.LETTER_OF] == OF_RECORD.encode():
            # Joined with its record by position and bytes: a topic made anew begins its offsets anew.
            key = _digest(found[h.FAILED_AT].decode(), hashlib.sha256(record.value or b"").hexdigest())
            yield _row(key, Kind.RECORD_LETTER, index, record)
        else:
            yield _row(_key_of(found[h.EVENT_ID].decode()), Kind.REJECTION_LETTER, index, record)

    def _log_letter(self, record: Record, found: Mapping[str, bytes]) -> Iterator[bytes]:
        position = found[h.FAILED_AT].decode()
        at = _At.read(position)
        key = _event_key(found) or _digest(position)
        yield _row(key, Kind.LOG_LETTER, self._index[record.topic], record, _PLACE.pack(at.partition, at.offset))

    def _logged(self, record: Record, found: Mapping[str, bytes]) -> Iterator[bytes]:
        if _kind(found) == "purge":
            return  # an operator wrote it: nothing was received, and nothing is to be decided
        flags = SETTLED * self.scope.settled(record.topic, record.partition, record.offset)
        try:
            flags |= IN_WINDOW & self._flags_of_origin(_At.read(found[h.ORIGIN].decode()))
        except (ValueError, KeyError):
            flags |= IN_WINDOW * self.scope.whole  # nobody wrote down where it came from
        event_key = _event_key(found)
        flags |= NAMELESS if event_key is None else FACT * (_kind(found) in _FACTS)
        key = event_key or _position_key(record)
        yield _row(key, Kind.LOGGED, self._index[record.topic], record, bytes([flags]))

    def _decision(self, record: Record, found: Mapping[str, bytes]) -> Iterator[bytes]:
        kind = _kind(found)
        if kind == "withdrawal":
            return  # the decision it makes way for has a record of its own
        if kind != "decision":
            raise ValueError("a record on a topic of decisions that is none")
        value = record.value or b""
        decision = jiter.from_json(value, cache_mode="keys")
        version = _digest(str(decision["revision"]), decision["ruleset"]["sha256"])
        detail = version[:8] + hashlib.sha256(value).digest()[:8]
        key = _event_key(found) or _key_of(decision["event_id"])
        yield _row(key, Kind.DECIDED, self._index[record.topic], record, detail)

    def _flags_of_origin(self, at: "_At") -> int:
        within = at.topic == self._received_topic and at.offset in self.scope.spans.get(at.partition, ())
        return within * IN_WINDOW | self.scope.settled(at.topic, at.partition, at.offset) * SETTLED


class _At(NamedTuple):
    topic: str
    partition: int
    offset: int

    @classmethod
    def read(cls, position: str) -> "_At":
        """Raises ValueError for what is no `topic:partition:offset`."""
        topic, partition, offset = position.rsplit(":", 2)
        return cls(topic, int(partition), int(offset))


def _position_key(record: Record) -> bytes:
    return _digest(h.position(record.topic, record.partition, record.offset))


def _row(key: bytes, kind: Kind, topic: int, at: Record | _At, detail: bytes = b"") -> bytes:
    return _ROW.pack(key, kind, topic, at.partition, at.offset, detail)


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()


def _event_key(found: Mapping[str, bytes]) -> bytes | None:
    """The key of an event id in the headers; None for what intake did not write."""
    event_id = found.get(h.EVENT_ID, b"").decode(errors="replace")
    return bytes.fromhex(event_id) if _EVENT_ID.fullmatch(event_id) else None


def _key_of(event_id: str) -> bytes:
    if not _EVENT_ID.fullmatch(event_id):
        raise ValueError("an event id is 64 hex digits")
    return bytes.fromhex(event_id)


def _kind(found: Mapping[str, bytes]) -> str:
    return _kind_of(found.get(h.CONTENT_TYPE, b""))


@functools.lru_cache(maxsize=64)
def _kind_of(content_type: bytes) -> str:
    known = parse_content_type(content_type.decode(errors="replace"))
    return known[0] if known else ""
