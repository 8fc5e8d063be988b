import hashlib
import json

import pytest
from prometheus_client import CollectorRegistry

from schemas.authorization import Authorization
from schemas.claim import Claim
from schemas.codec import content_type
from schemas.encounter import Encounter
from schemas.manifest import Manifest
from streams.agents import intake as intake_module
from streams.agents.intake import Intake
from streams.chunks import partition_of
from streams.intake.arrival import Circumstances, arrive_fact, event_id
from streams.intake.items import ReadClaim, ReadFact, Rejected, Span, Warned
from streams.intake.json_claim import read_json
from streams.intake.reading import MAX_RECORD_BYTES
from streams.metrics import Metrics
from streams.tokens import Tokens
from streams.topic_layout import Layout, Topics
from tests.streams.agents.fakes import FakeChunk, FakeOutbox, FakeRecord
from tests.streams.intake.building import FULL, PRIVATE, SMALLEST, encoded
from tests.streams.intake.x12.building import CLAIM, LINE, OTHER_CLAIM, one
from validators.loading import load_ruleset

TOPICS = Topics("demo.")
TOKENS = Tokens(b"key", load_ruleset().payers)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry())


@pytest.fixture
def intake(metrics) -> Intake:
    return Intake(TOPICS, Layout(), TOKENS, frozenset({"clearinghouse-a", "b"}), "ruleset-hash", "host:1", metrics)


async def outputs(intake: Intake, *records: FakeRecord) -> FakeOutbox:
    out = FakeOutbox()
    await intake.work(FakeChunk(list(records)), out)
    return out


def manifest(out: FakeOutbox) -> Manifest:
    (output,) = out.to(TOPICS.manifests)
    return Manifest.model_validate_json(output.value)


async def test_a_claim_goes_into_the_log_of_its_patient(intake):
    record = FakeRecord(encoded(FULL), (("cs-source", b"b"), ("cs-received-on", b"2026-06-01")))
    (logged,) = (await outputs(intake, record)).to(TOPICS.patient_events)
    claim = Claim.model_validate_json(logged.value)
    token = TOKENS.patient(claim)

    assert (logged.key, logged.partition) == (token.encode(), partition_of(token.encode(), 8))
    assert claim.source == "b"
    assert claim.received_on.isoformat() == "2026-06-20"
    assert logged.headers == {
        "content-type": content_type("claim").encode(),
        "cs-event-id": event_id("b", (encoded(FULL),)).encode(),
        "cs-person": TOKENS.person(claim.who, token).encode(),
        "cs-source": b"b",
        "cs-origin": b"claims.received:3:17",
        "cs-arrived-ms": b"1781481600000",
    }


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((("cs-received-on", b"2026-06-01"), ("dlt-original-timestamp", b"1780000000000")), "2026-06-01"),
        ((("cs-received-on", b"1.6.2026"), ("dlt-original-timestamp", b"1780272000000")), "2026-06-01"),
        ((("dlt-original-timestamp", b"1780272000000"),), "2026-06-01"),
        ((("dlt-original-timestamp", b"soon"),), "2026-06-15"),
        ((), "2026-06-15"),
    ],
)
async def test_a_claim_without_a_date_is_dated_by_header_then_original_then_broker(intake, headers, expected):
    (logged,) = (await outputs(intake, FakeRecord(encoded(SMALLEST), headers))).to(TOPICS.patient_events)

    assert json.loads(logged.value)["received_on"] == expected


@pytest.mark.parametrize(
    ("headers", "expected", "unlisted"),
    [
        ((("cs-source", b"b"),), "b", 0),
        ((("cs-source", b"a"), ("cs-source", b"b")), "b", 0),
        ((("cs-source", b"Quackenbush"),), "default", 1),
        ((("cs-source", b"\xff"),), "default", 1),
        ((("cs-source", b""),), "default", 1),
        ((), "default", 0),
    ],
)
async def test_a_source_that_is_not_listed_is_the_default_one_and_counted(intake, metrics, headers, expected, unlisted):
    out = await outputs(intake, FakeRecord(encoded(FULL), headers))
    out.confirm()
    (logged,) = out.to(TOPICS.patient_events)

    assert Claim.model_validate_json(logged.value).source == expected
    assert manifest(out).source == expected
    assert metrics.registry.get_sample_value("claims_unlisted_sources_total") == unlisted
    assert metrics.registry.get_sample_value("claims_received_total", {"source": expected, "format": "json"}) == 1


async def test_a_record_that_cannot_be_read_becomes_a_dead_letter_of_the_original_bytes(intake):
    value = b" " + encoded(FULL | {"claim_type": "Quackenbush"}) + b"\n"
    record = FakeRecord(value, (("cs-source", b"b"), ("note", b"Wilhelmina")))
    out = await outputs(intake, record)
    (letter,) = out.to(TOPICS.received_dlt)

    assert letter.value == value
    assert letter.key == b"b"
    assert letter.headers["dlt-exception-code"] == b"unknown-value"
    assert letter.headers["dlt-at"] == b"/claim_type"
    assert letter.headers["dlt-span"] == f"1:{len(value) - 1}".encode()
    assert letter.headers["dlt-sha256"] == hashlib.sha256(value).hexdigest().encode()
    assert letter.headers["dlt-ruleset"] == b"ruleset-hash"
    assert letter.headers["cs-event-id"] == manifest(out).rejections[0].event_id.encode()
    assert out.to(TOPICS.patient_events) == []


@pytest.mark.parametrize(
    "value",
    [None, b"", b"not a claim", encoded(SMALLEST)[:-1], b"x" * (MAX_RECORD_BYTES + 1), b"\xff\xfe", b"[" * 100_000],
)
async def test_every_record_gives_a_manifest_with_what_became_of_it(intake, value):
    out = await outputs(intake, FakeRecord(value))

    assert manifest(out).items == 1
    assert len(manifest(out).rejections) == len(out.to(TOPICS.received_dlt)) == 1
    assert manifest(out).position == "claims.received:3:17"
    assert manifest(out).sha256 == hashlib.sha256(value or b"").hexdigest()


@pytest.mark.parametrize(
    "value",
    [
        encoded(FULL),
        encoded(FULL | {"claim_type": "Quackenbush"}),
        encoded(FULL)[:-1] + b',"Quackenbush":1,"Quackenbush":2}',
        encoded(FULL)[:-30],
        encoded({"Wilhelmina": FULL}),
    ],
)
async def test_nothing_personal_stands_outside_the_topics_of_claims(intake, value):
    out = await outputs(
        intake, FakeRecord(value, (("cs-source", b"Quackenbush"), ("x", b"1EG4TE5MK73")), key=b"Ebenezer")
    )

    shown = [manifest(out).model_dump_json()]
    for output in out.outputs:
        shown += [repr(output.headers), repr(output.key)]
    assert [] == [private for private in PRIVATE for text in shown if private.lower() in text.lower()]


async def test_the_items_of_a_large_record_are_accounted_for_in_parts(intake, metrics, monkeypatch):
    claim, rejected = read_json(encoded(SMALLEST)), read_json(b"{}")
    assert isinstance(claim, ReadClaim)
    assert isinstance(rejected, Rejected)
    items = [claim, rejected, Warned("a fault", "SE/01"), claim, claim, claim]
    monkeypatch.setattr(intake_module, "read_record", lambda *_, **__: iter(items))
    monkeypatch.setattr(intake_module, "MANIFEST_ITEMS", 2)
    out = await outputs(intake, FakeRecord(b"ISA*"))
    out.confirm()
    parts = [Manifest.model_validate_json(output.value) for output in out.to(TOPICS.manifests)]

    assert [(part.part, part.parts, part.items) for part in parts] == [(0, 2, 5), (1, 2, 5)]
    assert [len(part.event_ids) for part in parts] == [2, 2]
    assert [[rejection.index for rejection in part.rejections] for part in parts] == [[1], []]
    assert [len(part.warnings) for part in parts] == [1, 0]
    assert {part.format for part in parts} == {"x12"}
    assert metrics.registry.get_sample_value("claims_received_total", {"source": "default", "format": "x12"}) == 5


async def test_a_part_of_a_manifest_fits_a_batch_however_bad_the_record(intake, monkeypatch):
    rejected = read_json(encoded(SMALLEST | {"subscriber": {"member_id": "1", "relationship": "x"}}))
    assert isinstance(rejected, Rejected)
    monkeypatch.setattr(intake_module, "read_record", lambda *_, **__: iter([rejected] * 25_000))
    out = await outputs(intake, FakeRecord(b"ISA*"))

    assert max(len(output.value) for output in out.to(TOPICS.manifests)) < 1 << 20


async def test_of_many_warnings_the_first_hundred_are_kept(intake, monkeypatch):
    monkeypatch.setattr(intake_module, "read_record", lambda *_, **__: iter([Warned("a fault", "SE/01")] * 300))

    assert len(manifest(await outputs(intake, FakeRecord(b"ISA*"))).warnings) == 100


async def test_counts_follow_only_when_the_broker_has_the_outputs(intake, metrics):
    value = encoded(SMALLEST | {"extra": 1, "more": 2})
    out = await outputs(intake, FakeRecord(value), FakeRecord(b"{}"))
    sample = metrics.registry.get_sample_value
    labels = {"source": "default", "format": "json"}

    assert sample("claims_received_total", labels) is None
    out.confirm()
    assert sample("claims_received_total", labels) == 2
    assert sample("claims_unknown_fields_total") == 2
    assert sample("claims_rejected_total", {"format": "json", "code": "missing-field"}) == 1
    assert sample("claims_dead_letters_total", {"topic": "claims.received-dlt", "code": "missing-field"}) == 1
    assert sample("claims_last_received_timestamp_seconds", {"source": "default"}) == 1_781_481_600


async def test_a_record_the_broker_has_no_time_for_is_read_all_the_same(intake, metrics):
    out = await outputs(intake, FakeRecord(encoded(SMALLEST), timestamp=-1))
    out.confirm()
    (logged,) = out.to(TOPICS.patient_events)

    assert logged.headers["cs-arrived-ms"] == b"0"
    assert "received_on" not in json.loads(logged.value)
    assert metrics.registry.get_sample_value("claims_last_received_timestamp_seconds", {"source": "default"}) is None


MEMBER = {"payer_id": "MEDICARE", "member_id": "1EG4TE5MK73"}
WHO = {"first_name": "Wilhelmina", "birth_date": "1950-02-01"}
AUTHORIZATION = {**MEMBER, "authorization_number": "A1", "status": "approved"}
ENCOUNTER = {**MEMBER, "service_date": "2026-06-15", "guidance": "none"}


def read_fact(model: type[Authorization | Encounter], tree: dict[str, object]) -> ReadFact:
    """A fact as reading gives it."""
    return ReadFact(model.model_validate_json(encoded(tree)), (encoded(tree),), Span(0, 1), unknown_fields=1)


@pytest.mark.parametrize(
    ("kind", "model", "tree"),
    [("authorization", Authorization, AUTHORIZATION), ("encounter", Encounter, ENCOUNTER)],
)
@pytest.mark.parametrize("patient", [None, WHO])
async def test_a_fact_goes_into_the_log_of_its_patient(intake, monkeypatch, kind, model, tree, patient):
    item = read_fact(model, {**tree, "patient": patient})
    monkeypatch.setattr(intake_module, "read_record", lambda *_, **__: iter([item]))
    out = await outputs(intake, FakeRecord(encoded(tree), (("cs-source", b"b"),)))
    (logged,) = out.to(TOPICS.patient_events)
    arrived = arrive_fact(item, Circumstances("b"), TOKENS)

    assert (logged.key, logged.partition) == (arrived.patient_token.encode(), partition_of(logged.key, 8))
    assert model.model_validate_json(logged.value) == item.fact
    assert logged.headers == {
        "content-type": content_type(kind).encode(),
        "cs-event-id": event_id("b", item.identity).encode(),
        "cs-person": arrived.person.encode(),
        "cs-source": b"b",
        "cs-origin": b"claims.received:3:17",
        "cs-arrived-ms": b"1781481600000",
    }
    assert (arrived.person == "") is (patient is None)


async def test_a_fact_is_in_the_log_of_the_claims_of_its_member(intake, monkeypatch):
    claim = read_json(encoded(FULL))
    items = [claim, read_fact(Authorization, AUTHORIZATION), read_fact(Encounter, ENCOUNTER)]
    monkeypatch.setattr(intake_module, "read_record", lambda *_, **__: iter(items))
    out = await outputs(intake, FakeRecord(b"{}"))

    assert len({(output.key, output.partition) for output in out.to(TOPICS.patient_events)}) == 1


async def test_facts_stand_in_the_manifest_and_are_no_items(intake, metrics, monkeypatch):
    claim = read_json(encoded(SMALLEST))
    first, second = read_fact(Authorization, AUTHORIZATION), read_fact(Encounter, ENCOUNTER)
    monkeypatch.setattr(intake_module, "read_record", lambda *_, **__: iter([first, claim, second]))
    out = await outputs(intake, FakeRecord(b"{}"))
    out.confirm()
    told = manifest(out)

    assert told.fact_ids == (event_id("default", first.identity), event_id("default", second.identity))
    assert told.event_ids == (event_id("default", claim.identity),)
    assert (told.items, told.unknown_fields) == (1, 2)
    assert metrics.registry.get_sample_value("claims_received_total", {"source": "default", "format": "json"}) == 1


async def test_the_facts_of_a_large_record_are_accounted_for_in_parts(intake, monkeypatch):
    facts = [read_fact(Encounter, {**ENCOUNTER, "image_views": views}) for views in range(5)]
    monkeypatch.setattr(intake_module, "read_record", lambda *_, **__: iter(facts))
    monkeypatch.setattr(intake_module, "MANIFEST_ITEMS", 2)
    out = await outputs(intake, FakeRecord(b"{}"))
    parts = [Manifest.model_validate_json(output.value) for output in out.to(TOPICS.manifests)]

    assert [len(part.fact_ids) for part in parts] == [2, 2, 1]
    assert {(part.items, part.event_ids) for part in parts} == {(0, ())}


async def test_a_part_of_a_manifest_with_facts_claims_and_rejections_fits_a_batch(intake, monkeypatch):
    rejected = read_json(encoded(SMALLEST | {"subscriber": {"member_id": "1", "relationship": "x"}}))
    items = [read_json(encoded(SMALLEST)), read_fact(Encounter, ENCOUNTER), rejected] * 4000
    monkeypatch.setattr(intake_module, "read_record", lambda *_, **__: iter(items))
    out = await outputs(intake, FakeRecord(b"ISA*"))

    assert max(len(output.value) for output in out.to(TOPICS.manifests)) < 1 << 20


async def test_nothing_personal_of_a_fact_stands_outside_its_value(intake, monkeypatch):
    item = read_fact(Authorization, {**AUTHORIZATION, "patient": WHO})
    monkeypatch.setattr(intake_module, "read_record", lambda *_, **__: iter([item]))
    out = await outputs(intake, FakeRecord(encoded(AUTHORIZATION)))
    shown = [manifest(out).model_dump_json(), *(repr((output.key, output.headers)) for output in out.outputs)]

    assert [] == [private for private in PRIVATE for text in shown if private.lower() in text.lower()]


async def test_a_part_of_a_transaction_gives_the_events_of_the_whole(intake):
    second = one(OTHER_CLAIM)
    whole = (await outputs(intake, FakeRecord(one(CLAIM + LINE, OTHER_CLAIM)))).to(TOPICS.patient_events)
    part = (await outputs(intake, FakeRecord(second, (("cs-first-claim", b"2"),)))).to(TOPICS.patient_events)

    assert [whole[1].headers["cs-event-id"]] == [each.headers["cs-event-id"] for each in part]
    assert [whole[1].value] == [each.value for each in part]
