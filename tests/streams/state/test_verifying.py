import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from aiokafka import TopicPartition
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams import headers as h
from streams.deciding import Decider
from streams.intake.arrival import Arrived, ArrivedFact
from streams.state import changelog
from streams.state.verifying import Account, Plan, Verification
from tests.streams.state.in_memory import EVENTS, NAMES, PARTITION, TOKEN, Consumer, Stored, Worker
from tests.validators.building import (
    event_id,
    ruleset,
    seal,
)

LOG, CHANGELOG = (TopicPartition(name, PARTITION) for name in (NAMES.patient_events, NAMES.state_changelog))
FIRST_DAY = date(2026, 1, 1)


def verified(worker: Worker, *, first: int = 0, letters: list[Stored] | None = None) -> Account:
    """What a recount of all that is committed finds; the log begins at `first`."""
    letters = letters or []
    consumer = Consumer(worker.log, worker.changelog, letters, firsts={LOG: first})
    of_letters = {TopicPartition(NAMES.patient_events_dlt, PARTITION): range(len(letters))}
    plan = Plan({LOG: range(first, max(first, worker.committed))}, {PARTITION: CHANGELOG}, of_letters, 0)
    account = Account()
    asyncio.run(Verification(consumer, Decider(ruleset()), seal(), account, lambda _records: None).run(plan))
    return account


def worker_of(*events: Arrived | ArrivedFact | str, days: int = 0) -> Worker:
    """A worker that took these events one by one, so many days apart, and committed each."""
    worker = Worker()
    for number, event in enumerate(events):
        worker.receive(event, FIRST_DAY + timedelta(days * number))
        worker.work()
        worker.commit()
    return worker


def found(account: Account) -> list[tuple[str, int, str]]:
    return [(each.fault, each.position, each.entry) for each in account.examples]


DONE = ("work", "commit")
AGAIN = ("work", "crash", *DONE)
steps = st.tuples(
    st.sampled_from([0, 0, 1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10, 10]),
    st.sampled_from([0, 1, 29, 30, 31, 61, 365, 699, 731, 761]),
    st.sampled_from([DONE, DONE, AGAIN, ()]),
)


@example(played=[(0, 0, DONE), (10, 0, ()), (0, 0, AGAIN)], first=0, behind=False)
@example(played=[(0, 0, DONE), (5, 0, DONE), (5, 1, DONE), (5, 30, DONE)], first=2, behind=False)
@example(played=[(0, 0, DONE), (0, 0, DONE), (0, 365, DONE), (4, 365, DONE), (0, 1, DONE)], first=3, behind=False)
@example(played=[(0, 0, DONE), (0, 0, DONE), (0, 61, DONE), (1, 731, DONE)], first=2, behind=False)
@example(played=[*[(0, 0, DONE)] * 4, (0, 761, DONE)], first=1, behind=False)
@given(played=st.lists(steps, max_size=12), first=st.integers(0, 6), behind=st.booleans())
@settings(deadline=None, max_examples=300)
def test_no_worker_is_ever_accused(played: list[tuple[int, int, tuple[str, ...]]], first: int, *, behind: bool) -> None:
    worker, day = Worker(), FIRST_DAY
    worker.begin_with_identity()
    for number, days, then in played:
        if days:  # what one crash repeats is of one day
            worker.work()
            worker.commit()
        day += timedelta(days)
        worker.receive(EVENTS[number], day)
        for what in then:
            getattr(worker, what)()
    worker.work()
    if not behind:
        worker.commit()
        worker.work()
    account, cut = verified(worker), verified(worker, first=min(first, worker.committed))

    assert [] == found(account)
    assert [] == found(cut)
    assert worker.committed == account.records
    assert bool(first and worker.committed) == bool(cut.cut)


@pytest.mark.parametrize("number", range(len(EVENTS)))
def test_each_entry_that_is_lost_or_of_nowhere_is_named(number: int) -> None:
    worker = worker_of(EVENTS[number])
    (kept,) = worker.changelog
    kind = changelog.kept_of(kept.value or b"").kind
    worker.changelog.append(replace(kept, offset=1, value=None))
    lost = verified(worker)
    worker.changelog[1] = replace(kept, offset=1, key=changelog.key_of(TOKEN, event_id("nowhere")))
    planted = verified(worker)

    assert [("missing", 0, kind)] == found(lost)
    assert [("unexpected", 0, kind)] == found(planted)
    assert 1 == lost.differences == planted.differences


@pytest.mark.parametrize("number", range(len(EVENTS)))
def test_an_entry_that_says_something_else_is_named(number: int) -> None:
    worker = worker_of(EVENTS[number])
    (kept,) = worker.changelog
    key = changelog.parse_key(kept.key)
    assert key is not None
    entry = changelog.decode(key.event, kept.value or b"", seal())
    other = entry._replace(moment=entry.moment._replace(arrived_on=FIRST_DAY + timedelta(1)))
    worker.changelog.append(replace(kept, offset=1, value=changelog.encode(other, seal())))

    assert ["differs"] == [fault for fault, *_ in found(verified(worker))]


def test_decisions_are_not_compared_and_the_sealed_claim_is() -> None:
    worker = worker_of(EVENTS[0], EVENTS[9])
    key = changelog.parse_key(worker.changelog[0].key)
    assert key is not None
    entry = changelog.decode(key.event, worker.changelog[0].value or b"", seal())
    assert entry.redecidable is not None

    def with_redecidable(**change: object) -> Account:
        assert entry.redecidable is not None
        changed = entry._replace(redecidable=entry.redecidable._replace(**change))
        record = replace(worker.changelog[0], offset=9, value=changelog.encode(changed, seal()))
        return verified(replace(worker, changelog=[*worker.changelog, record]))

    issued = entry.redecidable.issued[0]
    assert [] == found(with_redecidable(issued=(issued._replace(decision_id="0" * 64),)))
    assert [("differs", 0, "claim")] == found(with_redecidable(sealed=seal().close(b"another claim")))


AGE: list[tuple[int, int, bool]] = [(0, 730, True), (0, 732, False), (5, 30, True), (5, 31, False)]


@pytest.mark.parametrize(("number", "days", "named"), AGE)
def test_an_entry_is_missed_as_long_as_it_can_be_seen(number: int, days: int, *, named: bool) -> None:
    worker = worker_of(EVENTS[number], EVENTS[7], days=days)
    lost = next(record for record in worker.changelog if record.value is not None)
    worker.changelog.append(replace(lost, offset=len(worker.changelog), value=None))

    assert named == bool(verified(worker).differences)


def test_a_proof_is_missed_for_ever() -> None:
    worker = worker_of(EVENTS[0], TOKEN, EVENTS[7], days=2000)
    proof = next(record for record in worker.changelog if b"" != record.value and record.value and _is_proof(record))
    worker.changelog.append(replace(proof, offset=len(worker.changelog), value=None))

    assert [("missing", 1, "purge")] == found(verified(worker))


def _is_proof(record: Stored) -> bool:
    return changelog.kept_of(record.value or b"").kind == "purge"


def test_what_the_log_no_longer_holds_is_counted_and_so_is_what_a_former_version_wrote() -> None:
    worker = worker_of(*EVENTS[:4])
    cut = verified(worker, first=2)
    former = worker.changelog[3]
    worker.changelog.append(
        replace(former, offset=9, value=b'{"v": 1, "p": 3, "r": "2026-01-01", "o": "", "k": "not compared"}')
    )

    assert (1, 2, 2, 0) == (cut.cut, cut.before_log, cut.compared, cut.differences)
    assert (1, 3, 0) == tuple(getattr(verified(worker), name) for name in ("older", "compared", "differences"))


def test_a_log_that_begins_between_two_meetings_of_an_event_begins_with_the_first_of_them() -> None:
    worker = worker_of(EVENTS[5], EVENTS[5], days=31)
    cut = verified(worker, first=1)

    assert (1, 1, 0) == (cut.before_log, cut.compared, cut.differences)


def test_what_went_to_the_dead_letters_is_not_in_the_state() -> None:
    worker = worker_of(*EVENTS[:2])
    worker.changelog.pop()
    worker.log.append(replace(worker.log[0], offset=2, value=b"not ours"))
    worker.committed = 3
    position = h.position(NAMES.patient_events, PARTITION, 1)
    letter = Stored(NAMES.patient_events_dlt, 0, b"", b"", [(h.FAILED_AT, position.encode())])

    assert [("missing", 1, "claim")] == found(verified(worker))
    assert [] == found(verified(worker, letters=[letter]))


def test_examples_are_limited_and_all_are_counted() -> None:
    worker = worker_of(*EVENTS[:3])
    lost: Callable[[Stored], Stored] = lambda record: replace(record, offset=record.offset + 9, value=None)  # noqa: E731
    worker.changelog += [lost(record) for record in worker.changelog]
    account = Account(limit=1)
    consumer = Consumer(worker.log, worker.changelog)
    plan = Plan({LOG: range(3)}, {PARTITION: CHANGELOG}, {}, 0)
    asyncio.run(Verification(consumer, Decider(ruleset()), seal(), account, lambda _records: None).run(plan))

    assert (1, 3, {"missing": 3}) == (len(account.examples), account.differences, account.as_object()["faults"])
