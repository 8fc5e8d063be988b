import json
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from schemas.codec import content_type
from schemas.decision import Decision
from streams.agents.validate import Logged, NotInLogError, Validate, from_log
from streams.deciding import Decider
from streams.intake.arrival import ArrivedPurge, Circumstances, arrive, arrive_fact
from streams.metrics import Metrics
from streams.state.entry import Moment
from tests.streams.agents.fakes import FakeOutbox, FakeRecord, FakeStore
from tests.streams.agents.logged import (
    ADD_ON_ALONE,
    AUTHORIZATION,
    DAY,
    ENCOUNTER,
    RULESET,
    TOKENS,
    TOPICS,
    WHO,
    entry_of,
    logged,
    logged_fact,
    logged_purge,
    outputs,
    read_fact,
)
from tests.streams.intake.building import FULL, PRIVATE, accepted, claim


def without(record: FakeRecord, name: str, instead: bytes | None = None) -> FakeRecord:
    headers = [header for header in record.headers if header[0] != name]
    return replace(record, headers=(*headers, (name, instead)) if instead is not None else tuple(headers))


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry())


@pytest.fixture
def validate(metrics) -> Validate:
    return Validate(TOPICS, Decider(RULESET), FakeStore(), metrics)


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
    (output,) = (await outputs(validate, record)).to(TOPICS.state_changelog)
    token, entry = entry_of(output)

    assert output.partition == 3
    assert token.encode() == record.key
    assert entry.moment == Moment(17, DAY)
    assert validate.store.patients.of(token).known(entry.event_id, Moment(18, DAY)) == entry


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
        without(logged(claim()), "cs-person", b""),
        without(logged(claim()), "content-type", content_type("decision").encode()),
        without(logged_fact(AUTHORIZATION), "content-type"),
        without(logged_fact(AUTHORIZATION), "content-type", content_type("encounter").encode()),
        without(logged_fact(AUTHORIZATION), "content-type", content_type("claim").encode()),
        without(logged_fact(AUTHORIZATION), "cs-person", b"1EG4TE5MK73"),
        without(logged_fact(ENCOUNTER), "cs-event-id"),
        without(logged_fact(ENCOUNTER), "cs-arrived-ms"),
        replace(logged_fact(ENCOUNTER), key=b"1EG4TE5MK73"),
        replace(logged_fact(ENCOUNTER), value=b'{"service_date": "2026-06-15", "member_id": "1EG4TE5MK73"}'),
        replace(logged_fact(ENCOUNTER), value=None),
        replace(logged_purge("0" * 32), value=b"{}"),
        replace(logged_purge("0" * 32), key=b"1EG4TE5MK73"),
        without(logged_purge("0" * 32), "cs-event-id"),
        FakeRecord(b"", ()),
    ],
)
async def test_what_intake_did_not_write_is_not_in_the_log(validate, record):
    with pytest.raises(NotInLogError) as raised:
        await outputs(validate, record)

    assert "1EG4TE5MK73" not in str(raised.value)


def test_a_claim_of_the_log_is_the_one_that_arrived():
    arrived = arrive(accepted(FULL), Circumstances("a"), TOKENS)

    assert from_log(logged(FULL)) == Logged(arrived, Moment(17, DAY), 1_781_481_600_000)


@pytest.mark.parametrize("tree", [AUTHORIZATION, ENCOUNTER])
@pytest.mark.parametrize("patient", [None, WHO])
def test_a_fact_of_the_log_is_the_one_that_arrived_for_a_person_or_for_any(tree, patient):
    item = read_fact({**tree, "patient": patient})
    arrived = arrive_fact(item, Circumstances("a"), TOKENS)

    assert from_log(logged_fact({**tree, "patient": patient})) == Logged(arrived, Moment(17, DAY), 1_781_481_600_000)
    assert (arrived.person == "") is (patient is None)


def test_a_fact_without_the_header_of_its_person_is_for_any_person():
    assert from_log(without(logged_fact(ENCOUNTER), "cs-person")).arrived.person == ""


@pytest.mark.parametrize("tree", [AUTHORIZATION, ENCOUNTER])
async def test_a_fact_enters_state_and_changelog_and_nothing_is_decided_of_it(validate, metrics, tree):
    record = logged_fact(tree)
    out = await outputs(validate, record)
    out.confirm()
    (output,) = out.outputs
    token, entry = entry_of(output)
    facts = validate.store.patients.of(token).facts("anyone", Moment(18, DAY))

    assert (output.topic, output.partition) == (TOPICS.state_changelog, 3)
    assert token.encode() == record.key
    assert entry.moment == Moment(17, DAY)
    assert [entry.authorization or entry.encounter] == [*facts.authorizations, *facts.encounters]
    assert metrics.registry.get_sample_value("claims_decision_seconds_count") == 0
    assert not metrics.registry.get_sample_value("claims_redelivered_total")


@pytest.mark.parametrize("tree", [AUTHORIZATION, ENCOUNTER])
async def test_a_fact_met_again_adds_nothing(validate, tree):
    first = await outputs(validate, logged_fact(tree, 17))
    within = await outputs(validate, logged_fact(tree, 18), logged_fact(tree, 19))

    assert len(first.outputs) == 1
    assert within.outputs == []
    assert validate.store.patients.events == 1


async def test_a_fact_twice_in_one_chunk_is_entered_once(validate):
    assert len((await outputs(validate, logged_fact(ENCOUNTER, 17), logged_fact(ENCOUNTER, 18))).outputs) == 1


async def test_a_claim_sees_the_facts_before_it_in_its_chunk_and_none_after(validate):
    first, second = claim(claim_id="A"), claim(claim_id="B")
    out = await outputs(validate, logged(first, 17), logged_fact(ENCOUNTER, 18), logged(second, 19))
    again = await outputs(validate, logged(first, 20))
    (before, revised), (after,) = (decided_of(out, name) for name in ("A", "B"))

    assert {"rule": "GUID-01", "missing": "encounter.guidance"} in before["checks"]["not_checked"]
    assert "GUID-01" in revised["checks"]["fail"]
    assert "GUID-01" in after["checks"]["fail"]
    assert decided_of(again, "A") == [before]


def decided_of(out: FakeOutbox, claim_id: str) -> list[dict[str, Any]]:
    """The decisions about a claim among the outputs."""
    bodies = [json.loads(each.value) for each in out.outputs if each.topic != TOPICS.state_changelog]
    return [body for body in bodies if body.get("claim_id") == claim_id]


async def test_nothing_personal_of_a_fact_stands_in_the_state(validate):
    facts = [{**AUTHORIZATION, "patient": WHO}, {**ENCOUNTER, "patient": WHO}]
    out = await outputs(validate, *(logged_fact(tree, offset) for offset, tree in enumerate(facts)))
    shown = [repr(output) for output in out.outputs]

    assert [] == [private for private in PRIVATE for text in shown if private.lower() in text.lower()]


def test_a_purge_of_the_log_is_of_all_persons_of_its_member():
    record = logged_purge("0" * 32)
    event_id = dict(record.headers)["cs-event-id"].decode()

    assert from_log(record) == Logged(ArrivedPurge(event_id, "0" * 32), Moment(17, DAY), 1_781_481_600_000)


async def test_a_purge_leaves_its_proof_in_the_changelog_and_nothing_else(validate):
    first = logged(claim())
    await outputs(validate, first)
    (output,) = (await outputs(validate, logged_purge(first.key.decode(), 18))).outputs
    token, entry = entry_of(output)

    assert (output.topic, token) == (TOPICS.state_changelog, first.key.decode())
    assert entry.purge.entries == 1
