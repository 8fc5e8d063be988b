"""What validate publishes when a fact comes late, and what it takes out of the changelog."""

import hashlib
import json
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from schemas.codec import content_type
from schemas.decision import Decision
from streams.agents.validate import Validate
from streams.chunks import RecordTooLarge
from streams.deciding import Decider
from streams.metrics import Metrics
from tests.streams.agents.fakes import FakeChunk, FakeOutbox, FakeRecord, FakeStore
from tests.streams.agents.logged import (
    ENCOUNTER,
    RULESET,
    TOPICS,
    entry_of,
    logged,
    logged_fact,
    logged_purge,
    outputs,
)
from tests.streams.intake.building import PRIVATE, claim

GUIDED = ENCOUNTER | {"guidance": "ct"}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry())


@pytest.fixture
def validate(metrics) -> Validate:
    return Validate(TOPICS, Decider(RULESET), FakeStore(), metrics)


def published(out: FakeOutbox) -> list[tuple[str, bytes]]:
    return [(each.topic, each.value) for each in out.outputs if each.topic != TOPICS.state_changelog]


async def test_a_late_fact_gives_a_revision_a_withdrawal_and_two_entries(validate):
    record = logged(claim(), 17)
    (first,) = (Decision.model_validate_json(value) for _, value in published(await outputs(validate, record)))
    out = await outputs(validate, logged_fact(ENCOUNTER, 18))
    revised, withdrawn, of_fact, of_claim = out.outputs
    decision = Decision.model_validate_json(revised.value)
    withdrawal = {
        "decision_id": first.decision_id,
        "event_id": first.event_id,
        "superseded_by": decision.decision_id,
    }

    assert (first.outcome, decision.outcome) == ("accepted", "denied-risk")
    assert (decision.revision, decision.cause, decision.supersedes) == (1, "late-encounter", first.decision_id)
    assert [(each.topic, each.partition, each.key) for each in out.outputs[:2]] == [
        (TOPICS.denied_risk, 3, record.key),
        (TOPICS.accepted, 3, record.key),
    ]
    assert json.loads(withdrawn.value) == withdrawal
    assert {each.topic for each in (of_fact, of_claim)} == {TOPICS.state_changelog}
    assert entry_of(of_fact)[1].encounter is not None
    assert [each.decision_id for each in entry_of(of_claim)[1].redecidable.issued] == [
        first.decision_id,
        decision.decision_id,
    ]


async def test_a_withdrawal_is_a_cloud_event_whose_id_is_the_hash_of_its_body(validate):
    await outputs(validate, logged(claim(), 17))
    revised, withdrawn, *_ = (await outputs(validate, logged_fact(ENCOUNTER, 18))).outputs
    body = json.loads(withdrawn.value)

    assert withdrawn.value == json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    assert withdrawn.headers == {
        "content-type": b"application/vnd.claimstream.withdrawal+json;v=1",
        "ce_specversion": b"1.0",
        "ce_type": b"claimstream.withdrawal",
        "ce_source": b"claimstream",
        "ce_id": hashlib.sha256(withdrawn.value).hexdigest().encode(),
        "cs-event-id": body["event_id"].encode(),
        "cs-position": b"demo.claims.patient-events:3:17",
    }
    assert revised.headers == withdrawn.headers | {
        "content-type": content_type("decision").encode(),
        "ce_type": b"claimstream.decision",
        "ce_id": body["superseded_by"].encode(),
    }


async def test_a_revision_of_the_same_outcome_withdraws_nothing(validate):
    two = claim(service_lines=[dict(claim()["service_lines"][0], line_number=n) for n in (1, 2)])
    await outputs(validate, logged(two, 17))
    out = await outputs(validate, logged_fact(ENCOUNTER, 18))

    assert [topic for topic, _ in published(out)] == [TOPICS.denied_risk]
    assert json.loads(published(out)[0][1])["revision"] == 1


async def test_a_fact_met_again_repeats_its_revision_and_its_withdrawal(validate, metrics):
    await outputs(validate, logged(claim(), 17))
    first, again = [await outputs(validate, logged_fact(ENCOUNTER, offset)) for offset in (18, 19)]
    for out in (first, again):
        out.confirm()

    assert published(first) == published(again)
    assert [each.headers for each in first.outputs[:2]] == [each.headers for each in again.outputs[:2]]
    assert first.outputs[3:] == again.to(TOPICS.state_changelog)
    assert metrics.registry.get_sample_value("claims_revised_total", {"cause": "late-encounter"}) == 1
    assert metrics.registry.get_sample_value("claims_redelivered_total") == 1


async def test_a_chunk_worked_again_gives_the_same_outputs(validate):
    records = [
        logged(claim(), 17),
        logged_fact(ENCOUNTER, 18),
        logged(claim(claim_id="B"), 19),
        logged_fact(GUIDED, 20),
        logged(claim(), 21),
    ]
    first, again = [await outputs(validate, *records) for _ in range(2)]

    assert first.outputs == again.outputs


async def test_nothing_personal_of_a_claim_stands_in_a_revision_or_its_entry(validate):
    await outputs(validate, logged(claim(), 17))
    shown = [repr(each) for each in (await outputs(validate, logged_fact(ENCOUNTER, 18))).outputs]

    assert [] == [private for private in PRIVATE for text in shown if private.lower() in text.lower()]


class FullOutbox(FakeOutbox):
    """Takes no record for one of the topics."""

    def __init__(self, topic: str) -> None:
        super().__init__()
        self.topic = topic

    def add(self, topic: str, *record: object) -> None:
        if topic == self.topic:
            raise RecordTooLarge(topic, 2, 1)
        super().add(topic, *record)


@pytest.mark.parametrize("topic", [TOPICS.accepted, TOPICS.state_changelog])
async def test_a_claim_whose_outputs_do_not_fit_leaves_no_trace_in_the_state(validate, topic):
    with pytest.raises(RecordTooLarge):
        await validate.work(FakeChunk([logged(claim(), 17)]), FullOutbox(topic))
    state = validate.store.patients

    assert state.events == 0
    out = await outputs(validate, logged(claim(claim_id="B"), 18))
    assert "CODE-26" not in json.loads(published(out)[0][1])["checks"]["fail"]


@pytest.mark.parametrize("topic", [TOPICS.denied_risk, TOPICS.accepted, TOPICS.state_changelog])
async def test_a_fact_whose_outputs_do_not_fit_leaves_no_trace_in_the_state(validate, topic):
    first = published(await outputs(validate, logged(claim(), 17)))
    with pytest.raises(RecordTooLarge):
        await validate.work(FakeChunk([logged_fact(ENCOUNTER, 18)]), FullOutbox(topic))

    assert published(await outputs(validate, logged(claim(), 19))) == first
    assert [] == published(await outputs(validate, logged_fact(GUIDED, 20)))


def years_later(record: FakeRecord) -> FakeRecord:
    headers = dict(record.headers) | {"cs-arrived-ms": str(1_781_481_600_000 + 900 * 86_400_000).encode()}
    return replace(record, headers=tuple(headers.items()))


async def test_what_is_too_old_is_taken_out_of_the_changelog_until_that_is_confirmed(validate):
    (_, entry) = (await outputs(validate, logged(claim(), 17))).outputs
    first, again = [await outputs(validate, years_later(logged(claim(claim_id="B"), 18))) for _ in range(2)]
    gone = first.outputs[-1]

    assert (gone.topic, gone.key, gone.value) == (entry.topic, entry.key, None)
    assert first.outputs == again.outputs
    again.confirm()
    assert None not in [each.value for each in (await outputs(validate, logged(claim(claim_id="D"), 20))).outputs]


async def test_what_comes_in_anew_is_not_taken_out_although_that_was_not_confirmed(validate):
    old = logged(claim(), 17)
    (_, entry) = (await outputs(validate, old)).outputs
    await outputs(validate, years_later(logged(claim(claim_id="B"), 18)))
    out = await outputs(validate, years_later(replace(old, offset=19)))

    assert [each.value is None for each in out.to(TOPICS.state_changelog) if each.key == entry.key] == [False]


async def test_what_a_purge_hides_is_taken_out_of_the_changelog_once_it_is_committed(validate):
    record = logged(claim(), 17)
    (_, entry) = (await outputs(validate, record)).outputs
    await outputs(validate, logged_purge(record.key.decode(), 18), committed=17)
    before = await outputs(validate, logged(claim(claim_id="B"), 19), committed=18)
    behind = await outputs(validate, logged(claim(claim_id="C"), 20), committed=19)

    assert None not in [each.value for each in before.outputs]
    assert (behind.outputs[-1].key, behind.outputs[-1].value) == (entry.key, None)
