from dataclasses import replace
from typing import Any

import pytest

from schemas.codec import content_type
from streams.delivery.trace.steps import Event, Trace
from tests.streams.delivery.topic_records import (
    NAMES,
    Letters,
    Made,
    decision,
    event,
    logged,
    manifest,
    received,
    texts,
)

A, B = event("a"), event("b")


def traced(*records: Made, claim_id: str = "C-1") -> list[Event]:
    """The trace of records in any order; the topics are read in theirs."""
    trace = Trace(NAMES, claim_id)
    for topic in trace.topics:
        for record in records:
            if record.topic == topic:
                trace.take(record)
    return trace.events()


def steps(found: Event) -> list[tuple[str, str]]:
    return [(step.name, step.position) for step in found.ordered()]


def told(found: Event, name: str) -> dict[str, Any]:
    (step,) = (each for each in found.steps if each.name == name)
    return step.told


def at(record: Made, timestamp: int) -> Made:
    return replace(record, timestamp=timestamp)


def test_a_claim_is_followed_from_its_record_to_its_receipt():
    record = received(4)
    listed = replace(
        at(manifest(record, [B, A]), 1020), value=manifest(record, [B, A]).value[:-1] + b', "source": "s"}'
    )
    log, decided = (
        at(logged(A, record, 7), 1010),
        at(decision(A, 2, "flagged", findings=[{"rule": "CODE-03"}] * 2), 1030),
    )
    receipt = Made(NAMES.acknowledgements, 0, 1, b"ack", texts(cs_event_id=A), 1040)
    (found,) = traced(receipt, listed, decided, log)

    assert [
        ("received", record.position),
        ("parsed", listed.position),
        ("logged", log.position),
        ("decided", decided.position),
        ("receipt", receipt.position),
    ] == steps(found)
    assert (["CODE-03"], "flagged", 0) == tuple(
        told(found, "decided")[each] for each in ("rules", "outcome", "repeated")
    )
    assert {
        "step": "parsed", "event_id": A, "position": listed.position, "at": "1970-01-01T00:00:01.020Z",
        "record": record.position, "source": "s", "format": "json", "items": 2,
    } == list(found.as_objects())[1]  # fmt: skip


def test_the_same_decision_again_is_no_further_step():
    log = logged(A, received(0), 0)
    (found,) = traced(log, decision(A, 0), decision(A, 1), decision(A, 2))

    assert [2] == [step.told["repeated"] for step in found.steps if step.name == "decided"]


def test_a_revision_and_what_it_withdraws_are_steps():
    first, second = at(decision(A, 0), 1010), at(decision(A, 0, "flagged", revision=1), 1030)
    body = b'{"decision_id":"one","event_id":"%b","superseded_by":"two"}' % A.encode()
    headers = texts(content_type=content_type("withdrawal"), cs_event_id=A)
    withdrawn = Made(NAMES.accepted, 0, 9, body, headers, 1040)
    (found,) = traced(at(logged(A, received(0), 0), 1000), withdrawn, second, first)

    assert ["decided", "decided", "withdrawn"] == [name for name, _ in steps(found)[2:]]
    assert {"decision_id": "one", "superseded_by": "two"} == told(found, "withdrawn")


def test_events_with_one_number_stand_apart_in_order_of_the_log():
    logs = [at(logged(B, received(1), 0), 900), at(logged(A, received(2), 1), 950)]
    found = traced(*logs, decision(A, 0), decision(B, 1))

    assert [B, A] == [each.event_id for each in found]


def test_a_decision_whose_claim_the_log_no_longer_holds_is_found():
    decided = decision(A, 3)

    assert [("decided", decided.position)] == steps(*traced(decided))


@pytest.mark.parametrize(
    ("value", "claim_id"),
    [
        (b'{"claim_id": "C-1", "total_cha', "C-1"),
        (b"ISA*00*~ST*837~CLM*C-1*100~SE~", "C-1"),
        (b"ISA|00|~CLM|C-1|100~", "C-1"),
        (b"CLM*C-1~", "C-1"),
        ('{"claim_id": "Ä"'.encode(), "Ä"),
        (b'{"claim_id": "\\u00c4"', "Ä"),
        (b'{"claim_id": "a\\"b"', 'a"b'),
    ],
)
def test_a_dead_letter_is_found_by_its_bytes(value, claim_id):
    record = received(4)
    letter = Letters().of(record, A, code="missing-field", value=value)
    (found,) = traced(letter, claim_id=claim_id)

    assert [("received", record.position), ("dead-letter", letter.position)] == steps(found)
    assert {"code": "missing-field", "message": "it is missing-field", "place": "/somewhere"} == told(
        found, "dead-letter"
    )


@pytest.mark.parametrize(
    "value", [b'{"claim_id": "C-11"}', b"CLM*C-11*5~", b"CLM*XC-1*5~", b"REF*F8*C-1~", b"C-1", b""]
)
def test_a_dead_letter_of_another_claim_is_not(value):
    assert [] == traced(Letters().of(received(0), A, value=value))


def test_a_record_that_was_never_read_has_no_event():
    record = received(4)
    letter = Letters().of(record, value=b'{"claim_id": "C-1"}')
    (found,) = traced(letter)

    assert (None, "unprocessable") == (found.event_id, told(found, "dead-letter")["code"])
    assert [("received", record.position), ("dead-letter", letter.position)] == steps(found)


def test_a_rejected_event_that_is_decided_later_is_one_event():
    first, again, letters = received(0), received(5), Letters()
    letter = at(letters.of(first, A, code="truncated"), 1100)
    (found,) = traced(letter, at(logged(A, again, 0), 1200), at(decision(A, 0), 1300))

    assert ["received", "received", "dead-letter", "logged", "decided"] == [name for name, _ in steps(found)]


def test_a_dead_letter_of_the_log_names_where_it_stood():
    log, letters = logged(A, received(0), 3), Letters()
    letter = letters.of(log, A, value=b'"C-1"')

    assert [("logged", log.position), ("dead-letter", letter.position)] == steps(*traced(letter))
    assert ["received", "logged", "dead-letter"] == [name for name, _ in steps(*traced(at(log, 1000), letter))]


def test_facts_other_numbers_and_what_is_none_of_ours_are_passed_over():
    record = received(0)
    stray = [Made(topic, 0, 0, b'["C-1"') for topic in Trace(NAMES, "C-1").topics]
    other = logged(A, record, 1, claim_id="C-11"), replace(decision(A, 0, claim_id="C-2", note="C-1"), headers=())
    broken = [Made(NAMES.manifests, 0, 1, b'{"position":"%b"}' % record.position.encode())]

    assert [] == traced(logged(B, record, 0, "encounter"), *stray[:4], *other, *broken)
    assert ["received", "logged"] == [name for name, _ in steps(*traced(logged(A, record, 1), *broken))]


def test_a_manifest_again_or_of_another_part_is_not_told():
    record = received(0)
    listed = [manifest(record, ids, part=part, parts=2, offset=part) for part, ids in enumerate(([B], [A]))]
    (found,) = traced(logged(A, record, 0), *listed, replace(listed[1], offset=2))

    assert [listed[1].position] == [position for name, position in steps(found) if name == "parsed"]


def test_a_time_nobody_wrote_down_is_no_time():
    letter = Letters().of(received(0), A, value=b'"C-1"')
    headers = [each for each in letter.headers if each[0] != "dlt-original-timestamp"]
    (found,) = traced(replace(letter, headers=headers))

    assert [None, "1970-01-01T00:00:02.000Z"] == [each["at"] for each in found.as_objects()]
