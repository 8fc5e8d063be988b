"""Redrive on real Kafka: dead letters back into the stream once a defect is mended, each once, whatever happens."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from schemas.manifest import Manifest
from streams.chunks.producer import partition_of
from streams.clock import day_of
from streams.deciding import Decider
from streams.delivery.dead_letters import Provenance, dead_letter_headers
from streams.embedded_kafka import free_port
from streams.headers import day, texts
from streams.intake.arrival import Circumstances, arrive
from streams.intake.items import ReadClaim
from streams.intake.reading import read_record
from streams.replay.window import Bound
from streams.state.entry import Moment
from streams.tokens import Tokens
from streams.topics import Layout, Topic, Topics
from tests.streams.intake.building import encoded
from tests.streams.intake.fhir.building import CLAIM as FHIR_CLAIM
from tests.streams.intake.fhir.building import bundle
from tests.validators.building import nobody
from validators.decide import decision_bytes
from validators.loading import load_ruleset

ROOT = Path(__file__).parents[2]
DAY_MS = 86_400_000
SOURCES = frozenset({"clinic", "clearinghouse-a"})
ANOTHER = Provenance(code="empty", message="", ruleset="", worker="")
DEFECT = '''
"""A release with a defect: it refuses one claim wherever it stands, and fails on another in either agent."""
from schemas.rejection import Rejection
from streams.agents import intake, validate
from streams.intake.fhir.claim import ClaimReader as FhirReader
from streams.intake.x12.claim_loop import ClaimReader

lack, fhir_read, from_log, read_record = ClaimReader._lack, FhirReader.read, validate.from_log, intake.read_record
refused = Rejection(code="missing-field", message="of a defect; mend it", at="2300")


def defect_in_log(record):
    if b"FAILS-LATE" in record.value:
        raise RuntimeError("PLANTED")
    return from_log(record)


def defect_in_reading(record, *arguments, **named):
    if b"FAILS-EARLY" in record:
        raise RuntimeError("PLANTED")
    return read_record(record, *arguments, **named)


ClaimReader._lack = lambda self: refused if self._clm.value(1) == "X-2" else lack(self)
FhirReader.read = lambda self: refused if "F-2" in repr(vars(self).values()) else fhir_read(self)
validate.from_log = defect_in_log
intake.read_record = defect_in_reading
'''


@dataclass(frozen=True)
class Sent:
    """A record as it was sent, or as it stood where it was read."""

    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    timestamp: int
    topic: str = ""
    partition: int = 1
    offset: int = 0


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def summary(self) -> dict[str, Any]:
        return self.lines[0]


@dataclass
class Redrive:
    """`claimstream redrive` as an operator types it."""

    bootstrap: str
    topics: Topics
    started: list["subprocess.Popen[str]"] = field(default_factory=list)

    def start(self, *arguments: object, **variables: str) -> "subprocess.Popen[str]":
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CLAIMSTREAM_")} | {
            "CLAIMSTREAM_BROKER__BOOTSTRAP": self.bootstrap,
            "CLAIMSTREAM_BROKER__PREFIX": self.topics.prefix,
        }
        command = [sys.executable, "-m", "streams", "redrive", *map(str, arguments)]
        process = subprocess.Popen(
            command, env=environment | variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.started.append(process)
        return process

    async def ended(self, process: "subprocess.Popen[str]") -> Ended:
        out, err = await asyncio.to_thread(process.communicate, timeout=120)
        return Ended(process.returncode, out, err)

    async def __call__(self, *arguments: object, code: int = 0, **variables: str) -> Ended:
        done = await self.ended(self.start(*arguments, **variables))
        assert code == done.code, done.err
        return done


@pytest.fixture
def layout() -> Layout:
    return Layout(partitions=2, received_partitions=2)


@pytest.fixture
def settings() -> dict[str, str]:
    return {"CLAIMSTREAM_BROKER__PARTITIONS": "2", "CLAIMSTREAM_BROKER__RECEIVED_PARTITIONS": "2"}


@pytest.fixture
def defective(settings: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The settings of a worker with the defect."""
    folder = tmp_path / "defect"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(DEFECT)
    return settings | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}


@pytest.fixture
def redrive(kafka, topics) -> Iterator[Redrive]:
    found = Redrive(kafka.bootstrap, topics)
    yield found
    for process in found.started:
        process.kill()
        process.communicate()


@pytest.fixture
def aside(topics, producer):
    """Put so many records aside as a worker would; where their letters stand."""

    async def put(
        count: int,
        *,
        code: str = "unprocessable",
        source: str = "clinic",
        topic: str = "received",
        value: bytes = b"{}",
        keys: Sequence[bytes | None] = (b"k",),
    ) -> list[str]:
        original, why = getattr(topics, topic), replace(ANOTHER, code=code)
        answers = []
        for number in range(count):
            record = Sent(value, (("cs-source", source.encode()),), 1_782_000_000_000, original, offset=number)
            headers = dead_letter_headers(record, why, SOURCES)
            key = keys[number % len(keys)]
            answers.append(await producer.send(topics.dlt_of(original), value, key=key, partition=0, headers=headers))
        stood = [await answer for answer in answers]
        return [f"{each.topic}:{each.partition}:{each.offset}" for each in stood]

    return put


def json_claim(name: str, **changes: Any) -> bytes:
    line = {"line_number": 1, "procedure_code": "62323", "charge": "1850.00", "units": "1",
            "service_date_from": "2026-06-15", "diagnosis_pointers": [1]}  # fmt: skip
    claim = {
        "claim_id": name,
        "claim_type": "professional",
        "total_charge": "1850.00",
        "payer": {"id": "EXMEDICARE", "filing_indicator": "MB"},
        "subscriber": {"member_id": f"M-{name}"},
        "billing_provider": {"npi": "1234567893"},
        "diagnoses": [{"code": "M54.16"}],
        "service_lines": [line],
    }
    return encoded(claim | changes)


def x12() -> bytes:
    """Three claims of three members, without a date of their own."""
    isa = "ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *260620*1200*^*00501*000000001*0*P*:~"
    members = "".join(
        f"HL*{number + 1}*1*22*0~SBR*P*18*******MB~NM1*IL*1*LAST*FIRST****MI*X{number}~DMG*D8*19411205*F~"
        f"NM1*PR*2*PAYER*****PI*EXMEDICARE~CLM*X-{number}*{charge}***24:B:1*Y*A*Y*Y~HI*ABK:M5416~LX*1~"
        f"SV1*HC:{code}*{charge}*UN*1***1~DTP*472*D8*20260615~"
        for number, code, charge in ((1, "62323", 1850), (2, "64484", 800), (3, "62323", 1850))
    )
    body = (
        "GS*HC*SENDER*RECEIVER*20260620*1200*1*X*005010X222A1~ST*837*0001*005010X222A1~BHT*0019*00*1**1200*CH~"
        f"HL*1**20*1~NM1*85*2*CLINIC*****XX*1234567893~{members}SE*36*0001~GE*1*1~IEA*1*000000001~"
    )
    return (isa + body).encode().replace(b"~", b"~\n")


def fhir() -> bytes:
    """Two claims of one member, one in a Bundle inside the other's."""
    first, second = (json.loads(json.dumps(FHIR_CLAIM).replace("PT-0001", name)) for name in ("F-1", "F-2"))
    return encoded(bundle(first, bundle(second))) + b"\n"


async def stands(bootstrap: str, *names: str) -> dict[str, int]:
    """The end of each topic, all partitions added up."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        await consumer.topics()
        found = {}
        for name in names:
            tps = [TopicPartition(name, partition) for partition in consumer.partitions_for_topic(name) or ()]
            found[name] = sum((await consumer.end_offsets(tps)).values()) if tps else 0
        return found
    finally:
        await consumer.stop()


async def stamp(bootstrap: str, topic: Topic, kind: str) -> None:
    """Whose clock stamps the records of a topic."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        config = {**topic.config, "message.timestamp.type": kind}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, config)])
    finally:
        await admin.close()


def all_of(topics: Topics) -> tuple[str, ...]:
    return tuple(topic.name for topic in Layout().topics(topics))


def outcomes(topics: Topics) -> tuple[str, ...]:
    return topics.accepted, topics.flagged, topics.denied_risk


def events(records: Sequence[ConsumerRecord]) -> set[str]:
    return {texts(record.headers)["cs-event-id"] for record in records}


def by_event(records: Sequence[ConsumerRecord]) -> dict[str, bytes]:
    return {texts(record.headers)["cs-event-id"]: record.value for record in records}


def expected(sent: Sequence[Sent], key: bytes) -> dict[str, bytes]:
    """The decisions of these records by event id, worked out here; their members do not meet."""
    ruleset, patients, decided = load_ruleset(), nobody(), {}
    decider, tokens = Decider(ruleset), Tokens(key, ruleset.payers)
    for record in sent:
        said = texts(record.headers)
        source = said.get("cs-source") if said.get("cs-source") in SOURCES else "default"
        circumstances = Circumstances(
            source, stated_on=day(said.get("cs-received-on")), fallback_on=day_of(record.timestamp)
        )
        for item in read_record(record.value, said.get("content-type")):
            if isinstance(item, ReadClaim):
                arrived = arrive(item, circumstances, tokens)
                moment = Moment(len(decided), day_of(record.timestamp))
                (made,) = decider.take(arrived, moment, patients).decided
                decided[arrived.event_id] = decision_bytes(made.decision)
    return decided


async def test_what_a_defect_put_aside_is_decided_after_it_as_it_would_have_been_before(
    kafka, topics, layout, start_worker, settings, defective, producer, reader, redrive, token_key_file
):
    received = layout.topics(topics)[0]
    worker = start_worker(**defective)
    await worker.says("rebuilt")
    now_ms = (await producer.send_and_wait(topics.manifests, b"", partition=0)).timestamp  # the broker's now
    await stamp(kafka.bootstrap, received, "CreateTime")
    sent = [
        Sent(value, tuple(headers), now_ms - 3 * DAY_MS)
        for value, headers in (
            (x12(), [("cs-source", b"clinic")]),
            (fhir(), [("cs-source", b"clinic"), ("content-type", b"application/fhir+json")]),
            (json_claim("FAILS-EARLY"), [("cs-source", b"nobody's")]),
            (json_claim("FAILS-LATE"), [("cs-source", b"clearinghouse-a"), ("cs-received-on", b"2026-06-20")]),
        )
    ]
    for each in sent:
        await producer.send_and_wait(
            topics.received, each.value, headers=list(each.headers), key=b"k", timestamp_ms=each.timestamp
        )
    aside = await reader.until(lambda found: len(found) == 4, topics.received_dlt, topics.patient_events_dlt)
    before = await reader.until(lambda found: len(by_event(found)) == 3, *outcomes(topics))
    assert 0 == worker.terminate()
    await stamp(kafka.bootstrap, received, "LogAppendTime")
    ends = await stands(kafka.bootstrap, *all_of(topics))

    dry = await redrive(topics.received_dlt, "--output", "json")
    shown = await redrive(topics.patient_events_dlt)
    assert (3, 0, False) == tuple(dry.summary[name] for name in ("chosen", "sent", "applied"))
    assert "1 dead letter to send · dry run" in shown.out
    assert f"claimstream redrive {topics.patient_events_dlt} --apply" in shown.out
    assert ends == await stands(kafka.bootstrap, *all_of(topics))
    assert "PLANTED" not in dry.out + shown.out

    start_worker(**settings)
    for name, count in ((topics.received_dlt, 3), (topics.patient_events_dlt, 1)):
        done = await redrive(name, "--apply", "--output", "json")
        assert (count, count, True) == tuple(done.summary[name] for name in ("chosen", "sent", "applied"))
    after = await reader.until(lambda found: len(by_event(found)) == 7, *outcomes(topics))

    assert expected(sent, token_key_file.read_bytes()) == by_event(after)
    assert 7 == len(after)
    assert {event for record in aside if (event := event_of(record))} <= by_event(after).keys() - by_event(
        before
    ).keys()
    manifests = [
        Manifest.model_validate_json(record.value)
        for record in await reader.to_end(topics.manifests)
        if record.value  # but for the one whose broker time was asked for
    ]
    places = {f"{record.topic}:{record.partition}:{record.offset}" for record in aside}
    assert {each.redrive_of for each in manifests} - {None} == {
        place for place in places if place.startswith(topics.received_dlt)
    }
    assert 4 == len(await reader.to_end(topics.received_dlt, topics.patient_events_dlt))


def event_of(record: ConsumerRecord) -> str:
    return texts(record.headers).get("cs-event-id", "")


async def test_what_is_still_bad_comes_back_once_with_one_attempt_more_and_its_first_place(
    kafka, topics, start_worker, settings, producer, reader, redrive
):
    start_worker(**settings)
    bad = x12().replace(b"CLM*X-2*800", b"CLM*X-2*MUCH")
    await producer.send_and_wait(topics.received, bad, headers=[("cs-source", b"clinic")])
    await reader.until(lambda found: len(found) == 1, topics.received_dlt)
    for attempt in (2, 3):
        done = await redrive(topics.received_dlt, "--apply", "--output", "json")
        assert (1, attempt - 2) == (done.summary["sent"], done.summary["redriven_before"])
        await reader.until(lambda found, attempt=attempt: len(found) == attempt, topics.received_dlt)
    letters = [texts(record.headers) for record in await reader.to_end(topics.received_dlt)]

    assert ["1", "2", "3"] == [letter["dlt-attempt"] for letter in letters]
    for name in ("cs-event-id", "cs-first-claim", "cs-source", "dlt-exception-code", "dlt-span", "dlt-sha256",
                 "dlt-original-partition", "dlt-original-offset", "dlt-original-timestamp"):  # fmt: skip
        assert 1 == len({letter[name] for letter in letters}), name
    assert {"cs-redrive-of"}.isdisjoint(letters[2])

    kept_back = await redrive(topics.received_dlt, "--apply", "--attempts-max", 2, "--output", "json")
    assert (0, 2, 1) == tuple(kept_back.summary[name] for name in ("sent", "redriven_before", "passed_over"))


async def test_a_second_redrive_says_there_is_nothing_to_do_and_adds_nothing(topics, aside, redrive, kafka):
    await aside(30)
    first = await redrive(topics.received_dlt, "--apply")
    ends = await stands(kafka.bootstrap, *all_of(topics), f"{topics.received_dlt}.redriven")
    again = await redrive(topics.received_dlt, "--apply")
    dry = await redrive(topics.received_dlt)

    assert "30 dead letters sent" in first.out
    for shown in (again, dry):
        assert "30 sent before" in shown.out
        assert "Nothing is left to send." in shown.out
    assert ends == await stands(kafka.bootstrap, *all_of(topics), f"{topics.received_dlt}.redriven")


async def test_a_redrive_killed_in_the_middle_goes_on_and_sends_each_letter_once(topics, aside, redrive, reader):
    places = await aside(900)
    killed = redrive.start(topics.received_dlt, "--apply", "--rate", "150")
    await reader.until(lambda found: len(found) >= 150, topics.received)
    killed.send_signal(signal.SIGKILL)
    assert -signal.SIGKILL == (await redrive.ended(killed)).code
    done = await redrive(topics.received_dlt, "--apply", "--output", "json")
    found = await reader.to_end(topics.received)

    assert Counter(places) == Counter(texts(record.headers)["cs-redrive-of"] for record in found)
    assert 900 == done.summary["sent"] + done.summary["redriven_before"]
    assert 0 < done.summary["sent"] < 900


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_redrive_that_is_stopped_says_so_and_goes_on(topics, aside, redrive, reader, number):
    places = await aside(300)
    running = redrive.start(topics.received_dlt, "--apply", "--rate", "50", "--output", "json")
    await reader.until(lambda found: len(found) >= 50, topics.received)
    running.send_signal(number)
    stopped = await redrive.ended(running)
    stood = len(await reader.to_end(topics.received))
    done = await redrive(topics.received_dlt, "--apply", "--output", "json")

    assert (130, stood, False) == (stopped.code, stopped.summary["sent"], stopped.summary["finished"])
    assert "claimstream: redrive was stopped; the same command goes on with what is left\n" == stopped.err
    assert 300 - stood == done.summary["sent"]
    found = await reader.to_end(topics.received)
    assert Counter(places) == Counter(texts(record.headers)["cs-redrive-of"] for record in found)


async def test_of_two_redrives_at_once_the_first_ends_with_a_sentence_and_nothing_is_sent_twice(
    topics, aside, redrive, reader
):
    places = await aside(300)
    first = redrive.start(topics.received_dlt, "--apply", "--rate", "20")
    await reader.until(lambda found: len(found) >= 20, topics.received)
    second = await redrive(topics.received_dlt, "--apply")
    ended = await redrive.ended(first)

    assert (3, "") == (ended.code, ended.out)
    assert ended.err.startswith(f"claimstream: another redrive of {topics.received_dlt} began")
    assert 1 == ended.err.count("\n")
    assert "" == second.err
    found = await reader.to_end(topics.received)
    assert Counter(places) == Counter(texts(record.headers)["cs-redrive-of"] for record in found)


async def test_filters_choose_by_code_source_and_time(topics, aside, redrive, reader):
    await aside(5, code="empty", source="clinic")
    await aside(3, code="unprocessable", source="clinic")
    await aside(2, code="unprocessable", source="clearinghouse-a")
    letters = await reader.to_end(topics.received_dlt)
    last_ms = max(record.timestamp for record in letters)
    behind = str(Bound(instant_ms=last_ms + 1))

    async def chosen(*arguments: object) -> tuple[int, int]:
        said = (await redrive(topics.received_dlt, *arguments, "--output", "json")).summary
        return said["chosen"], said["passed_over"]

    assert (5, 5) == await chosen("--code", "unprocessable")
    assert (10, 0) == await chosen("--code", "unprocessable", "--code", "empty")
    assert (8, 2) == await chosen("--source", "clinic")
    assert (3, 7) == await chosen("--source", "clinic", "--code", "unprocessable")
    assert (0, 0) == await chosen("--from", behind)
    assert (10, 0) == await chosen("--to", behind)
    since = sorted(record.timestamp for record in letters)[5]
    wanted = sum(record.timestamp >= since for record in letters)
    assert wanted == (await chosen("--from", Bound(instant_ms=since)))[0]
    sent = await redrive(topics.received_dlt, "--apply", "--code", "empty", "--output", "json")
    assert 5 == sent.summary["sent"]
    assert {"group": 2, "letter": 4, "summary": 1} == Counter(
        line["kind"] for line in (await redrive(topics.received_dlt, "--output", "json")).lines
    )


async def test_what_no_worker_wrote_and_what_is_too_large_is_left_and_said(
    kafka, topics, layout, aside, redrive, producer, reader
):
    await producer.send_and_wait(topics.received_dlt, b"Wilhelmina", partition=0, headers=[("Quackenbush", b"x")])
    await aside(1)
    await aside(1, value=b"x" * (16 << 20))
    dry = await redrive(topics.received_dlt, "--output", "json", code=3)
    shown = await redrive(topics.received_dlt, code=3)
    done = await redrive(topics.received_dlt, "--apply", code=3)

    assert (1, 1, 1) == tuple(dry.summary[name] for name in ("chosen", "too_large", "foreign"))
    assert [f"{topics.received_dlt}:0:2"] == [line["position"] for line in dry.lines if line["kind"] == "too-large"]
    assert "1 dead letter to send · 1 too large to be sent · 1 not of a worker · dry run" in shown.out
    assert "1 dead letter sent · 1 too large to be sent · 1 not of a worker" in done.out
    for told in (shown, done):
        assert f"claimstream: {topics.received_dlt}:0:2 is larger than {topics.received} takes" in told.err
        assert not any(name in told.out + told.err for name in ("Wilhelmina", "Quackenbush"))
    assert 1 == len(await reader.to_end(topics.received))


async def test_a_letter_goes_to_the_partition_its_key_gives(topics, aside, redrive, reader):
    await aside(6, topic="patient_events", keys=[b"a", b"b", b"c", None, b"d", b"e"])
    await redrive(topics.patient_events_dlt, "--apply")
    found = await reader.to_end(topics.patient_events)

    assert {key: partition_of(key, 2) for key in (b"a", b"b", b"c", b"d", b"e")} | {None: 1} == {
        record.key: record.partition for record in found
    }


async def test_trouble_is_one_sentence(topics, redrive):
    for arguments, variables, code, words in (
        (("nowhere-dlt",), {}, 2, f"name {topics.received_dlt} or {topics.patient_events_dlt}"),
        ((topics.patient_events_dlt, "--source", "clinic"), {}, 2, "do not name a source"),
        ((topics.received_dlt, "--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z"), {}, 2, "exchange"),
        ((topics.received_dlt, "--from", "offset:1"), {}, 2, "is no instant"),
        ((topics.received_dlt, "--from", "yesterday"), {}, 2, "is no instant"),
        ((topics.received_dlt, "--prefix", "/"), {}, 2, "prefix"),
        (("none.claims.received-dlt", "--prefix", "none."), {}, 2, "none.claims.received-dlt does not exist"),
        ((topics.received_dlt, "--bootstrap", f"127.0.0.1:{free_port()}"), {}, 3, "no Kafka broker answers"),
    ):
        refused = await redrive(*arguments, code=code, **variables)
        assert words in refused.err
        assert "" == refused.out
