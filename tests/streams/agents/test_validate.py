import json
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from schemas.authorization import Authorization
from schemas.codec import content_type
from schemas.decision import Decision
from schemas.encounter import Encounter
from streams.agents.validate import NotInLogError, Validate, from_log
from streams.deciding import Decider
from streams.intake.arrival import Circumstances, arrive, arrive_fact
from streams.intake.items import ReadFact, Span
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


MEMBER = {"payer_id": "MEDICARE", "member_id": "1EG4TE5MK73"}
WHO = {"first_name": "Ebenezer", "birth_date": "1961-03-04"}
AUTHORIZATION = {**MEMBER, "authorization_number": "AX-1", "status": "approved", "services": [{"procedure_code": "J1"}]}
ENCOUNTER = {**MEMBER, "service_date": "2026-06-15", "guidance": "none"}


def read_fact(tree: dict[str, object]) -> ReadFact:
    """An authorization or encounter as reading gives it."""
    model = Authorization if "authorization_number" in tree else Encounter
    return ReadFact(model.model_validate_json(json.dumps(tree)), (json.dumps(tree).encode(),), Span(0, 1))


def logged_fact(tree: dict[str, object], offset: int = 17) -> FakeRecord:
    """A fact in the patient log as intake writes it."""
    arrived = arrive_fact(read_fact(tree), Circumstances("a"), TOKENS)
    kind = "authorization" if isinstance(arrived.fact, Authorization) else "encounter"
    return FakeRecord(
        arrived.fact.model_dump_json(exclude_defaults=True).encode(),
        (
            ("content-type", content_type(kind).encode()),
            ("cs-event-id", arrived.event_id.encode()),
            ("cs-person", arrived.person.encode()),
            ("cs-arrived-ms", b"1781481600000"),
        ),
        key=arrived.patient_token.encode(),
        topic=TOPICS.patient_events,
        offset=offset,
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


@pytest.mark.parametrize("tree", [AUTHORIZATION, ENCOUNTER])
@pytest.mark.parametrize("patient", [None, WHO])
def test_a_fact_of_the_log_is_the_one_that_arrived_for_a_person_or_for_any(tree, patient):
    item = read_fact({**tree, "patient": patient})
    arrived, arrived_ms = from_log(logged_fact({**tree, "patient": patient}))

    assert arrived == arrive_fact(item, Circumstances("a"), TOKENS)
    assert (arrived.person == "") is (patient is None)
    assert arrived_ms == 1_781_481_600_000


def test_a_fact_without_the_header_of_its_person_is_for_any_person():
    arrived, _ = from_log(without(logged_fact(ENCOUNTER), "cs-person"))

    assert arrived.person == ""


@pytest.mark.parametrize("tree", [AUTHORIZATION, ENCOUNTER])
async def test_a_fact_enters_state_and_changelog_and_nothing_is_decided_of_it(validate, metrics, tree):
    record = logged_fact(tree)
    out = await outputs(validate, record)
    out.confirm()
    (entry,) = out.outputs
    token, decoded = changelog.decode(entry.key, entry.value)
    facts = validate.store.patients.of(token).facts_of("anyone", 18)

    assert (entry.topic, entry.partition) == (TOPICS.state_changelog, 3)
    assert token.encode() == record.key
    assert decoded.known.position == 17
    assert [decoded.authorization or decoded.encounter] == [*facts.authorizations, *facts.encounters]
    assert metrics.registry.get_sample_value("claims_decision_seconds_count") == 0
    assert not metrics.registry.get_sample_value("claims_redelivered_total")


@pytest.mark.parametrize("tree", [AUTHORIZATION, ENCOUNTER])
async def test_a_fact_met_again_adds_nothing(validate, tree):
    first = await outputs(validate, logged_fact(tree, 17))
    within = await outputs(validate, logged_fact(tree, 18), logged_fact(tree, 19))

    assert len(first.outputs) == 1
    assert within.outputs == []
    assert validate.store.patients.events() == 1


async def test_a_fact_twice_in_one_chunk_is_entered_once(validate):
    assert len((await outputs(validate, logged_fact(ENCOUNTER, 17), logged_fact(ENCOUNTER, 18))).outputs) == 1


async def test_a_claim_sees_the_facts_before_it_in_its_chunk_and_none_after(validate):
    first, second = claim(claim_id="A"), claim(claim_id="B")
    out = await outputs(validate, logged(first, 17), logged_fact(ENCOUNTER, 18), logged(second, 19))
    again = await outputs(validate, logged(first, 20))
    before, after = (decided_of(out, name) for name in ("A", "B"))

    assert {"rule": "GUID-01", "missing": "encounter.guidance"} in before["checks"]["not_checked"]
    assert "GUID-01" in after["checks"]["fail"]
    assert decided_of(again, "A") == before


def decided_of(out: FakeOutbox, claim_id: str) -> dict[str, object]:
    """The decision about a claim among the outputs."""
    decisions = [json.loads(each.value) for each in out.outputs if each.topic != TOPICS.state_changelog]
    (found,) = [decision for decision in decisions if decision["claim_id"] == claim_id]
    return found


async def test_nothing_personal_of_a_fact_stands_in_the_state(validate):
    facts = [{**AUTHORIZATION, "patient": WHO}, {**ENCOUNTER, "patient": WHO}]
    out = await outputs(validate, *(logged_fact(tree, offset) for offset, tree in enumerate(facts)))
    shown = [repr(output) for output in out.outputs]

    assert [] == [private for private in PRIVATE for text in shown if private.lower() in text.lower()]
