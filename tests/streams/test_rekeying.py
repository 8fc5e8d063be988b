import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pytest
from aiokafka import TopicPartition
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import headers as h
from streams.agents.validate import from_log
from streams.chunks import partition_of
from streams.intake.arrival import Arrived, ArrivedFact, Circumstances, arrive, arrive_fact
from streams.intake.items import ReadClaim, ReadFact, Span
from streams.rekeying import NotRekeyedError, Rekey, Tally, fetch_bytes, last_purges, reached
from streams.tokens import Tokens
from streams.topic_layout import Layout, Topics
from tests.streams.state.in_memory import Consumer, Stored, logged
from tests.validators.building import a_claim, an_authorization, an_encounter, ruleset

OLD, NEW = Topics("old."), Topics("new.")
DAY = date(2026, 6, 15)
LAYOUT = Layout(partitions=2)
PARTITIONS = 3
OLD_TOKENS = Tokens(b"old", ruleset().payers)
NEW_TOKENS = Tokens(b"new", ruleset().payers, {"EXPLAN-2": "EXPLAN"}, {"north": "north"})
PERSON = {"first_name": "Ada", "birth_date": "1950-02-01"}


def of_member(number: int, payer: str = "EXPLAN") -> dict[str, Any]:
    return {
        "payer": {"id": payer, "line_of_business": "commercial"},
        "subscriber": {"member_id": f"M{number}", **PERSON},
    }


def claim(number: int, name: str, payer: str = "EXPLAN", source: str = "clinic") -> Arrived:
    content = a_claim(claim_id=name, source=source, **of_member(number, payer))
    return arrive(ReadClaim(content, (name.encode(),), Span(0, 0), ""), Circumstances(source), OLD_TOKENS)


def fact(
    number: int, name: str, *, encounter: bool = False, payer: str = "EXPLAN", source: str = "clinic"
) -> ArrivedFact:
    of_claim = a_claim(**of_member(number, payer))
    content = an_encounter(of_claim) if encounter else an_authorization(of_claim, patient=PERSON)
    return arrive_fact(ReadFact(content, (name.encode(),), Span(0, 0)), Circumstances(source), OLD_TOKENS)


@dataclass
class OldLog:
    """The log of the old prefix: each event in the partition of its patient, at times that go on."""

    partitions: list[list[Stored]] = field(default_factory=lambda: [[] for _ in range(PARTITIONS)])
    now: int = 0

    def add(self, event: Arrived | ArrivedFact | str, *, source: str = "", **headers: str) -> Stored:
        token = event if isinstance(event, str) else event.patient_token
        number = partition_of(token.encode(), PARTITIONS)
        written = logged(event, len(self.partitions[number]), DAY)
        self.now += 1
        more = h.written({h.SOURCE: source} if source else {}) + h.written(headers)
        record = replace(written, topic=OLD.patient_events, partition=number, timestamp=self.now,
                         headers=[*written.headers, *more])  # fmt: skip
        self.partitions[number].append(record)
        return record


class Batch:
    def __init__(self) -> None:
        self.records: list[tuple[bytes, bytes | None, list[tuple[str, bytes]]]] = []

    def append(
        self, *, timestamp: int | None, key: bytes, value: bytes | None, headers: list[tuple[str, bytes]]
    ) -> object:
        del timestamp
        self.records.append((key, value, headers))
        return True

    def size(self) -> int:
        return 0


class KilledError(Exception):
    pass


@dataclass
class NewLog:
    """The log of the new prefix, and who writes to it until `batches_left` is none."""

    partitions: list[list[Stored]] = field(default_factory=lambda: [[] for _ in range(LAYOUT.partitions)])
    batches_left: int = 1 << 30

    def create_batch(self) -> Batch:
        return Batch()

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> "asyncio.Future[None]":
        if self.batches_left == 0:
            raise KilledError
        self.batches_left -= 1
        for key, value, headers in batch.records:
            offset = len(self.partitions[partition])
            self.partitions[partition].append(Stored(topic, offset, key, value, headers, partition=partition))
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sent.set_result(None)
        return sent

    @property
    def records(self) -> list[Stored]:
        return [record for each in self.partitions for record in each]


def spans(topic: str, partitions: Sequence[Sequence[Stored]]) -> dict[Any, range]:
    return {TopicPartition(topic, number): range(len(each)) for number, each in enumerate(partitions)}


def rekeyed(old: OldLog, new: NewLog, *, rate: float = 0, stopped: bool = False, at_once: int = 99) -> Tally:
    async def run() -> Tally:
        consumer = Consumer(*old.partitions, *new.partitions, at_once=at_once)
        stop, tally = asyncio.Event(), Tally()
        so_far = await reached(consumer, spans(NEW.patient_events, new.partitions), OLD.patient_events, _silent, stop)
        of_old = spans(OLD.patient_events, old.partitions)
        purges = await last_purges(consumer, of_old, _silent, stop)
        if stopped:
            stop.set()
        parts = (consumer, new, NEW, LAYOUT, NEW_TOKENS, so_far, purges, tally, stop, rate)
        assert stopped != await Rekey(*parts).run(of_old, _silent)
        return tally

    return asyncio.run(run())


def _silent(_records: int) -> None:
    pass


def events(records: Sequence[Stored]) -> list[str]:
    return [h.texts(record.headers)[h.EVENT_ID] for record in records]


def test_a_record_keeps_its_bytes_and_headers_and_gets_patient_person_and_where_it_was() -> None:
    old, new, event = OldLog(), NewLog(), claim(1, "EX-1")
    record = old.add(event, source="clinic", **{h.ORIGIN: "old.claims.received:0:7"})
    rekeyed(old, new)
    (copied,) = new.records
    token = NEW_TOKENS.patient(event.claim)
    before, after = h.texts(record.headers), h.texts(copied.headers)

    assert (NEW.patient_events, record.value, token.encode()) == (copied.topic, copied.value, copied.key)
    assert partition_of(token.encode(), LAYOUT.partitions) == copied.partition
    position = f"{record.topic}:{record.partition}:{record.offset}"
    person = NEW_TOKENS.person(event.claim.who, token)
    assert before | {h.PERSON: person, h.REKEYED_FROM: position} == after
    assert Arrived(event.claim, event.event_id, token, person) == from_log(copied).arrived


def test_facts_go_to_the_tenant_of_their_source_and_hold_for_whom_they_held() -> None:
    old, new = OldLog(), NewLog()
    for name, encounter, source in (
        ("a", False, "north"),
        ("b", True, "north"),
        ("c", True, ""),
        ("d", True, "clinic"),
    ):
        old.add(fact(1, name, encounter=encounter), source=source)
    old.add(claim(1, "EX-1", source="north"), source="north")
    tally = rekeyed(old, new)
    of_event = dict(zip(events(new.records), new.records, strict=True))
    keys = [of_event[fact(1, name).event_id].key for name in "abcd"]

    assert keys[0] == keys[1] == of_event[claim(1, "EX-1", source="north").event_id].key
    assert keys[0] != keys[2] == keys[3]
    assert [True, False] == [bool(from_log(of_event[fact(1, n).event_id]).arrived.person) for n in "ab"]  # type: ignore[union-attr]
    assert (5, 1) == (tally.copied, tally.without_source)


def test_members_who_become_one_are_interleaved_in_the_order_in_which_they_came() -> None:
    old, new = OldLog(), NewLog()
    came = [claim(number, f"EX-{number}-{n}", payer) for n in range(3) for number in range(4)
            for payer in ("EXPLAN", "EXPLAN-2")]  # fmt: skip
    for event in came:
        old.add(event)
    rekeyed(old, new, at_once=1)

    for number in range(4):
        key = NEW_TOKENS.patient(a_claim(**of_member(number))).encode()
        of_one = [record for record in new.records if record.key == key]
        assert [e.event_id for e in came if e.claim.subscriber.member_id == f"M{number}"] == events(of_one)


def mixed() -> OldLog:
    old = OldLog()
    for number in range(40):
        old.add(claim(number % 7, f"EX-{number}", "EXPLAN-2" if number % 2 else "EXPLAN"))
    return old


@given(st.lists(st.integers(0, 6), max_size=6), st.integers(1, 9))
@settings(deadline=None)
def test_runs_that_are_killed_at_any_place_come_to_what_one_run_comes_to(kills: list[int], at_once: int) -> None:
    old, whole, parts = mixed(), NewLog(), NewLog()
    rekeyed(old, whole)
    for batches in kills:
        parts.batches_left = batches
        try:
            rekeyed(old, parts, at_once=at_once, rate=1e6)
        except KilledError:
            continue
    parts.batches_left = 1 << 30
    last = rekeyed(old, parts)

    assert whole.partitions == parts.partitions
    assert 40 == last.copied + last.copied_before == last.records


def test_a_second_run_adds_nothing_and_one_that_is_stopped_says_so() -> None:
    old, new = mixed(), NewLog()
    stopped = rekeyed(old, new, stopped=True)
    rekeyed(old, new)
    again = rekeyed(old, new)

    assert (0, 0) == (stopped.records, stopped.copied)
    assert (40, 0, 40) == (len(new.records), again.copied, again.copied_before)


def test_what_a_purge_hides_stays_behind_and_so_does_the_purge() -> None:
    old, new = OldLog(), NewLog()
    hidden, shown, other = claim(1, "EX-1"), claim(1, "EX-2"), claim(2, "EX-3")
    for event in (hidden, other, hidden.patient_token, hidden.patient_token, shown):
        old.add(event)
    tally = rekeyed(old, new)

    assert {shown.event_id, other.event_id} == set(events(new.records))
    assert (5, 2, 1, 2, set()) == (tally.records, tally.copied, tally.purged, tally.purges, tally.purge_again)


def test_a_patient_who_was_purged_since_is_named_to_be_purged_again() -> None:
    old, new = OldLog(), NewLog()
    event = claim(1, "EX-1")
    old.add(event)
    rekeyed(old, new)
    old.add(event.patient_token)
    tally = rekeyed(old, new)

    assert {NEW_TOKENS.patient(event.claim)} == tally.purge_again
    assert [NEW_TOKENS.patient(event.claim)] == tally.as_object()["purge_again"]


def test_what_no_intake_wrote_is_left_and_counted() -> None:
    old, new = mixed(), NewLog()
    old.partitions[0].append(replace(old.partitions[0][-1], offset=len(old.partitions[0]), key=b"nobody"))
    tally = rekeyed(old, new)

    assert (41, 40, 1) == (tally.records, tally.copied, tally.foreign)


@pytest.mark.parametrize(
    "headers", [(), ((h.REKEYED_FROM, b"another.claims.patient-events:0:0"),), ((h.REKEYED_FROM, b"somewhere"),)]
)
def test_a_log_that_holds_anything_else_is_refused(headers: tuple[tuple[str, bytes], ...]) -> None:
    old, new = mixed(), NewLog()
    new.partitions[1].append(Stored(NEW.patient_events, 0, b"", b"", headers, partition=1))

    with pytest.raises(NotRekeyedError, match="patient-events:1:0 was not written by a rekey of old"):
        rekeyed(old, new)


def test_what_is_fetched_of_many_partitions_stays_in_memory() -> None:
    assert (4 << 20, 4 << 20, 256 << 10, 64 << 10) == tuple(fetch_bytes(number) for number in (1, 64, 1024, 9000))
