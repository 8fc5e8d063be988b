import json
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from schemas.codec import content_type
from schemas.decision import Decision
from streams.agents.validate import NotInLogError, Validate, from_log
from streams.deciding import Decider
from streams.intake.arrival import Circumstances, arrive
from streams.metrics import Metrics
from streams.state import changelog
from streams.tokens import Tokens
from streams.topic_layout import Topics
from tests.streams.agents.fakes import FakeChunk, FakeOutbox, FakeRecord, FakeStore
from tests.streams.intake.building import FULL, LINE, PRIVATE, accepted, claim
from validators.loading import load_ruleset

RULESET = load_ruleset()
TOPICS = Topics("demo.")
TOKENS = Tokens(b"key", RULESET.payers)
ADD_ON_ALONE = claim(service_lines=[LINE | {"procedure_code": "64484"}])


def logged(tree, offset: int = 17, **changes) -> FakeRecord:
    """A record of the patient log as intake writes it."""
    arrived = arrive(accepted(tree), Circumstances("a"), TOKENS)
    return FakeRecord(
        arrived.claim.model_dump_json(exclude_defaults=True).encode(),
        (
            ("content-type", content_type("claim").encode()),
            ("cs-event-id", arrived.event_id.encode()),
            ("cs-person", arrived.person.encode()),
            ("cs-arrived-ms", b"1781481600000"),
        ),
        key=arrived.patient_token.encode(),
        topic=TOPICS.patient_events,
        offset=offset,
        **changes,
    )


def without(record: FakeRecord, name: str, instead: bytes | None = None) -> FakeRecord:
    headers = [header for header in record.headers if header[0] != name]
    return replace(record, headers=(*headers, (name, instead)) if instead is not None else tuple(headers))


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry())


@pytest.fixture
def validate(metrics) -> Validate:
    return Validate(TOPICS, Decider(RULESET), FakeStore(), metrics)


async def outputs(validate: Validate, *records: FakeRecord) -> FakeOutbox:
    out = FakeOutbox()
    await validate.work(FakeChunk(list(records)), out)
    return out


async def test_a_decision_goes_to_the_topic_of_its_outcome_under_its_own_id(validate):
    record = logged(ADD_ON_ALONE)
    (output,) = (await outputs(validate, record)).to(TOPICS.denied_risk)
    decision = Decision.model_validate_json(output.value)

    assert (output.key, output.partition) == (record.key, 3)
    assert decision.outcome == "denied-risk"
    assert output.headers == {
        "content-type": content_type("decision").encode(),
        "ce_specversion": b"1.0",
        "ce_type": b"claimstream.decision",
        "ce_source": b"claimstream",
        "ce_id": decision.decision_id.encode(),
        "cs-event-id": decision.event_id.encode(),
        "cs-position": b"demo.claims.patient-events:3:17",
    }


async def test_each_outcome_has_its_topic(validate):
    out = await outputs(validate, logged(ADD_ON_ALONE), logged(claim(claim_id="B"), 18))

    assert [output.topic for output in out.outputs if output.topic != TOPICS.state_changelog] == [
        TOPICS.outcome(json.loads(output.value)["outcome"])
        for output in out.outputs
        if output.topic != TOPICS.state_changelog
    ]


async def test_what_an_event_adds_goes_to_the_changelog_of_its_partition(validate):
    record = logged(claim())
    (entry,) = (await outputs(validate, record)).to(TOPICS.state_changelog)
    token, decoded = changelog.decode(entry.key, entry.value)

    assert entry.partition == 3
    assert token.encode() == record.key
    assert decoded.known.position == 17
    assert validate.store.patients.of(token).known(decoded.event_id, 18) == decoded.known


async def test_an_event_met_again_repeats_its_decision_and_adds_nothing(validate, metrics):
    first = await outputs(validate, logged(ADD_ON_ALONE, 17))
    between = await outputs(validate, logged(ADD_ON_ALONE | {"claim_id": "B"}, 18))
    again = await outputs(validate, logged(ADD_ON_ALONE, 19))
    for out in (first, between, again):
        out.confirm()
    (before,), (after,) = first.to(TOPICS.denied_risk), again.to(TOPICS.denied_risk)

    assert after.value == before.value
    assert after.headers["ce_id"] == before.headers["ce_id"]
    assert after.headers["cs-position"].endswith(b":19")
    assert again.to(TOPICS.state_changelog) == []
    assert metrics.registry.get_sample_value("claims_redelivered_total") == 1


async def test_an_event_twice_in_one_chunk_is_decided_once(validate):
    out = await outputs(validate, logged(ADD_ON_ALONE, 17), logged(ADD_ON_ALONE, 18))

    assert len({output.value for output in out.to(TOPICS.denied_risk)}) == 1
    assert len(out.to(TOPICS.state_changelog)) == 1


async def test_a_claim_sees_the_one_before_it_in_its_chunk(validate):
    copy = ADD_ON_ALONE | {"claim_id": "COPY"}
    first, second = (await outputs(validate, logged(ADD_ON_ALONE), logged(copy, 18))).to(TOPICS.denied_risk)

    assert "CODE-26" not in json.loads(first.value)["checks"]["fail"]
    assert "CODE-26" in json.loads(second.value)["checks"]["fail"]


async def test_nothing_personal_stands_in_a_decision_or_in_the_state(validate):
    out = await outputs(validate, logged(FULL), logged(FULL | {"service_lines": ADD_ON_ALONE["service_lines"]}, 18))
    shown = [repr(output) for output in out.outputs]

    assert [] == [private for private in PRIVATE for text in shown if private.lower() in text.lower()]


async def test_decisions_are_counted_when_the_broker_has_them(validate, metrics):
    out = await outputs(validate, logged(ADD_ON_ALONE))
    labels = {"outcome": "denied-risk", "claim_type": "professional", "line_of_business": "other"}

    assert metrics.registry.get_sample_value("claims_decided_total", labels) is None
    out.confirm()
    assert metrics.registry.get_sample_value("claims_decided_total", labels) == 1
    assert metrics.registry.get_sample_value("claims_decision_seconds_count") == 1


@pytest.mark.parametrize(
    "record",
    [
        without(logged(claim()), "content-type"),
        without(logged(claim()), "content-type", b"application/json"),
        without(logged(claim()), "content-type", content_type("encounter").encode()),
        without(logged(claim()), "content-type", content_type("claim", 2).encode()),
        without(logged(claim()), "cs-event-id"),
        without(logged(claim()), "cs-event-id", b"short"),
        without(logged(claim()), "cs-person"),
        without(logged(claim()), "cs-person", b"\xff" * 32),
        without(logged(claim()), "cs-arrived-ms"),
        without(logged(claim()), "cs-arrived-ms", "²".encode()),
        without(logged(claim()), "cs-arrived-ms", b"-1"),
        replace(logged(claim()), key=None),
        replace(logged(claim()), key=b"\xff"),
        replace(logged(claim()), key=b"1EG4TE5MK73"),
        replace(logged(claim()), value=None),
        replace(logged(claim()), value=b"{}"),
        replace(logged(claim()), value=b"\xff"),
        FakeRecord(b"", ()),
    ],
)
async def test_what_intake_did_not_write_is_not_in_the_log(validate, record):
    with pytest.raises(NotInLogError) as raised:
        await outputs(validate, record)

    assert "1EG4TE5MK73" not in str(raised.value)


def test_a_claim_of_the_log_is_the_one_that_arrived():
    arrived, arrived_ms = from_log(logged(FULL))

    assert arrived == arrive(accepted(FULL), Circumstances("a"), TOKENS)
    assert arrived_ms == 1_781_481_600_000
