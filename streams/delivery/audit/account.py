"""Conservation: every received item accounted for, by a join of what the topics say. Rows in, an account out.

account = Account(names, whole=True)
account.take(rows)  # all rows of any set of keys, each key's together
account.unaccounted
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any, Literal, NamedTuple

from streams import headers as h
from streams.delivery.audit.rows import FACT, IN_WINDOW, NAMELESS, SETTLED, Kind, Row, audited, decode
from streams.topic_layout import Topics

Fault = Literal[
    "no-manifest",  # a received record without manifest or dead letter of its own
    "incomplete-manifest",  # some parts of its manifest are missing
    "wrong-items",  # the manifest counts other items than it lists
    "not-logged",  # a manifest's claim or fact that never came into the log
    "no-outcome",  # a claim of the log without decision or dead letter
    "no-dead-letter",  # a rejection without its dead letter
    "two-manifests",  # two manifests of one record that differ
    "two-decisions",  # two bodies for one event, revision and ruleset
    "unknown-event",  # a decision of an event that neither a manifest nor the log knows
    "unreadable",  # a record of another kind on a topic of ours
]
CONTRADICTIONS: tuple[Fault, ...] = ("two-manifests", "two-decisions")
STRANGE: tuple[Fault, ...] = ("unknown-event", "unreadable")
Subject = Literal["records", "claims", "facts", "rejections"]
SUBJECTS: tuple[Subject, ...] = ("records", "claims", "facts", "rejections")
_ITEMS = frozenset({Kind.CLAIM, Kind.FACT, Kind.REJECTION})
_OF_RECORD = frozenset({Kind.RECEIVED, Kind.MANIFEST, Kind.RECORD_LETTER})


class Found(NamedTuple):
    """One thing wrong: where, and of which event. `beside` is the position of what it contradicts."""

    position: str
    fault: Fault
    event_id: str | None = None
    beside: str | None = None

    def place(self) -> tuple[str, int, int]:
        """Topic, partition and offset: an order for people."""
        topic, partition, offset = self.position.rsplit(":", 2)
        return topic, int(partition), int(offset)

    def as_object(self) -> dict[str, Any]:
        """For programs."""
        told = {"kind": self.fault, "position": self.position, "event_id": self.event_id}
        return told if self.beside is None else {**told, "beside": self.beside}


@dataclass(slots=True)
class Count:
    """How many of one subject were found, each once, and what became of them."""

    found: int = 0
    accounted: int = 0
    in_progress: int = 0
    unaccounted: int = 0


@dataclass(slots=True)
class Account:
    """What became of everything in the window. `examples` keeps at most `limit` findings; `faults` counts all."""

    names: Topics
    whole: bool
    limit: int = 100
    counts: dict[Subject, Count] = field(default_factory=lambda: {subject: Count() for subject in SUBJECTS})
    faults: dict[Fault, int] = field(default_factory=dict)
    examples: list[Found] = field(default_factory=list)
    decisions_repeated: int = 0
    _topics: Sequence[str] = ()

    def __post_init__(self) -> None:
        self._topics = audited(self.names)

    @property
    def unaccounted(self) -> int:
        """How many records, claims, facts and rejections are lost."""
        return sum(count.unaccounted for count in self.counts.values())

    @property
    def contradictory(self) -> int:
        """How many were told two things."""
        return sum(self.faults.get(fault, 0) for fault in CONTRADICTIONS)

    @property
    def strange(self) -> int:
        """How many records nobody should have written."""
        return sum(self.faults.get(fault, 0) for fault in STRANGE)

    def take(self, rows: Iterable[bytes]) -> None:
        """Account for the keys of these rows, in any order; all rows of a key are among them."""
        for _, group in groupby(map(decode, sorted(rows)), key=lambda row: row.key):
            about = list(group)
            kinds = {row.kind for row in about}
            if kinds & _OF_RECORD:
                self._record(about)
            elif Kind.UNREADABLE in kinds:
                self._note("unreadable", about[0])
            else:
                self._event(about, kinds)
                self._decisions([row for row in about if row.kind == Kind.DECIDED])

    def _record(self, about: Sequence[Row]) -> None:
        """A received record: the parts of its manifest, or a dead letter of its own."""
        received = about[0]
        if received.kind != Kind.RECEIVED:
            return  # its record is not in the window
        fault = _fault_of_record(about)
        if fault in CONTRADICTIONS:
            self._note(fault, received)
            fault = None
        busy = fault in ("no-manifest", "incomplete-manifest") and not received.flags & SETTLED
        self._count("records", fault, received, busy=busy)

    def _event(self, about: Sequence[Row], kinds: set[int]) -> None:
        """An event: what manifests say of it, whether it stands in the log, and what came out."""
        logged = [row for row in about if row.kind == Kind.LOGGED]
        if Kind.DECIDED in kinds and not (kinds & _ITEMS or logged):
            if self.whole:
                self._note("unknown-event", about[0])
            return
        asked = [row for row in about if row.kind in _ITEMS and row.flags & IN_WINDOW]
        by_kind = {row.kind for row in asked}
        if not asked and not any(row.flags & IN_WINDOW for row in logged):
            return  # of another window
        if by_kind == {Kind.REJECTION} and not logged:
            told = kinds & {Kind.REJECTION_LETTER, Kind.DECIDED}
            self._settle("rejections", None if told else "no-dead-letter", asked)
        elif Kind.FACT in by_kind or any(row.flags & FACT for row in logged):
            self._settle("facts", None if logged or Kind.LOG_LETTER in kinds else "not-logged", asked)
        elif Kind.DECIDED in kinds:
            self._settle("claims", None, asked)
        elif logged:
            # One that was redriven after its dead letter needs another outcome.
            put_aside = {row.failed_at for row in about if row.kind == Kind.LOG_LETTER}
            left = [row for row in logged if (row.partition, row.offset) not in put_aside]
            self._settle("claims", "no-outcome" if left else None, left)
        elif Kind.LOG_LETTER in kinds:
            self._settle("claims", None, asked)
        else:
            self._settle("claims", "not-logged", [row for row in asked if row.kind == Kind.CLAIM])

    def _settle(self, subject: Subject, fault: Fault | None, waiting: Sequence[Row]) -> None:
        """Count one; while the worker has any of the rows it would come from before it, it is not lost yet."""
        busy = any(not row.flags & SETTLED for row in waiting)
        self._count(subject, fault, waiting[0] if waiting else None, busy=busy)

    def _count(self, subject: Subject, fault: Fault | None, row: Row | None, *, busy: bool) -> None:
        count = self.counts[subject]
        count.found += 1
        if fault is None:
            count.accounted += 1
        elif busy:
            count.in_progress += 1
        else:
            assert row is not None  # a fault is about some row
            count.unaccounted += 1
            self._note(fault, row)

    def _decisions(self, decisions: Sequence[Row]) -> None:
        first: dict[bytes, Row] = {}
        bodies = set()
        for row in decisions:
            version = row.detail[:8]
            if row.detail not in bodies and version in first:
                self._note("two-decisions", row, beside=first[version])
            bodies.add(row.detail)
            first.setdefault(version, row)
        self.decisions_repeated += len(decisions) - len(bodies)

    def _note(self, fault: Fault, row: Row, beside: Row | None = None) -> None:
        self.faults[fault] = self.faults.get(fault, 0) + 1
        if len(self.examples) < self.limit:
            event_id = None if _nameless(row) else row.key.hex()
            self.examples.append(Found(self._at(row), fault, event_id, self._at(beside) if beside else None))

    def _at(self, row: Row) -> str:
        return h.position(self._topics[row.topic], row.partition, row.offset)

    def as_object(self) -> dict[str, Any]:
        """The summary for programs."""
        return {
            **{subject: asdict(self.counts[subject]) for subject in SUBJECTS},
            "unaccounted": self.unaccounted,
            "contradictory": self.contradictory,
            "strange": self.strange,
            "decisions_repeated": self.decisions_repeated,
            "faults": dict(sorted(self.faults.items())),
        }


def _fault_of_record(about: Sequence[Row]) -> Fault | None:
    """What is wrong with the manifest of a record that has no dead letter of its own."""
    if any(row.kind == Kind.RECORD_LETTER for row in about):
        return None
    manifests = {row.counts for row in about if row.kind == Kind.MANIFEST}  # the same one again is no other
    if not manifests:
        return "no-manifest"
    of_record = {(parts, items) for _, parts, items, _ in manifests}
    listed = {part for part, *_ in manifests}
    if len(of_record) > 1 or len(listed) < len(manifests):
        return "two-manifests"
    ((parts, items),) = of_record
    if listed != set(range(parts)):
        return "incomplete-manifest"
    return None if sum(found for *_, found in manifests) == items else "wrong-items"


def _nameless(row: Row) -> bool:
    """Whether the key of a row is no event id."""
    of_event = row.kind not in _OF_RECORD and row.kind != Kind.UNREADABLE
    return not of_event or (row.kind == Kind.LOGGED and bool(row.flags & NAMELESS))
