from decimal import Decimal

from streams.replay.compare import Comparison, as_objects, live_topics
from streams.replay.job import Job
from streams.replay.outputs import Seen, SeenFinding, Totals, seen_in
from tests.streams.replay.test_job import JOB

DOLLARS = Decimal("100.00")


def finding(rule: str, dollars: str = "100.00", said: str = "") -> SeenFinding:
    return SeenFinding(rule, Decimal(dollars), f"{rule}{dollars}{said}".encode())


def seen(event: str, outcome: str = "accepted", *findings: SeenFinding, lines: int = 1, body: str = "") -> Seen:
    at_risk = Decimal(0) if outcome == "accepted" else DOLLARS
    return Seen(event, f"{event}{body}", 0, 0, f"claim {event}", outcome, lines, DOLLARS, at_risk, findings)


def compared(*pairs: tuple[Seen, Seen], limit: int = 5) -> Comparison:
    comparison = Comparison(limit)
    comparison.take_all({live.event_id: live for live, _ in pairs}, {again.event_id: again for _, again in pairs})
    return comparison


def test_the_same_decisions_are_equal_and_identical():
    comparison = compared((seen("a"), seen("a")), (seen("b"), seen("b", body="other rules")))

    assert (2, 2, 1, 0) == (comparison.both, comparison.equal, comparison.identical, comparison.differing)
    assert ({}, []) == (comparison.rules, comparison.examples)


def test_an_outcome_that_changed_stands_in_the_matrix_with_its_dollars():
    cell = compared((seen("a"), seen("a", "denied-risk", finding("LVL-01")))).cells["accepted", "denied-risk"]

    assert (1, DOLLARS, 0, DOLLARS) == (cell.claims, cell.charge, cell.at_risk_live, cell.at_risk_replay)


def test_findings_are_gained_lost_and_changed():
    before = seen("a", "flagged", finding("AUTH-02"), finding("LVL-01", "50.00"), finding("CODE-03"))
    after = seen("a", "flagged", finding("LVL-01", "80.00"), finding("CODE-03"), finding("GUID-01", "30.00"))
    comparison = compared((before, after))
    changes = {rule: (change.gained, change.lost, change.changed) for rule, change in comparison.rules.items()}
    (example,) = comparison.examples

    assert {"AUTH-02": (0, 1, 0), "GUID-01": (1, 0, 0), "LVL-01": (0, 0, 1)} == changes
    assert [Decimal(-100), Decimal(30), Decimal(30)] == [
        comparison.rules[rule].dollars for rule in ("AUTH-02", "GUID-01", "LVL-01")
    ]
    assert (("GUID-01",), ("AUTH-02",), ("LVL-01",)) == (example.gained, example.lost, example.changed)


def test_a_finding_with_other_words_is_a_change_without_dollars():
    before, after = (seen("a", "flagged", finding("LVL-01", said=said)) for said in ("two", "one"))
    (change,) = compared((before, after)).rules.values()

    assert (1, Decimal(0)) == (change.changed, change.dollars)


def test_events_of_one_side_are_counted_and_nothing_more():
    comparison = Comparison()
    comparison.take_all({"a": seen("a"), "b": seen("b")}, {"b": seen("b"), "c": seen("c"), "d": seen("d")})

    assert (1, 2, 1) == (comparison.only_live, comparison.only_replay, comparison.both)


def test_the_smallest_examples_are_kept():
    pairs = [(seen(str(n)), seen(str(n), "flagged", finding("X"), lines=9 - n)) for n in range(9)]

    assert ["claim 8", "claim 7"] == [each.claim_id for each in compared(*pairs, limit=2).examples]
    assert [] == compared(*pairs, limit=0).examples


def test_for_programs_there_is_a_line_a_thing():
    lines = as_objects(compared((seen("a"), seen("a", "flagged", finding("X")))), "june", finished=True)

    assert ["summary", *["transition"] * 9, "rule", "example"] == [line["kind"] for line in lines]
    assert {"X": "100.00"} == {line["rule"]: line["gained_dollars"] for line in lines if line["kind"] == "rule"}


def test_the_live_topics_are_those_beside_the_log():
    beside = Job("other.claims.patient-events", JOB.start, JOB.end, JOB.ruleset, JOB.spans)

    assert "other." == live_topics(beside, "mine.").prefix
    assert "mine." == live_topics(Job("copy", JOB.start, JOB.end, JOB.ruleset, JOB.spans), "mine.").prefix


def test_a_test_claim_has_an_outcome_and_no_dollars():
    body = {
        "event_id": "e", "decision_id": "d", "revision": 0, "claim_id": "c", "outcome": "flagged", "test": True,
        "lines": [{}], "total_charge": "5.00", "amount_at_risk": "5.00",
        "findings": [{"rule": "X", "amount_at_risk": "5.00"}],
    }  # fmt: skip
    totals = Totals()
    totals.add(seen_in(body, 0))
    totals.add(seen_in({**body, "test": False}, 0))

    assert {
        "claims": 2,
        "outcomes": {"accepted": 0, "flagged": 2, "denied-risk": 0},
        "total_charge": "5.00",
        "amount_at_risk": "5.00",
    } == totals.as_object()
