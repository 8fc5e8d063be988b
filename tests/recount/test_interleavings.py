import json
from collections.abc import Iterable, Iterator
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.recount.comparing import differences
from tests.recount.generator import feed
from tests.recount.in_memory import Judged, Step, Worker
from tests.recount.making import logged, ruleset
from tests.recount.recount import PatientRecount, recount
from tests.recount.strategies import logs, plans
from tests.recount.told import told


def differ(worker: Worker, patients: dict[str, PatientRecount]) -> list[str]:
    return [
        *differences(patients, worker.outputs, worker.changelog, worker.patients, ruleset().state),
        *shown_otherwise(worker.decider.judged, patients),
    ]


def shown_otherwise(judged: Iterable[Judged], patients: dict[str, PatientRecount]) -> Iterator[str]:
    """Where rules were shown other sessions, or another use of authorizations, than the recount finds."""
    answers = {at: met for patient in patients.values() for at, met in patient.answers.items()}
    for position, prior_sessions, consumed in judged:
        met = answers[position]
        assert met.seen is not None
        sessions = met.seen.sessions(met.told)
        for service, prior, used in zip(met.told.services, prior_sessions, consumed, strict=True):
            if prior != {day for day in sessions.get(service.region or "", ()) if day < service.on}:
                yield f"event {met.told.event_id} at {position}: prior sessions differ"
            if used != (met.seen.used(service.authorization) if service.authorization else (frozenset(), {})):
                yield f"event {met.told.event_id} at {position}: the use of an authorization differs"


@given(logs(), plans(), st.integers(0, 12))
@settings(max_examples=400)
def test_any_interleaving_in_any_chunks_with_any_restarts_gives_what_the_recount_gives(log, plan, lag):
    patients = recount(map(told, log), ruleset())
    worker = Worker(log, ruleset())
    worker.play(plan, lag=lag)

    assert [] == differ(worker, patients)


@given(logs(), plans(), st.integers(0, 12))
@settings(max_examples=100)
def test_a_suffix_that_is_delivered_again_changes_nothing(log, plan, offset):
    patients = recount(map(told, log), ruleset())
    worker = Worker(log, ruleset())
    worker.play(plan, lag=len(log))
    worker.again_from(min(offset, len(log) - 1))

    assert [] == differ(worker, patients)


@given(logs(), plans())
@settings(max_examples=100)
def test_revisions_of_an_event_count_up_without_gaps(log, plan):
    worker = Worker(log, ruleset())
    worker.play(plan, lag=len(log))
    revisions: dict[str, set[int]] = {}
    for output in worker.outputs:
        body = json.loads(output.value)
        if "revision" in body:
            revisions.setdefault(body["event_id"], set()).add(body["revision"])

    assert [] == [event for event, found in revisions.items() if found != {*range(len(found))}]


def test_the_feed_of_the_proof_gives_what_the_recount_gives():
    made = [each for epoch in feed(7, 1000, 100, date(2026, 11, 28)) for each in epoch]
    log = [logged(each, offset) for offset, each in enumerate(made)]
    worker = Worker(log, ruleset())
    worker.play([Step(150), Step(150, "in trouble", 40), Step(150, "in a crash", 40)] * len(log), lag=100)

    assert [] == differ(worker, recount(map(told, log), ruleset()))
