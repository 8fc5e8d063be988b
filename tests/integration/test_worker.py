import asyncio
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import ConsumerRecord

from streams.embedded_kafka import free_port
from streams.state.identity import KEY as IDENTITY
from streams.topics import Layout, Topics

SECRETS = ("PLANTEDLAST", "PLANTEDFIRST", "PLANTEDMEMBER7", "PLANTEDSTREET", "PLANTEDNOTE", "19411205")
BAD_RECORDS = {
    "empty": b"",
    "not-utf8": b'{"claim_id": "\xff\xfe"}',
    "too-large": b'{"claim_id": "' + b"x" * (8 << 20) + b'"}',
    "too-deep": b"[" * 100_000,
    "not-a-number": b'{"claim_id": NaN}',
    "duplicate-key": b'{"claim_id": "A", "claim_id": "B"}',
    "unknown-format": b"\x00\x01\x02 PLANTEDLAST",
    "malformed-json": b'{"claim_id": "PLANTEDLAST"',
    "missing-field": b'{"claim_id": "PLANTEDLAST"}',
}


@pytest.fixture
def layout() -> Layout:
    return Layout(partitions=4, received_partitions=2)


@pytest.fixture
def settings() -> dict[str, str]:
    return {"CLAIMSTREAM_BROKER__PARTITIONS": "4", "CLAIMSTREAM_BROKER__RECEIVED_PARTITIONS": "2"}


def claim(number: int, **changes: Any) -> dict[str, Any]:
    line = {
        "line_number": 1,
        "procedure_code": "62323",
        "charge": "1850.00",
        "units": "1",
        "service_date_from": "2026-06-15",
        "diagnosis_pointers": [1],
    }
    return {
        "claim_id": f"T-{number:05}",
        "claim_type": "professional",
        "received_on": "2026-06-20",
        "total_charge": "1850.00",
        "place_of_service": "24",
        "payer": {"id": "EXMEDICARE", "filing_indicator": "MB"},
        "subscriber": {
            "member_id": f"PLANTEDMEMBER7{number:05}",
            "last_name": "PLANTEDLAST",
            "first_name": "PLANTEDFIRST",
            "birth_date": "1941-12-05",
            "address": {"line1": "PLANTEDSTREET 1", "state": "FL"},
        },
        "billing_provider": {"npi": "1234567893", "address": {"state": "FL"}},
        "diagnoses": [{"code": "M54.16"}],
        "service_lines": [line],
        "notes": ["PLANTEDNOTE"],
    } | changes


def x12(member: str = "PLANTEDMEMBER7", payer: str = "NM1*PR*2*PAYER*****PI*EXMEDICARE~") -> bytes:
    """Two claims of one subscriber; the second bills an add-on alone."""
    isa = "ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *260620*1200*^*00501*000000001*0*P*:~"
    return (
        f"{isa}GS*HC*SENDER*RECEIVER*20260620*1200*1*X*005010X222A1~ST*837*0001*005010X222A1~"
        "BHT*0019*00*1*20260620*1200*CH~NM1*41*2*SUBMITTER*****46*S1~PER*IC*DESK*TE*5550100000~NM1*40*2*RECEIVER*****46*R1~"
        "HL*1**20*1~NM1*85*2*CLINIC*****XX*1234567893~N3*2 CLINIC RD~N4*TOWN*FL*331010001~REF*EI*123456789~"
        f"HL*2*1*22*0~SBR*P*18*******MB~NM1*IL*1*PLANTEDLAST*PLANTEDFIRST****MI*{member}~N3*PLANTEDSTREET 1~"
        f"N4*TOWN*FL*33101~DMG*D8*19411205*F~{payer}"
        "CLM*X-1*1850***24:B:1*Y*A*Y*Y~NTE*ADD*PLANTEDNOTE~HI*ABK:M5416~LX*1~SV1*HC:62323*1850*UN*1***1~DTP*472*D8*20260615~"
        "CLM*X-2*800***24:B:1*Y*A*Y*Y~HI*ABK:M5416~LX*1~SV1*HC:64484:LT*800*UN*1***1~DTP*472*D8*20260616~"
        "SE*30*0001~GE*1*1~IEA*1*000000001~"
    ).encode()


def bodies(records: list[ConsumerRecord]) -> dict[str, set[bytes]]:
    """The decision bodies by event id."""
    found: dict[str, set[bytes]] = {}
    for record in records:
        found.setdefault(dict(record.headers)["cs-event-id"].decode(), set()).add(record.value)
    return found


def outcome_topics(topics: Topics) -> tuple[str, str, str]:
    return topics.accepted, topics.flagged, topics.denied_risk


def enough_decisions(count: int) -> Callable[[Any], bool]:
    return lambda records: len(bodies(records)) >= count


async def test_a_file_gives_the_same_decisions_through_the_worker_and_through_check(
    topics, start_worker, producer, reader, settings, tmp_path, token_key_file
):
    file = tmp_path / "claims.837"
    file.write_bytes(x12())
    headers = [("cs-source", b"clinic"), ("cs-received-on", b"2026-06-20")]
    start_worker(**settings)
    await producer.send_and_wait(topics.received, x12(), headers=headers)

    records = await reader.until(enough_decisions(2), *outcome_topics(topics))

    checked = await asyncio.to_thread(
        subprocess.run,
        [
            sys.executable,
            "-m",
            "streams",
            "check",
            file,
            "--source",
            "clinic",
            "--as-of",
            "2026-06-20",
            "--output",
            "json",
        ],
        capture_output=True,
        env=os.environ | {"CLAIMSTREAM_TOKEN_KEY_FILE": str(token_key_file)},
        check=False,
    )
    lines = [json.loads(line) for line in checked.stdout.splitlines()]
    from_check = {
        json.dumps(
            {name: value for name, value in line.items() if name != "input"},
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
        ).encode()
        for line in lines
    }

    assert {"accepted", "denied-risk"} == {line["outcome"] for line in lines}
    assert from_check == {record.value for record in records}


async def test_each_decision_stands_on_the_topic_of_its_outcome_with_the_headers_of_the_contract(
    topics, start_worker, producer, reader, settings
):
    start_worker(**settings)
    await producer.send_and_wait(topics.received, x12(), headers=[("cs-source", b"clinic")])

    records = await reader.until(enough_decisions(2), *outcome_topics(topics))

    for record in records:
        body, headers = json.loads(record.value), {name: value.decode() for name, value in record.headers}
        without_id = {name: value for name, value in body.items() if name != "decision_id"}
        canonical = json.dumps(without_id, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        assert topics.outcome(body["outcome"]) == record.topic
        assert hashlib.sha256(canonical).hexdigest() == body["decision_id"] == headers["ce_id"]
        assert body["event_id"] == headers["cs-event-id"]
        assert body["patient_token"] == record.key.decode()
        assert headers["cs-position"].startswith(f"{topics.patient_events}:{record.partition}:")
        assert headers["content-type"] == "application/vnd.claimstream.decision+json;v=1"


async def test_any_bytes_become_a_dead_letter_with_code_place_and_original_and_harm_no_neighbour(
    topics, start_worker, producer, reader, settings
):
    worker = start_worker(**settings)
    for number, record in enumerate(BAD_RECORDS.values()):
        await producer.send_and_wait(topics.received, record, partition=0)
        await producer.send_and_wait(topics.received, json.dumps(claim(number)).encode(), partition=0)
    await producer.send_and_wait(topics.received, x12()[:-200], partition=0)

    await reader.until(enough_decisions(len(BAD_RECORDS)), *outcome_topics(topics))
    dead = await reader.until(lambda found: len(found) >= len(BAD_RECORDS) + 1, topics.received_dlt)

    by_code = {dict(letter.headers)["dlt-exception-code"].decode(): letter for letter in dead}
    assert by_code.keys() == {*BAD_RECORDS, "truncated"}
    for code, original in BAD_RECORDS.items():
        headers = dict(by_code[code].headers)
        assert original == by_code[code].value
        assert hashlib.sha256(original).hexdigest().encode() == headers["dlt-sha256"]
        assert topics.received.encode() == headers["dlt-original-topic"]
        assert b"0" == headers["dlt-original-partition"]
        assert headers["dlt-exception-message"]
    assert worker.process.poll() is None
    assert worker.http("/livez") == "alive\n"


async def test_one_bad_claim_of_a_file_is_put_aside_alone_and_is_refused_alone_again(
    topics, start_worker, producer, reader, settings
):
    whole = x12().replace(b"HI*ABK:M5416~LX*1~SV1*HC:62323", b"LX*1~SV1*HC:62323")
    start_worker(**settings)
    await producer.send_and_wait(topics.received, whole, headers=[("cs-source", b"clinic")])

    (letter,) = await reader.until(lambda found: len(found) >= 1, topics.received_dlt)
    await reader.until(enough_decisions(1), topics.denied_risk)
    await producer.send_and_wait(topics.received, letter.value, headers=[("cs-source", b"clinic")])
    _, again = await reader.until(lambda found: len(found) >= 2, topics.received_dlt)

    assert b"CLM*X-1" in letter.value
    assert b"CLM*X-2" not in letter.value
    assert dict(letter.headers)["dlt-exception-code"] == dict(again.headers)["dlt-exception-code"] == b"missing-field"
    assert letter.value == again.value


async def test_a_repeated_record_repeats_its_decision_and_is_no_duplicate(
    topics, start_worker, producer, reader, settings
):
    worker = start_worker(**settings)
    for _ in range(3):
        await producer.send_and_wait(topics.received, json.dumps(claim(1)).encode())
    records = await reader.until(lambda found: len(found) >= 3, *outcome_topics(topics))

    await worker.shows("claims_redelivered_total 2.0")

    assert len({record.value for record in records}) == 1
    assert json.loads(records[0].value)["outcome"] == "accepted"


async def test_the_endpoint_says_what_the_worker_does(topics, start_worker, producer, reader, settings):
    worker = start_worker(**settings)
    await producer.send_and_wait(topics.received, x12(), headers=[("cs-source", b"clinic")])
    await reader.until(enough_decisions(2), *outcome_topics(topics))
    await worker.shows('claims_findings_total{rule="CODE-03",severity="deny"} 1.0')

    metrics = worker.http("/metrics")

    assert 'claims_received_total{format="x12",source="clinic"} 2.0' in metrics
    assert 'outcome="denied-risk"' in metrics
    assert f'claims_lag_records{{partition="0",topic="{topics.received}"}}' in metrics
    assert worker.http("/readyz") == "ready\n"
    assert json.loads(worker.http("/version"))["ruleset"]["version"]


async def test_a_worker_told_to_stop_ends_cleanly(topics, start_worker, producer, reader, settings):
    worker = start_worker(**settings)
    await producer.send_and_wait(topics.received, x12())
    await reader.until(enough_decisions(2), *outcome_topics(topics))

    assert worker.terminate() == 0


async def test_a_worker_without_topics_says_how_to_make_them(start_worker, topics, settings):
    worker = start_worker(**settings | {"CLAIMSTREAM_BROKER__PREFIX": "nowhere."})

    assert 2 == await asyncio.to_thread(worker.process.wait, 60)
    assert "claimstream topics apply" in worker.log()


async def test_a_worker_without_a_key_names_the_setting(start_worker, topics, settings):
    worker = start_worker(**settings | {"CLAIMSTREAM_TOKEN_KEY_FILE": "/nowhere/key"})

    assert 2 == await asyncio.to_thread(worker.process.wait, 60)
    assert "CLAIMSTREAM_TOKEN_KEY_FILE" in worker.log()
    assert "Traceback" not in worker.log()


async def test_a_worker_waits_for_a_broker_that_does_not_answer_and_says_so(start_worker, topics, settings):
    nobody = f"127.0.0.1:{free_port()}"
    worker = start_worker(**settings | {"CLAIMSTREAM_BROKER__BOOTSTRAP": nobody})

    await worker.says(f"no Kafka broker answers at {nobody}")

    assert "trying again" in worker.log()
    assert worker.process.poll() is None


async def test_a_worker_leaves_nothing_in_the_folder_it_runs_in(
    topics, start_worker, producer, reader, settings, tmp_path, monkeypatch
):
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    worker = start_worker(**settings)
    await producer.send_and_wait(topics.received, x12())
    await reader.until(enough_decisions(2), *outcome_topics(topics))
    worker.terminate()

    assert [] == list(empty.iterdir())


async def test_an_authorization_and_an_encounter_that_came_before_are_known_to_the_claim(
    topics, start_worker, producer, reader, settings
):
    payer = {"id": "EXCIGNA", "filing_indicator": "CI"}
    member = claim(1)["subscriber"]["member_id"]
    known = {"payer_id": "EXCIGNA", "member_id": member}
    authorization = known | {"authorization_number": "PA1", "status": "approved", "valid_to": "2026-05-31"}
    encounter = known | {"service_date": "2026-06-15", "guidance": "none"}
    billed = claim(1, payer=payer, authorizations=[{"number": "PA1"}])
    start_worker(**settings)
    for record in (authorization, encounter, billed):
        await producer.send_and_wait(topics.received, json.dumps(record).encode(), partition=0)

    (decided,) = await reader.until(enough_decisions(1), *outcome_topics(topics))
    changelog = await reader.to_end(topics.state_changelog)

    assert {"AUTH-11", "GUID-01"} <= set(json.loads(decided.value)["checks"]["fail"])
    assert 3 == len([record for record in changelog if record.key != IDENTITY])
    assert [] == [secret for secret in SECRETS for record in changelog if secret.encode() in record.value]
