"""Size limits both ways, on a real broker: what comes in, what goes out, and that nothing stands still behind it."""

import base64
import gzip
import hashlib
import json
import random
from collections.abc import Mapping
from itertools import islice
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord

from streams.demo import x12_writer
from streams.demo.visits import Visits
from streams.topics import Layout, Topics
from tests.streams.intake.fhir.building import CLAIM as FHIR_CLAIM

MIB = 1 << 20
LIMIT = 8 * MIB
LAID_OUT = {"CLAIMSTREAM_BROKER__PARTITIONS": "2", "CLAIMSTREAM_BROKER__RECEIVED_PARTITIONS": "1"}


@pytest.fixture
def layout() -> Layout:
    """One partition is received, so that whatever stood still would hold up what came after it."""
    return Layout(partitions=2, received_partitions=1)


def claim(claim_id: str, **changes: Any) -> dict[str, Any]:
    line = {
        "line_number": 1,
        "procedure_code": "62323",
        "charge": "1850.00",
        "units": "1",
        "service_date_from": "2026-06-15",
    }
    return {
        "claim_id": claim_id,
        "claim_type": "professional",
        "total_charge": "1850.00",
        "payer": {"id": "EXMEDICARE", "filing_indicator": "MB"},
        "subscriber": {"member_id": "M1"},
        "billing_provider": {"npi": "1234567893"},
        "diagnoses": [{"code": "M5416"}],
        "service_lines": [line],
    } | changes


def a_record(form: str) -> bytes:
    if form == "x12":
        return x12_writer.interchange(list(islice(Visits(random.Random(3), 1), 1)), control=1, newlines=True)
    return json.dumps(FHIR_CLAIM if form == "fhir" else claim("PT-1")).encode()


def outcomes(topics: Topics) -> tuple[str, str, str]:
    return topics.accepted, topics.flagged, topics.denied_risk


def headers_of(record: ConsumerRecord) -> Mapping[str, str]:
    return {name: content.decode() for name, content in record.headers}


@pytest.mark.parametrize("form", ["json", "x12", "fhir"])
async def test_a_record_is_read_up_to_the_limit_and_one_byte_more_is_put_aside_whole(
    topics, start_worker, producer, reader, form
):
    least, most, beyond = (a_record(form).ljust(size, b"\n") for size in (LIMIT - 1, LIMIT, LIMIT + 1))
    for value in (beyond, least, most):
        await producer.send_and_wait(topics.received, value)
    start_worker(**LAID_OUT)
    manifests = await reader.until(lambda found: len(found) >= 3, topics.manifests)
    dead = await reader.to_end(topics.received_dlt)
    found = [json.loads(manifest.value) for manifest in manifests]

    assert [0, 1, 1] == [len(each["event_ids"]) for each in found]
    assert [form] * 3 == [each["format"] for each in found]
    assert [hashlib.sha256(beyond).hexdigest()] == [hashlib.sha256(each.value).hexdigest() for each in dead]
    assert "too-large" == headers_of(dead[0])["dlt-exception-code"]


async def test_a_claim_as_large_as_a_record_goes_all_the_way(topics, start_worker, producer, reader):
    noise = base64.b85encode(random.Random(1).randbytes(5 * MIB)).decode()
    value = json.dumps(claim("PT-1", notes=[noise])).encode()
    await producer.send_and_wait(topics.received, value)
    start_worker(**LAID_OUT)
    decided = await reader.until(len, *outcomes(topics))

    assert LIMIT > len(value) > 6 * MIB
    assert ["PT-1"] == [json.loads(each.value)["claim_id"] for each in decided]
    assert [] == await reader.to_end(topics.received_dlt, topics.patient_events_dlt)


async def test_the_largest_record_the_topic_takes_is_a_dead_letter_with_all_its_headers(
    topics, start_worker, producer, reader
):
    content_type, room = b"x" * 100_000, 500
    largest = random.Random(2).randbytes(16 * MIB - len(content_type) - room)
    await producer.send_and_wait(topics.received, largest, headers=[("content-type", content_type)])
    await producer.send_and_wait(topics.received, json.dumps(claim("PT-1")).encode())
    start_worker(**LAID_OUT)
    decided = await reader.until(len, *outcomes(topics))
    (dead,) = await reader.to_end(topics.received_dlt)

    assert 1 == len(decided)
    assert hashlib.sha256(largest).hexdigest() == hashlib.sha256(dead.value).hexdigest()
    assert "too-large" == headers_of(dead)["dlt-exception-code"]


async def test_a_record_compressed_below_the_limit_of_the_topic_is_put_aside_whole_and_holds_up_nothing(
    kafka, topics, start_worker, producer, reader
):
    swollen = b'{"claim_id": "' + b"x" * (40 * MIB) + b'"}'
    options = {"compression_type": "gzip", "max_request_size": 64 * MIB}
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, **options) as compressing:
        await compressing.send_and_wait(topics.received, swollen)
    await producer.send_and_wait(topics.received, json.dumps(claim("PT-1")).encode())
    start_worker(**LAID_OUT)
    decided = await reader.until(len, *outcomes(topics))
    (dead,) = await reader.to_end(topics.received_dlt)

    assert len(gzip.compress(swollen)) < MIB
    assert 1 == len(decided)
    assert hashlib.sha256(swollen).hexdigest() == hashlib.sha256(dead.value).hexdigest()
    assert "too-large" == headers_of(dead)["dlt-exception-code"]


async def test_a_claim_whose_decision_is_larger_than_its_topic_takes_is_put_aside_and_the_next_is_decided(
    topics, start_worker, producer, reader
):
    noise = random.Random(3)
    line = claim("PT-1")["service_lines"][0]
    numbers = [base64.b85encode(noise.randbytes(250_000)).decode() for _ in range(12)]  # a decision repeats them
    lines = [line | {"line_number": n, "control_number": number} for n, number in enumerate(numbers, 1)]
    for value in (claim("PT-1", service_lines=lines, total_charge="22200.00"), claim("PT-2")):
        await producer.send_and_wait(topics.received, json.dumps(value).encode())
    start_worker(**LAID_OUT)
    decided = await reader.until(len, *outcomes(topics))
    (dead,) = await reader.until(len, topics.patient_events_dlt)
    (logged, _) = await reader.to_end(topics.patient_events)

    assert ["PT-2"] == [json.loads(each.value)["claim_id"] for each in decided]
    assert logged.value == dead.value
    assert ("unprocessable", "our own code failed with RecordTooLarge at producer.py") == (
        headers_of(dead)["dlt-exception-code"],
        headers_of(dead)["dlt-exception-message"].partition(":")[0],
    )
