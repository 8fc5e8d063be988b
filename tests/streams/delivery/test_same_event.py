"""A letter read again under its headers is the same event, whether it is refused once more or read at last."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from schemas.manifest import Manifest
from schemas.rejection import Rejection
from streams.agents.intake import Intake
from streams.delivery.redrive.letters import Letter
from streams.intake.fhir import claim as fhir_claim
from streams.intake.fhir import record as fhir_record
from streams.intake.items import ReadClaim, Rejected, Warned
from streams.intake.reading import read_record
from streams.intake.x12 import assembler, read_x12
from streams.intake.x12.claim_loop import ClaimReader
from streams.intake.x12.split import split
from streams.metrics import Metrics
from streams.tokens import Tokens
from streams.topic_layout import Layout, Topics
from tests.streams.agents.fakes import FakeChunk, FakeOutbox, FakeRecord
from tests.streams.intake.building import FULL
from tests.streams.intake.building import encoded as encoded_json
from tests.streams.intake.fhir.building import CLAIM as FHIR_CLAIM
from tests.streams.intake.fhir.building import bundle, changed, encoded, referring
from tests.streams.intake.x12.building import (
    BILLING,
    CLAIM,
    HEADER,
    ISA,
    LINE,
    OTHER_CLAIM,
    PATIENT,
    SUBSCRIBER,
    group,
    interchange,
    professional,
    record,
    transaction,
    with_segment,
)
from tests.streams.intake.x12.test_robustness import PIECES, TWO_CLAIMS
from validators.loading import load_ruleset

TOPICS = Topics()
OTHER_SUBSCRIBER = with_segment(with_segment(SUBSCRIBER, "HL*2", "HL*4*1*22*0"), "NM1*IL", "NM1*IL*1*E*S****MI*M2")
REFUSED = Rejection(code="missing-field", message="of a defect; mend it", at="2300")


@pytest.fixture
def intake() -> Intake:
    sources = frozenset({"clinic"})
    tokens = Tokens(b"key", load_ruleset().payers)
    return Intake(TOPICS, Layout(), tokens, sources, "ruleset", "worker", Metrics(CollectorRegistry()))


async def taken_in(intake: Intake, given: FakeRecord) -> tuple[list[str], list[Letter], Manifest]:
    """The claims it finds by event id, and the letters of all else as they stand on their topic."""
    out = FakeOutbox()
    await intake.work(FakeChunk([given]), out)
    events = [put.headers["cs-event-id"].decode() for put in out.to(TOPICS.patient_events)]
    letters = [
        Letter.read(FakeRecord(put.value, tuple(put.headers.items()), put.key, put.topic, put.partition, number, 1_790))
        for number, put in enumerate(out.to(TOPICS.received_dlt))
    ]
    (manifest,) = out.to(TOPICS.manifests)
    assert None not in letters
    return events, [letter for letter in letters if letter], Manifest.model_validate_json(manifest.value)


def sent_again(letter: Letter) -> FakeRecord:
    return FakeRecord(letter.value, tuple(letter.redriven_headers()), letter.key, offset=99, timestamp=1_790_000_000)


def event_of(letter: Letter) -> str:
    return letter.texts["cs-event-id"]


async def refused_again(intake: Intake, given: FakeRecord) -> list[Letter]:
    """The letters of a record, each of which gives itself again: the same event, place and bytes."""
    events, letters, manifest = await taken_in(intake, given)
    assert letters
    assert [event_of(letter) for letter in letters] == [each.event_id for each in manifest.rejections]
    for letter in letters:
        if letter.code == "too-many-claims":
            continue
        none, (again,), told = await taken_in(intake, sent_again(letter))
        assert ([], event_of(letter), letter.value) == (none, event_of(again), again.value)
        assert (letter.code, letter.attempt + 1) == (again.code, again.attempt)
        assert letter.position == told.redrive_of
        kept = {name: text for name, text in letter.texts.items() if name.startswith(("cs-", "dlt-o", "dlt-s"))}
        assert kept == {name: again.texts[name] for name in kept}
    assert len({*events, *map(event_of, letters)}) == manifest.items
    return letters


def x12_record(data: bytes, first: int = 1, **headers: str) -> FakeRecord:
    said = {"cs-source": "clinic", "cs-first-claim": str(first)} | headers
    return FakeRecord(data, tuple((name, text.encode()) for name, text in said.items()))


BAD = with_segment(CLAIM, "CLM", "CLM*C-1*MUCH***24:B:1*Y*A*Y*Y") + LINE
NO_DIAGNOSIS = with_segment(OTHER_CLAIM, "HI")
INSTITUTIONAL = with_segment(OTHER_CLAIM, "SV1", "SV2*0360*HC:99213*90.5*UN*1")
GOOD = CLAIM + LINE
RECORDS = {
    "the first of three": professional(BAD, GOOD, OTHER_CLAIM),
    "the middle one": professional(GOOD, BAD, OTHER_CLAIM),
    "the last": professional(GOOD, OTHER_CLAIM, BAD),
    "all of them, two alike": professional(BAD, BAD, NO_DIAGNOSIS),
    "a claim of another kind after good ones": professional(GOOD, INSTITUTIONAL, BAD),
    "of a patient": transaction(HEADER, BILLING, SUBSCRIBER, GOOD, PATIENT, GOOD, BAD),
    "of a second subscriber": transaction(HEADER, BILLING, SUBSCRIBER, GOOD, OTHER_SUBSCRIBER, BAD, GOOD),
    "under no subscriber": transaction(HEADER, BILLING, GOOD, GOOD),
    "lines without a claim": transaction(HEADER, BILLING, SUBSCRIBER, GOOD, OTHER_SUBSCRIBER, LINE),
    "under loops beyond all measure": transaction(HEADER, BILLING, SUBSCRIBER, ["N3*" + "X" * 9_000], GOOD, BAD),
}


@pytest.mark.parametrize("first", [1, 501])
@pytest.mark.parametrize("after", ["", "\n"])
@pytest.mark.parametrize("name", RECORDS)
async def test_a_bad_claim_of_a_transaction_is_the_same_event_alone(intake, name, after, first) -> None:
    loops = "beyond" in name  # which are not repeated, so that the claim is refused for another reason
    data = record(interchange(group(RECORDS[name])), after=after)
    if loops:
        _, (letter,), _ = await taken_in(intake, x12_record(data, first))
        _, (again,), _ = await taken_in(intake, sent_again(letter))
        assert event_of(letter) == event_of(again)
    else:
        await refused_again(intake, x12_record(data, first))


async def test_bad_claims_of_several_transactions_and_interchanges_are_the_same_events_alone(intake) -> None:
    transactions = [
        transaction(HEADER, BILLING, SUBSCRIBER, GOOD, BAD, control="0001"),
        transaction(["BPR*I*1"], kind="835", control="0002", guide="*005010X221A1"),
        transaction(HEADER, BILLING, SUBSCRIBER, INSTITUTIONAL, INSTITUTIONAL, control="0003"),
        transaction(HEADER, BILLING, SUBSCRIBER, BAD, GOOD, BAD, control="0004"),
    ]
    groups = group(*transactions[:2]), group(*transactions[2:], control="8")
    other = interchange(group(transactions[0]), isa=ISA.replace("000000042", "000000043"))
    data = record(interchange(*groups)) + record(other, "|>^")
    letters = await refused_again(intake, x12_record(data, 7))

    assert ["8", "1", "1", "1", "3", "2"] == [letter.texts.get("cs-first-claim", "1") for letter in letters]
    assert 6 == len({event_of(letter) for letter in letters})


@pytest.mark.parametrize("first", [1, 501])
@pytest.mark.parametrize("end", range(100, len(record(interchange(group(professional(GOOD, OTHER_CLAIM))))), 7))
async def test_what_was_cut_off_is_the_same_event_alone(intake, end, first) -> None:
    data = record(interchange(group(professional(GOOD, OTHER_CLAIM))))[:end]
    _, letters, _ = await taken_in(intake, x12_record(data, first))
    if letters:
        await refused_again(intake, x12_record(data, first))


async def test_parts_of_a_file_that_was_split_give_the_letters_of_the_whole(intake) -> None:
    data = record(interchange(group(professional(*[GOOD, BAD, NO_DIAGNOSIS] * 20))))
    parts = list(split(data, target=2_000))
    _, of_whole, _ = await taken_in(intake, x12_record(data))
    of_parts = [
        letter
        for part in parts
        for letter in await refused_again(intake, x12_record(part.content(data), part.first_claim))
    ]

    assert len(parts) > 3
    assert 40 == len({event_of(letter) for letter in of_whole})
    assert [event_of(letter) for letter in of_whole] == [event_of(letter) for letter in of_parts]


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_the_rest_of_too_many_claims_holds_the_events_the_whole_would_have_held(
    intake, monkeypatch, limit
) -> None:
    claims = transaction(HEADER, BILLING, SUBSCRIBER, GOOD, BAD, OTHER_CLAIM), professional(GOOD, GOOD)
    given = x12_record(record(interchange(group(*claims))), 7)
    events, letters, _ = await taken_in(intake, given)
    monkeypatch.setattr(assembler, "CLAIMS_PER_RECORD_MAX", limit)
    found, waiting, bad = [], [given], []
    while waiting:
        read, aside, _ = await taken_in(intake, waiting.pop())
        found += read
        bad += [event_of(letter) for letter in aside if letter.code != "too-many-claims"]
        waiting += [sent_again(letter) for letter in aside if letter.code == "too-many-claims"]

    assert (sorted(events), [event_of(letter) for letter in letters]) == (sorted(found), bad)


@pytest.mark.parametrize("name", RECORDS)
async def test_a_claim_that_a_defect_refused_is_the_event_it_would_have_been(intake, monkeypatch, name) -> None:
    given = x12_record(record(interchange(group(RECORDS[name]))))
    events, _, _ = await taken_in(intake, given)
    with monkeypatch.context() as defect:
        defect.setattr(ClaimReader, "read", lambda *_, **__: REFUSED)
        none, letters, _ = await taken_in(intake, given)
    mended = [event for letter in letters for event in (await taken_in(intake, sent_again(letter)))[0]]

    assert [] == none
    loops = "beyond" in name
    assert (events if not loops else []) == mended


@pytest.mark.parametrize("value", [b" \n", b"{", b'{"claim_id": NaN}', b"\xef\xbb\xbf{}\n", encoded_json(FULL) + b"\n"])
@pytest.mark.parametrize("content_type", ["application/json", "application/vnd.claimstream.claim+json;v=9", ""])
async def test_a_json_record_is_the_same_event(intake, value, content_type) -> None:
    given = x12_record(value, **{"content-type": content_type})
    _, letters, _ = await taken_in(intake, given)
    if letters:
        await refused_again(intake, given)


async def test_a_record_of_a_newer_version_is_the_event_that_a_newer_reader_makes_of_it(intake) -> None:
    value = b"\n" + encoded_json(FULL) + b"\n"
    newer = "application/vnd.claimstream.claim+json;v=2"
    (event,), _, _ = await taken_in(intake, x12_record(value))
    _, (letter,), _ = await taken_in(intake, x12_record(value, **{"content-type": newer}))

    assert ("unknown-version", event, newer) == (letter.code, event_of(letter), letter.texts["content-type"])


def of_bundle(*trees: object) -> bytes:
    return b" " + encoded(bundle(*trees)) + b"\n"


WRONG = changed("total.value", "much")
BUNDLES = {
    "one claim": of_bundle(WRONG),
    "a claim without a Bundle": encoded(WRONG) + b"\n",
    "the first of three": of_bundle(WRONG, FHIR_CLAIM, FHIR_CLAIM),
    "the middle one": of_bundle(FHIR_CLAIM, WRONG, FHIR_CLAIM),
    "the last two": of_bundle(FHIR_CLAIM, WRONG, WRONG),
    "with what they refer to": of_bundle(
        *(dict(each, resourceType=each["resourceType"]) for each in FHIR_CLAIM["contained"]),
        referring(FHIR_CLAIM),
        referring(WRONG),
        referring(WRONG),
    ),
    "in Bundles of the Bundle": of_bundle(bundle(FHIR_CLAIM, bundle(WRONG)), WRONG, bundle(bundle(), FHIR_CLAIM)),
    "in Parameters": encoded({"resourceType": "Parameters", "parameter": [{"resource": bundle(FHIR_CLAIM, WRONG)}]}),
}
STRAY = {"resourceType": "List", "contained": [FHIR_CLAIM]}


@pytest.mark.parametrize("name", BUNDLES)
async def test_a_bad_claim_of_a_bundle_is_the_same_event_alone(intake, name) -> None:
    await refused_again(intake, x12_record(BUNDLES[name], **{"content-type": "application/fhir+json"}))


@pytest.mark.parametrize("claims", [[], [FHIR_CLAIM], [WRONG, bundle(FHIR_CLAIM)]])
async def test_a_claim_where_none_is_read_is_the_same_event_alone(intake, claims) -> None:
    letters = await refused_again(intake, x12_record(of_bundle(*claims, STRAY), **{"content-type": "application/json"}))

    assert "not-a-claim" == letters[-1].code


@pytest.mark.parametrize("name", BUNDLES)
async def test_a_claim_of_a_bundle_that_a_defect_refused_is_the_event_it_would_have_been(
    intake, monkeypatch, name
) -> None:
    given = x12_record(BUNDLES[name].replace(b'"much"', b"1850.1"))
    events, _, _ = await taken_in(intake, given)
    with monkeypatch.context() as defect:
        defect.setattr(fhir_claim.ClaimReader, "read", lambda _: REFUSED)
        none, letters, _ = await taken_in(intake, given)
    mended = [event for letter in letters for event in (await taken_in(intake, sent_again(letter)))[0]]

    assert ([], events) == (none, mended)


async def test_the_rest_of_a_bundle_with_too_many_claims_holds_the_events_of_the_whole(intake, monkeypatch) -> None:
    given = x12_record(of_bundle(FHIR_CLAIM, bundle(WRONG, FHIR_CLAIM), WRONG, STRAY, bundle(FHIR_CLAIM)))
    events, letters, _ = await taken_in(intake, given)
    monkeypatch.setattr(fhir_record, "CLAIMS_PER_RECORD_MAX", 2)
    found, waiting, bad = [], [given], []
    while waiting:
        read, aside, _ = await taken_in(intake, waiting.pop())
        found += read
        bad += [event_of(letter) for letter in aside if letter.code != "too-many-claims"]
        waiting += [sent_again(letter) for letter in aside if letter.code == "too-many-claims"]

    assert (events, [event_of(letter) for letter in letters]) == (found, bad)


async def test_the_number_in_a_bundle_counts_only_for_what_was_redriven(intake) -> None:
    given = x12_record(encoded(FHIR_CLAIM))
    made_up = replace(given, headers=(*given.headers, ("cs-bundle", b"0f" * 32), ("cs-first-claim", b"3")))

    assert (await taken_in(intake, given))[0] == (await taken_in(intake, made_up))[0]


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from([1, 7]))
def test_whatever_is_refused_of_x12_is_the_same_event_alone(draw: st.DataObject, first: int) -> None:
    data = bytearray(record(TWO_CLAIMS))
    for _ in range(draw.draw(st.integers(1, 6))):
        start = draw.draw(st.integers(0, len(data)))
        end = min(len(data), start + draw.draw(st.integers(0, 30)))
        data[start:end] = draw.draw(st.binary(max_size=6) | st.sampled_from(PIECES))
    for found in told(bytes(data), first):
        if isinstance(found, Rejected):
            (again,) = told(found.original, found.first_ordinal)
            assert replace(found, span=again.span, where=again.where, rejection=again.rejection) == again
            assert found.rejection.code == again.rejection.code


def told(data: bytes, first: int) -> Iterator[ReadClaim | Rejected]:
    return (item for item in read_x12(data, first) if isinstance(item, ReadClaim | Rejected))


def test_a_head_beyond_all_measure_keeps_what_an_event_is_known_by() -> None:
    long = [f"{segment}*{'9' * 600}" for segment in ("GS*HC*S*R*20260620*1200*7*X*005010X222A1", "ST*837*0001")]
    body = transaction(HEADER, BILLING, SUBSCRIBER, GOOD, BAD)[1:]
    data = record([ISA, *long, *body, "GE*1*7", "IEA*1*000000042"])
    (found,) = (item for item in read_x12(data) if isinstance(item, Rejected))
    (again,) = (item for item in read_x12(found.original, found.first_ordinal) if not isinstance(item, Warned))

    assert found.identity == again.identity
    assert b"9" * 600 not in found.original


@pytest.mark.shared
@pytest.mark.parametrize(
    "folder",
    ["x12_837p", "x12_837p_bad", "x12_wrong_kind", "x12_278", "fhir_claim", "fhir_bad_json", "fhir_wrong_kind"],
)
def test_what_is_refused_of_the_samples_is_the_same_event_alone(shared, folder) -> None:
    letters = 0
    for path in sorted(path for path in (shared / "samples" / folder).rglob("*") if path.is_file()):
        for found in read_record(path.read_bytes()):
            if isinstance(found, Rejected):
                letters += 1
                known = {"first_ordinal": found.first_ordinal, "bundle": found.bundle}
                again = [item for item in read_record(found.original, **known) if not isinstance(item, Warned)]
                assert [(found.identity, found.rejection.code)] == [
                    (item.identity, item.rejection.code) for item in again if isinstance(item, Rejected)
                ], path.name

    assert letters
