import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from schemas.codec import content_type
from streams.demo.tally import Account, Tally
from streams.topics import Topics

NAMES = Topics("t.")
CITATION = {"document": "a manual", "section": None, "vintage": None}


@dataclass
class Record:
    topic: str
    value: bytes
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    partition: int = 0
    offset: int = 0


def manifest(
    offset: int,
    ids: list[str],
    rejected: list[str] | None = None,
    part: int = 0,
    parts: int = 1,
    redrive_of: Record | None = None,
) -> Record:
    body = {
        "position": f"t.claims.received:0:{offset}",
        "part": part,
        "parts": parts,
        "event_ids": ids,
        "rejections": [{"event_id": each} for each in rejected or []],
        "redrive_of": f"{redrive_of.topic}:{redrive_of.partition}:{redrive_of.offset}" if redrive_of else None,
    }
    return Record(NAMES.manifests, json.dumps(body).encode())


def finding(rule: str = "CODE-03", dollars: str = "100.00", severity: str = "deny") -> dict[str, Any]:
    return {
        "rule": rule, "name": "some-name", "severity": severity, "message": "seen", "suggestion": "fix",
        "amount_at_risk": dollars, "citation": CITATION,
    }  # fmt: skip


def decision(event: str, outcome: str = "accepted", revision: int = 0, *findings: dict[str, Any]) -> Record:
    body = {
        "event_id": event, "claim_id": f"C-{event}", "outcome": outcome, "revision": revision, "findings": findings
    }  # fmt: skip
    headers = [("content-type", content_type("decision").encode()), ("cs-event-id", event.encode())]
    return Record(NAMES.outcome(outcome), json.dumps(body).encode(), headers)


def withdrawal(event: str, outcome: str) -> Record:
    headers = [("content-type", content_type("withdrawal").encode()), ("cs-event-id", event.encode())]
    return Record(NAMES.outcome(outcome), b'{"decision_id": "d"}', headers)


def dead_letter(
    event: str | None, offset: int = 0, code: str = "truncated", topic: str = NAMES.received, at: int = 0
) -> Record:
    headers = [
        ("dlt-original-topic", topic.encode()),
        ("dlt-original-partition", b"0"),
        ("dlt-original-offset", str(offset).encode()),
        ("dlt-exception-code", code.encode()),
    ]
    named = [("cs-event-id", event.encode())] if event else []
    return Record(NAMES.dlt_of(topic), b"x", [*headers, *named], offset=at)


def tally_of(*records: Record) -> Tally:
    tally = Tally(NAMES)
    for record in records:
        tally.take(record)
    return tally


def test_each_item_is_counted_where_it_went() -> None:
    tally = tally_of(
        manifest(0, ["a", "b"], ["x"]),
        manifest(1, ["c"]),
        decision("a"),
        decision("b", "flagged"),
        decision("c", "denied-risk"),
        dead_letter("x"),
    )

    assert tally.account() == Account(4, 1, 1, 1, 1, 0)
    assert tally.account().lost == 0
    assert tally.records_read == 2
    assert tally.dead_letter_causes == {"truncated": 1}


def test_the_order_between_topics_does_not_matter() -> None:
    records = [manifest(0, ["a"], ["x"]), decision("a", "flagged"), dead_letter("x")]

    assert tally_of(*records).account() == tally_of(*reversed(records)).account()


def test_an_event_met_again_is_redelivered_in_another_record_and_in_the_same() -> None:
    tally = tally_of(manifest(0, ["a", "a"]), manifest(1, ["a"]), decision("a"), decision("a"), decision("a"))

    assert tally.account() == Account(3, 1, 0, 0, 0, 2)


def test_a_rejection_that_comes_again_is_one_dead_letter_and_redelivered() -> None:
    tally = tally_of(manifest(0, [], ["x"]), manifest(1, [], ["x"]), dead_letter("x"), dead_letter("x", 1))

    assert tally.account() == Account(2, 0, 0, 0, 1, 1)


def test_a_manifest_that_was_written_twice_counts_once() -> None:
    tally = tally_of(manifest(0, ["a"]), manifest(0, ["a"]), decision("a"))

    assert tally.account() == Account(1, 1, 0, 0, 0, 0)


def test_the_parts_of_a_manifest_add_up_and_the_record_is_read_with_the_last() -> None:
    tally = tally_of(manifest(0, ["a", "b"], part=0, parts=3), manifest(0, ["c"], part=2, parts=3))

    assert (tally.account().received, tally.records_read) == (3, 0)

    for part in (1, 1, 0):
        tally.take(manifest(0, ["d"] if part else ["a", "b"], part=part, parts=3))

    assert (tally.account().received, tally.records_read) == (4, 1)


def test_the_highest_revision_is_the_one_that_counts() -> None:
    tally = tally_of(
        manifest(0, ["a"]),
        decision("a", "accepted", 2),
        decision("a", "denied-risk", 0, finding()),
        withdrawal("a", "denied-risk"),
        decision("a", "flagged", 1),
    )

    assert tally.account() == Account(1, 1, 0, 0, 0, 0)
    assert tally.rule_totals() == {}


def test_what_neither_came_out_nor_was_put_aside_is_lost() -> None:
    tally = tally_of(manifest(0, ["a", "b"], ["x"]), decision("a"))

    assert tally.account().lost == 2
    assert tally.lost_events == ["b", "x"]
    assert tally.account().as_object() == {
        "received": 3, "accepted": 1, "flagged": 0, "denied_risk": 0, "dead_letters": 0, "redelivered": 0, "lost": 2
    }  # fmt: skip


def test_a_record_our_own_code_failed_on_is_one_item_put_aside() -> None:
    tally = tally_of(dead_letter(None, 4, "unprocessable"), dead_letter(None, 4, "unprocessable"))

    assert tally.account() == Account(1, 0, 0, 0, 1, 0)
    assert tally.records_read == 1


def test_a_claim_the_log_could_not_be_decided_of_is_put_aside_and_not_lost() -> None:
    tally = tally_of(manifest(0, ["a"]), dead_letter(None, 9, "unprocessable", NAMES.patient_events))

    assert tally.account() == Account(1, 0, 0, 0, 1, 0)


def test_a_redriven_letter_that_is_decided_is_one_item_and_no_dead_letter_any_more() -> None:
    letter = dead_letter("x")
    before = [manifest(0, ["a"], ["x"]), decision("a"), letter]
    redriven = manifest(1, ["x"], redrive_of=letter)

    assert tally_of(*before, redriven).account() == tally_of(*before).account() == Account(2, 1, 0, 0, 1, 0)

    decided = tally_of(*before, redriven, decision("x", "flagged"))

    assert decided.account() == Account(2, 1, 1, 0, 0, 0)
    assert (decided.records_read, decided.lost_events, decided.dead_letter_causes) == (1, [], {})


def test_a_redriven_letter_that_fails_again_is_one_dead_letter_of_its_new_cause() -> None:
    letters = [dead_letter("x"), dead_letter("x", code="unprocessable", at=1)]
    redrives = [manifest(1, [], ["x"], redrive_of=letters[0]), manifest(2, [], ["x"], redrive_of=letters[1])]
    tally = tally_of(manifest(0, [], ["x"]), *letters, *redrives)

    assert tally.account() == Account(1, 0, 0, 0, 1, 0)
    assert tally.dead_letter_causes == {"unprocessable": 1}


def test_the_redriven_rest_of_a_record_brings_the_items_nobody_had_told_of() -> None:
    letter = dead_letter("rest")
    tally = tally_of(manifest(0, ["a"], ["rest"]), letter, manifest(1, ["rest", "b"], ["c"], redrive_of=letter))

    assert tally.lost_events == ["a", "b", "c"]

    for record in (decision("a"), decision("rest"), decision("b"), dead_letter("c")):
        tally.take(record)

    assert tally.account() == Account(4, 3, 0, 0, 1, 0)


def test_a_record_our_own_code_failed_on_is_the_items_it_has_once_it_is_redriven() -> None:
    letters = [dead_letter(None, 4, "unprocessable", at=number) for number in range(2)]
    tally = tally_of(*letters)

    assert tally.account() == Account(1, 0, 0, 0, 1, 0)

    for record in (manifest(9, ["a", "b"], redrive_of=letters[1]), decision("a"), decision("b")):
        tally.take(record)

    assert tally.account() == Account(2, 2, 0, 0, 0, 0)
    assert (tally.records_read, tally.dead_letter_causes) == (1, {})


def test_a_claim_of_the_log_that_is_decided_after_a_redrive_is_no_dead_letter_any_more() -> None:
    tally = tally_of(manifest(0, ["a"]), dead_letter("a", 9, "unprocessable", NAMES.patient_events), decision("a"))

    assert tally.account() == Account(1, 1, 0, 0, 0, 0)


def test_rules_are_totalled_over_claims_dearest_first_without_what_costs_nothing() -> None:
    tally = tally_of(
        decision("a", "denied-risk", 0, finding("A-1", "10.50"), finding("A-1", "20.00")),
        decision("b", "denied-risk", 0, finding("A-1", "25.00"), finding("B-1", "100.00", "flag")),
        decision("c", "accepted", 0, finding("C-1", "0.00", "info")),
    )
    totals = tally.rule_totals()

    assert list(totals) == ["B-1", "A-1"]
    assert (totals["A-1"].claims, totals["A-1"].dollars) == (2, Decimal("55.50"))
    assert totals["A-1"].example.claim_id == "C-b"


@pytest.mark.parametrize("topic", ["t.claims.received", "t.claims.patient-events", "other"])
def test_other_topics_change_nothing(topic: str) -> None:
    assert tally_of(Record(topic, b"{}")).account() == Account(0, 0, 0, 0, 0, 0)


def test_it_names_the_topics_it_wants() -> None:
    assert set(tally_of().topics) == {
        "t.claims.accepted", "t.claims.flagged", "t.claims.denied-risk", "t.claims.manifests",
        "t.claims.received-dlt", "t.claims.patient-events-dlt",
    }  # fmt: skip
