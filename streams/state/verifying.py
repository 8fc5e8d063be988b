"""The state recounted from the log, and where the changelog says otherwise.

A busy worker is never accused: compared is what stands below its commits of the start, for the changelog had that
before. An entry is compared while it can still be seen; behind that a worker sweeps it out in its own time. Where the
log begins later than it once did, the recount begins with what the changelog keeps of the time before.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, NamedTuple

from streams import headers as h
from streams.agents.validate import NotInLogError, from_log
from streams.chunks import Record
from streams.clients import open_admin
from streams.deciding import Decider
from streams.delivery.linear import committed_by, partitions_of, read, spans_between
from streams.sealing import Seal
from streams.state.changelog import EntryKind, Kept, before, kept_of, key_of, said_by_log
from streams.state.entry import met_since, seen_since
from streams.state.patients import Patients
from streams.state.snapshot import Passed, Snapshot, read_snapshot
from streams.topic_layout import Topics

SWEEP_RECORDS = 100
"""Recounted between two sweeps: often enough to get through a day's patients, and next to nothing of the time."""

Fault = Literal["missing", "unexpected", "differs"]


class UnknownPartitionError(Exception):
    """A partition that was named and does not exist."""


class Difference(NamedTuple):
    """An entry that the changelog lacks, has for no reason, or has otherwise; `position` is that of its event."""

    fault: Fault
    partition: int
    position: int
    event_id: str
    patient_token: str
    entry: EntryKind

    def as_object(self) -> dict[str, Any]:
        """For programs."""
        told = self._asdict()
        return {"kind": told.pop("fault"), **told}


@dataclass(slots=True)
class Account:
    """What was recounted and compared. `examples` keeps at most `limit` differences; `faults` counts all.

    Of `cut` partitions the log begins later than it once did, and `before_log` entries are of the time before. `older`
    entries were written by a former version. Neither are compared.
    """

    limit: int = 100
    partitions: int = 0
    records: int = 0
    compared: int = 0
    cut: int = 0
    before_log: int = 0
    older: int = 0
    faults: Counter[Fault] = field(default_factory=Counter)
    examples: list[Difference] = field(default_factory=list)

    @property
    def differences(self) -> int:
        """How many entries are not as the log says."""
        return self.faults.total()

    def note(self, difference: Difference) -> None:
        """Count a difference."""
        self.faults[difference.fault] += 1
        if len(self.examples) < self.limit:
            self.examples.append(difference)

    def as_object(self) -> dict[str, Any]:
        """The summary for programs."""
        counts = {"partitions": self.partitions, "records": self.records, "compared": self.compared}
        left_out = {"cut": self.cut, "before_log": self.before_log, "older": self.older}
        return {**counts, **left_out, "differences": self.differences, "faults": dict(sorted(self.faults.items()))}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is read: of each partition of the log the offsets to recount, its part of the changelog, all letters.

    `positions` are how many offsets that comes to, as far as it is known now.
    """

    log: Mapping[Any, range]
    changelog: Mapping[int, Any]
    letters: Mapping[Any, range]
    positions: int


async def open_plan(
    consumer: Any, client: Mapping[str, Any], topics: Topics, group: str, partitions: Sequence[int] = ()
) -> Plan:
    """Pin what is compared: what the group has committed now of these partitions, or of all.

    Raises UnknownTopicError, UnknownPartitionError.
    """
    log, changelog, letters = topics.patient_events, topics.state_changelog, topics.patient_events_dlt
    async with open_admin(client) as admin:
        found = await partitions_of(admin, (log, changelog, letters))
        committed = await committed_by(admin, group)
    if unknown := set(partitions) - {tp.partition for tp in found[log]}:
        raise UnknownPartitionError(
            f"partition {min(unknown)} does not exist; {log} has {len(found[log])}, from 0 on, so name one of those"
        )
    chosen = [tp for tp in found[log] if not partitions or tp.partition in partitions]
    firsts = await consumer.beginning_offsets(chosen)
    done = {tp: committed.get((log, tp.partition), 0) for tp in chosen}
    spans = {tp: range(firsts[tp], max(firsts[tp], done[tp])) for tp in chosen}
    kept = {tp.partition: tp for tp in found[changelog] if tp.partition in {each.partition for each in chosen}}
    of_letters = await spans_between(consumer, found[letters], None, None)
    of_changelog = await spans_between(consumer, list(kept.values()), None, None)
    all_spans = (*spans.values(), *of_letters.values(), *of_changelog.values())
    return Plan(spans, kept, of_letters, sum(map(len, all_spans)))


@dataclass(frozen=True, slots=True)
class Verification:
    """What a recount takes; `await Verification(...).run(plan)` fills the account."""

    consumer: Any
    decider: Decider
    seal: Seal
    account: Account
    passed: Passed

    async def run(self, plan: Plan) -> None:
        """Recount each partition and compare it with the changelog. Raises UnknownEntryError."""
        aside = await _put_aside(self.consumer, plan.letters, self.passed)
        for tp, span in plan.log.items():
            kept = await read_snapshot(self.consumer, plan.changelog[tp.partition], self._nobody(), self.passed)
            counted = self._nobody()
            if span.start:
                self.account.cut += 1
                self.account.before_log += _begin_with(kept, counted, span.start)
            await self._recount(tp, span, counted, aside)
            self.account.partitions += 1
            _Comparison(tp.partition, span, kept, counted, self.account).run()

    def _nobody(self) -> Patients:
        return Patients(self.seal, self.decider.ruleset.state)

    async def _recount(self, tp: Any, span: range, counted: Patients, aside: set[str]) -> None:
        async for records in read(self.consumer, {tp: span}):
            for number, record in enumerate(records):
                if h.position(record.topic, record.partition, record.offset) not in aside:
                    self._enter(record, counted)
                if number % SWEEP_RECORDS == 0:
                    for _ in counted.swept(record.offset):
                        pass
            self.account.records += len(records)
            self.passed(len(records))

    def _enter(self, record: Record, counted: Patients) -> None:
        with suppress(NotInLogError):  # the worker put it into the dead letters
            logged = from_log(record)
            self.decider.enter(logged.arrived, logged.moment, counted)


async def _put_aside(consumer: Any, spans: Mapping[Any, range], passed: Passed) -> set[str]:
    """The positions of records that went to the dead letters: nothing of them is in the state."""
    positions = set()
    async for records in read(consumer, spans):
        positions |= {h.texts(record.headers).get(h.FAILED_AT, "") for record in records}
        passed(len(records))
    return positions


def _begin_with(kept: Snapshot, counted: Patients, first: int) -> int:
    """Enter what is kept of the time before the log's first record; how many entries."""
    entries = 0
    for token in kept.patients.tokens():
        for event, value in kept.patients.values_of(token).items():
            if (of_before := before(value, first)) is not None:
                counted.restore(key_of(token.hex(), event.hex()), of_before)
                entries += 1
    return entries


@dataclass(slots=True)
class _Comparison:
    """One partition: what the changelog keeps beside what the log comes to in `span`."""

    partition: int
    span: range
    kept: Snapshot
    counted: Patients
    account: Account
    _met: date = date.min
    _seen: date = date.min

    def run(self) -> None:
        """Compare them, member by member."""
        newest, terms = max(self.kept.patients.newest, self.counted.newest), self.counted.terms
        self._met = met_since(newest, terms)
        # What is older than this may depend on what neither the log nor the changelog holds any more.
        self._seen = self._met if self.span.start else seen_since(newest, terms)
        for token in sorted(self.kept.patients.tokens() | self.counted.tokens()):
            for difference in self._of_member(token):
                self.account.note(difference)

    def _of_member(self, token: bytes) -> Iterator[Difference]:
        kept, counted = self.kept.patients.values_of(token), self.counted.values_of(token)
        sides = {event: _Sides(kept.get(event), counted.get(event)) for event in kept.keys() | counted.keys()}
        purged = max((s.moment.position for each in sides.values() for s in each.told if s.kind == "purge"), default=-1)
        for event, both in sorted(sides.items(), key=lambda side: (side[1].position, side[0])):
            if key_of(token.hex(), event.hex()) in self.kept.older:
                self.account.older += 1
            elif self._is_settled(both, purged):
                self.account.compared += 1
                if fault := self._fault(both):
                    place = (self.partition, both.position)
                    yield Difference(fault, *place, event.hex(), token.hex(), both.told[-1].kind)

    def _is_settled(self, both: "_Sides", purged: int) -> bool:
        """Whether the changelog must have the entry exactly when the recount has it."""
        since = self._met if all(side.kind == "met" for side in both.told) else self._seen
        for moment, kind, _ in both.told:
            if moment.position not in self.span:
                return False
            stays = kind == "purge" and not self.span.start
            if not stays and (moment.position < purged or moment.arrived_on < since):
                return False
        return True

    def _fault(self, both: "_Sides") -> Fault | None:
        if both.kept is None:
            return "missing"
        if both.counted is None:
            return "unexpected"
        if both.kept == both.counted:
            return None
        kept, counted = both.told
        if self.span.start and (counted.kind == "purge" or kept[:2] != counted[:2]):
            # What a purge took away, when an event was met first and whether a claim out of scope changes another one
            # may hang on what stood before the log's first record, and was since purged or met once more.
            return None
        with_body = all(side.moment.arrived_on >= self._met for side in both.told)
        said = [said_by_log(value, with_body=with_body) for value in (both.kept, both.counted)]
        return None if said[0] == said[1] else "differs"


@dataclass(slots=True)
class _Sides:
    """The value of an entry in the changelog and in the recount, None where there is none, and what they tell of it."""

    kept: bytes | None
    counted: bytes | None
    told: Sequence[Kept] = ()

    def __post_init__(self) -> None:
        self.told = [kept_of(value) for value in (self.kept, self.counted) if value is not None]

    @property
    def position(self) -> int:
        """Where its event stands in the log."""
        return self.told[-1].moment.position
