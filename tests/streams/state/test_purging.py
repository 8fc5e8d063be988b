import hashlib
from datetime import date, timedelta
from typing import Any

from aiokafka import TopicPartition

from schemas.codec import content_type
from streams.agents.validate import from_log
from streams.deciding import Decider
from streams.headers import texts
from streams.intake.arrival import Arrived, ArrivedFact, ArrivedPurge
from streams.state import changelog
from streams.state.entry import Moment, Purge
from streams.state.purging import Request, proof_of, remains
from streams.topic_layout import Layout
from tests.streams.state.in_memory import NAMES, Consumer, Stored, Worker, logged
from tests.validators.building import DAY, Desk, a_claim, an_authorization, arrived, arrived_fact, line, ruleset

CLAIM = a_claim()
TOKEN = arrived(CLAIM).patient_token
NEVER = 60.0


def purge(at: int = 9, day: date = DAY) -> ArrivedPurge:
    said = from_log(logged(TOKEN, at, day)).arrived
    assert isinstance(said, ArrivedPurge)
    return said


def proof_at(desk: Desk, position: int, day: date = DAY) -> Purge:
    (change,) = Decider(ruleset()).take(purge(position, day), Moment(position, day), desk.patients).changes
    assert change.value is not None
    proof = changelog.decode(b"", change.value, None).purge
    assert proof is not None
    return proof


def test_a_request_is_a_record_of_the_log_and_another_instant_makes_another() -> None:
    request, again, later = (Request.at(TOKEN, at) for at in (1_782_000_000_000, 1_782_000_000_000, 1_782_000_000_001))

    assert b'{"requested_at":"2026-06-21T00:00:00.000Z"}' == request.value
    assert request == again
    assert request.event_id != later.event_id
    assert content_type("purge") == texts(request.headers())["content-type"]
    record = Stored(NAMES.patient_events, 0, TOKEN.encode(), request.value, request.headers())
    assert ArrivedPurge(request.event_id, TOKEN) == from_log(record).arrived


def test_the_proof_names_what_could_be_seen_until_then_and_no_proof_of_before() -> None:
    desk = Desk()
    events: list[Arrived | ArrivedFact] = [
        arrived(CLAIM, "a"),
        arrived_fact(an_authorization(CLAIM)),
        arrived(a_claim(service_lines=[line("99213")])),
    ]
    for event in events:
        desk.take(event)
    ids = sorted(event.event_id for event in events)

    assert Purge(3, hashlib.sha256("".join(ids).encode()).hexdigest()) == proof_at(desk, 3)
    assert Purge(0, hashlib.sha256(b"").hexdigest()) == proof_at(desk, 4)


def test_the_proof_is_the_same_whether_what_is_too_old_was_swept_out_or_not() -> None:
    desk, day = Desk(), DAY + timedelta(31)
    desk.take(arrived(a_claim(service_lines=[line("99213")])))
    desk.take(arrived(CLAIM))

    assert 1 == proof_at(desk, 2, day).entries


def test_a_purge_read_again_at_its_place_gives_the_proof_it_gave() -> None:
    desk = Desk()
    desk.take(arrived(CLAIM, "event"))
    first = proof_at(desk, 1)
    desk.position = 2
    desk.take(arrived(CLAIM, "event"))

    assert first == proof_at(desk, 1)
    assert 1 == first.entries
    assert () == Decider(ruleset()).take(purge(1), Moment(5, DAY), desk.patients).changes


def test_what_stood_before_a_purge_leaves_the_changelog_once_the_log_is_committed_behind_it() -> None:
    worker = Worker()
    for event in (arrived(CLAIM), TOKEN, TOKEN, arrived(CLAIM)):
        worker.receive(event, DAY)
    worker.work()
    assert [] == [record for record in worker.changelog if record.value is None]
    worker.commit()
    worker.work()
    left = worker.rebuilt().values_of(bytes.fromhex(TOKEN))

    assert ["claim", "purge", "purge"] == sorted(changelog.kept_of(value).kind for value in left.values())
    assert {1, 2, 3} == {changelog.kept_of(value).moment.position for value in left.values()}


async def test_the_proof_is_found_where_it_stands_and_waited_for_in_vain_elsewhere() -> None:
    request = Request.at(TOKEN, 1_782_000_000_000)
    worker = Worker()
    worker.receive(arrived(CLAIM), DAY)
    worker.log.append(Stored(NAMES.patient_events, 1, TOKEN.encode(), request.value, request.headers()))
    worker.work()
    tp: Any = TopicPartition(NAMES.state_changelog, 0)

    assert 1 == (await proof_of(Consumer(worker.changelog), tp, 0, request, NEVER) or Purge(0, "")).entries
    assert await proof_of(Consumer(worker.changelog[:1]), tp, 0, request, 0.01) is None


def test_what_remains_is_told_with_the_day_by_which_its_segments_are_gone() -> None:
    left = {each.topic: each for each in remains(Layout().topics(NAMES), date(2026, 1, 1))}

    assert (30, date(2026, 2, 1)) == left[NAMES.received][1:]
    assert (730, date(2028, 1, 8)) == left[NAMES.patient_events][1:]
    assert (90, date(2026, 4, 2)) == left[NAMES.received_dlt][1:]
    assert (8, date(2026, 1, 10)) == left[NAMES.state_changelog][1:]
    assert len(Layout().topics(NAMES)) == len(left)
