"""What the recount has found in the fold so far, each in the shortest log that shows it."""

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tests.recount.comparing import DECISION, differences
from tests.recount.in_memory import Step, Worker
from tests.recount.making import SOURCES, LogRecord, Made, Member, Tree, claim_of, fact_of, logged, purged, ruleset
from tests.recount.recount import PatientRecount, recount
from tests.recount.told import told
from tests.validators.building import line

PAYER = {"id": "EXCIGNA", "filing_indicator": "CI", "line_of_business": "commercial"}
MEMBER = Member(PAYER, "M1", (("PAT", "1952-03-04"),))
DAY = date(2026, 6, 20)
MAY, JUNE = "2026-05-15", "2026-06-15"


def claim(claim_id: str, frequency_code: str = "1", *, on: tuple[str, ...] = (JUNE,), **fields: Any) -> Tree:
    lines = [line("64483", service_date_from=day, authorization_number="P1") for day in on]
    return claim_of(
        MEMBER, 0, {"claim_id": claim_id, "frequency_code": frequency_code, "service_lines": lines, **fields}
    )


def log_of(*trees: Tree, after_days: tuple[int, ...] = ()) -> list[LogRecord]:
    """These records in this order, each so many days after the first; the same object twice is the same event."""
    days = after_days or (0,) * len(trees)
    return [logged(Made.of(tree, SOURCES[0], DAY + timedelta(days=days[at])), at) for at, tree in enumerate(trees)]


def worked(log: list[LogRecord], *, again: int = 0) -> tuple[Worker, PatientRecount]:
    """The log as the worker took it, record by record and its last ones `again`, and as the recount did."""
    worker = Worker(log, ruleset())
    worker.play([Step(1)] * len(log), lag=again)
    if again:
        worker.again_from(len(log) - again)
    patients = recount(map(told, log), ruleset())

    assert [] == differences(patients, worker.outputs, worker.changelog, worker.patients, ruleset().state)
    (patient,) = patients.values()
    return worker, patient


def counting(log: list[LogRecord]) -> list[int]:
    """The positions of the claims that count in the end."""
    _, patient = worked(log)
    seen, _ = patient.at_end(patient.met[0].told.person, DAY)
    return [each.position for each in seen.history.counting]


def test_a_replacement_takes_an_earlier_one_out_that_waits_for_the_same_original():
    assert [1] == counting(
        log_of(claim("B", "7", original_reference="A"), claim("B", "7", original_reference="A", serial=2))
    )


def test_what_a_replacement_was_waiting_for_still_supersedes_what_it_resubmits():
    original, waiting = claim("A", on=(JUNE, MAY)), claim("B", "7", original_reference="UNKNOWN")

    assert [1] == counting(log_of(original, waiting, claim("A")))


def test_the_units_of_a_day_are_the_most_that_one_claim_bills():
    first, second = (
        claim(each, service_lines=[line("64483", units=units, authorization_number="P1")])
        for each, units in (("A", "2"), ("B", "3"))
    )
    worker, _ = worked(log_of(first, second, claim("C")))
    (used,) = worker.decider.judged[-1].consumed

    assert {(date.fromisoformat(JUNE), "64483"): Decimal(3)} == used.units


def test_a_second_purge_leaves_the_proof_of_the_first():
    (first,) = log_of(claim("A"))
    token = first.key.decode()
    worker, _ = worked(
        [first, purged(token, DAY, 1), purged(token, DAY, 2), logged(Made.of(claim("B"), SOURCES[0], DAY), 3)]
    )

    assert [1, 2] == sorted(each.position for each in worker.patients.of(token).entries.values() if each.purge)


def test_a_claim_that_comes_again_after_years_is_decided_by_what_it_saw_then():
    # What the claim saw is seen by nothing new when it comes again, 23 months later.
    old, again = fact_of(MEMBER, 0, {"authorization_number": "P1", "status": "denied"}), claim("A")
    worker, _ = worked(log_of(old, again, claim("B"), again, after_days=(0, 700, 1400, 1400)))

    assert 1 == len({each.value for each in worker.outputs if each.claim_offset in (1, 3)})


def test_a_claim_is_repeated_by_what_it_saw_though_that_was_forgotten_and_came_again_since():
    original, replacement = claim("A"), claim("B", "7", original_reference="A")
    worker, patient = worked(log_of(original, replacement, original, replacement, after_days=(0, 656, 744, 783)))

    assert [0, 1, 2] == [met.position for met in patient.met]
    assert 1 == len({each.value for each in worker.outputs if each.claim_offset in (1, 3)})


def test_a_claim_is_repeated_by_the_facts_it_saw_though_they_were_forgotten_and_came_again_since():
    denied = fact_of(MEMBER, 0, {"authorization_number": "P1", "status": "denied"})
    approved = fact_of(MEMBER, 0, {"authorization_number": "P1", "status": "approved"})
    judged = claim("A")
    worker, patient = worked(log_of(denied, judged, denied, approved, judged, after_days=(0, 700, 740, 740, 790)))

    assert [0, 1, 2, 3] == [met.position for met in patient.met]
    assert 1 == len({each.value for each in worker.outputs if each.claim_offset in (1, 4)})


def test_a_claim_that_changed_history_once_and_did_not_when_it_came_again_still_did():
    original = claim("A")
    visit = claim("A", service_lines=[line("99213", service_date_from=JUNE)])
    judged = claim("B")
    worker, patient = worked(log_of(original, visit, judged, visit, judged, after_days=(0, 0, 700, 800, 800)))

    assert ["claim", "claim", "claim", "nothing"] == [met.keeps for met in patient.met]
    assert 1 == len({each.value for each in worker.outputs if each.claim_offset in (2, 4)})


def test_what_a_crash_repeats_before_an_event_came_again_is_decided_as_it_was():
    test_claim, other = claim("A", test=True), claim("B")
    log = log_of(test_claim, other, test_claim, test_claim, after_days=(0, 2, 20, 31))
    worker, patient = worked(log, again=2)

    assert [0, 1, 3] == [met.position for met in patient.met]
    assert 1 == len({each.value for each in worker.outputs if each.claim_offset in (0, 2)})


def test_what_a_crash_repeats_before_a_purge_sees_what_came_again_behind_it():
    original, replacement = (
        Made.of(tree, SOURCES[0], DAY) for tree in (claim("A"), claim("B", "7", original_reference="A"))
    )
    first = logged(original, 0)
    purge = purged(first.key.decode(), DAY, 2)
    worker, _ = worked([first, logged(replacement, 1), purge, logged(original, 3)], again=3)

    assert 1 == len({each.value for each in worker.outputs if each.claim_offset == 1})


def test_what_sees_a_claim_at_both_of_its_places_counts_it_at_the_last():
    # The third came a little before the second, so that to it the first is not forgotten.
    again = claim("A", "7", original_reference="UNKNOWN")
    _, patient = worked(log_of(again, claim("B", on=(MAY,)), again, claim("C"), after_days=(0, 1, 735, 730)))
    seen = patient.met[-1].seen

    assert seen is not None
    assert [1, 2] == [each.position for each in seen.history.counting]


def test_a_revision_sees_what_its_claim_saw_although_the_late_fact_came_too_late_for_it():
    denied = fact_of(MEMBER, 0, {"authorization_number": "P1", "status": "denied"})
    session = fact_of(MEMBER, 0, {"service_date": JUNE, "guidance": "none"})
    worker, _ = worked(log_of(denied, claim("A"), session, after_days=(0, 720, 745)))
    _, revised = (each for each in worker.outputs if each.content_type == DECISION)

    assert "AUTH-13" in json.loads(revised.value)["checks"]["fail"]
