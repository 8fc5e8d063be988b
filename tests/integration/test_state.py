"""`claimstream state` on real Kafka: what a worker keeps, recounted from the log, and a patient forgotten."""

from collections import Counter
from collections.abc import Iterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from streams.chunks.producer import partition_of
from streams.demo.feeding import Sent, send
from streams.demo.generator import SOURCES, feed
from streams.replay.job import JobTopics, outcome_topics
from streams.state import changelog
from streams.topics import Layout
from tests.integration.stateful import (
    LAID_OUT,
    PARTITIONS,
    Operator,
    a_claim,
    an_authorization,
    an_encounter,
    bodies,
    highest,
    settings_of,
)

CLAIMS = 400
PRIVATE = ("M1", "Wilhelmina", "Quackenbush", "1950", "A-SECRET", "PT-")


@pytest.fixture
def layout() -> Layout:
    return Layout(partitions=PARTITIONS, received_partitions=PARTITIONS)


@pytest.fixture
def operator(kafka, topics, reader, token_key_file) -> Iterator[Operator]:
    found = Operator(kafka.bootstrap, topics, settings_of(token_key_file), reader)
    yield found
    found.kill()


@pytest.fixture
def worker(start_worker):
    def start(**settings: str):
        return start_worker(**LAID_OUT, **({"CLAIMSTREAM_SOURCES": ",".join((*SOURCES, "clinic"))} | settings))

    return start


@pytest.fixture
def running(worker):
    """A worker that runs."""
    return worker()


@pytest.fixture
async def patient(operator, running) -> str:
    """The token of a member with a claim, a claim out of scope, an authorization, an encounter and a repeat."""
    claim = a_claim("PT-1", authorizations=[{"number": "A-SECRET", "kind": "prior_authorization"}])
    await operator.send(
        an_authorization("A-SECRET"),
        an_encounter(),
        claim,
        a_claim("PT-2", "M1", "99213"),
        claim,
        a_claim("PT-3", "M2"),
    )
    await operator.all_done()
    (token,) = {body["patient_token"] for body in bodies(await operator.decisions()) if body["claim_id"] == "PT-1"}
    return str(token)


async def demo_feed(operator: Operator, seed: int, claims: int = CLAIMS) -> None:
    await send(list(feed(seed=seed, claims=claims)), operator.bootstrap, operator.topics.received, Sent())


async def test_partitions_are_counted_as_the_changelog_keeps_them(operator, patient):
    told = await operator.json("state", "inspect")
    kept = {key: value for key, value in (await operator.changelog()).items() if value and changelog.parse_key(key)}
    shown = await operator("state", "inspect")

    assert [0, 1] == [line["partition"] for line in told.lines]
    assert [True, True] == [line["identity"] for line in told.lines]
    assert 2 == sum(line["members"] for line in told.lines)
    counted = sum((Counter(line["entries"]) for line in told.lines), Counter())
    assert {"claim": 2, "authorization": 1, "encounter": 1, "met": 1} == counted
    assert sum(len(key) + len(value) for key, value in kept.items()) == sum(line["bytes"] for line in told.lines)
    own = next(line for line in told.lines if line["partition"] == partition_of(patient.encode(), PARTITIONS))
    assert own["first_arrived_on"] == own["last_arrived_on"]
    assert f"{operator.topics.state_changelog} · 2 partitions" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80 + len(operator.topics.prefix)


async def test_a_patient_is_told_whole_and_nothing_sealed_is_opened_without_the_key(operator, patient):
    told = await operator.json("state", "inspect", patient, CLAIMSTREAM_TOKEN_KEY_FILE="")
    opened = await operator.json("state", "inspect", patient)
    shown = [await operator("state", "inspect", patient, CLAIMSTREAM_TOKEN_KEY_FILE=key) for key in (
        "", operator.settings["CLAIMSTREAM_TOKEN_KEY_FILE"])]  # fmt: skip

    (first,) = told.of_kind("patient")
    assert {"claim": 1, "authorization": 1, "encounter": 1, "met": 1, "purge": 0} == first["entries"]
    (claim,) = told.of_kind("claim")
    decided = next(body for body in bodies(await operator.decisions()) if body["claim_id"] == "PT-1")
    line = {"procedure_code": "62323", "modifiers": [], "service_date": "2026-06-15", "units": "1"}
    assert ([line], True, True, False) == tuple(claim[name] for name in ("lines", "in_scope", "counts", "waiting"))
    assert [(claim["position"], decided["decision_id"], decided["outcome"])] == [
        tuple(issued.values()) for issued in claim["issued"]
    ]
    assert [("lumbar_sacral", ["2026-06-15"])] == [(s["region"], s["days"]) for s in told.of_kind("session")]
    (encounter,) = told.of_kind("encounter")
    assert "fluoroscopy" == encounter["facts"]["guidance"]
    (closed,), (grant,) = told.of_kind("authorization"), opened.of_kind("authorization")
    assert closed["sealed"]
    assert {"status", "services", "consumed"}.isdisjoint(closed)
    assert ("approved", "2026-06-01", "2026-09-28") == tuple(grant[n] for n in ("status", "valid_from", "valid_to"))
    assert ["2026-06-15"] == grant["consumed"]["dates"]
    assert "sealed; CLAIMSTREAM_TOKEN_KEY_FILE opens it" in shown[0].out
    assert "used on 2026-06-15" in shown[1].out
    for each in (told, opened, *shown):
        assert not any(private in each.out + each.err for private in PRIVATE)
        assert max(map(len, each.out.splitlines())) <= 80 or each in (told, opened)


async def test_a_token_nobody_met_is_said_and_one_that_is_none_refused(operator, patient):
    nobody = "0" * 32
    said = await operator("state", "inspect", nobody)
    refused = await operator("state", "inspect", "PT-1", code=2)
    elsewhere = await operator("state", "inspect", "--prefix", "nowhere.", code=2)
    other_key = await operator("state", "inspect", patient, CLAIMSTREAM_TOKEN_KEY_FILE=str(__file__), code=2)

    assert f"nothing is kept of {nobody} in {operator.topics.state_changelog}\n" == said.out
    assert "" == (await operator.json("state", "inspect", nobody)).out
    assert "a patient token is 32 hex digits; take it from a decision's patient_token" in refused.err
    assert "topic nowhere.claims.state-changelog does not exist" in elsewhere.err
    assert "sealed under another key" in other_key.err
    assert "" == refused.out + elsewhere.out + other_key.out


async def test_a_worker_that_was_killed_has_kept_what_the_log_says(operator, worker, running, reader, patient):
    await demo_feed(operator, 21)
    worker()
    await reader.until(lambda found: len(found) >= CLAIMS // 2, *outcome_topics(operator.topics))
    running.kill()
    await operator.send(an_authorization("A-LATE"), an_encounter(on="2026-06-15", guidance="none"))
    await operator.all_done()
    done = await operator.json("state", "verify")
    shown = await operator("state", "verify")
    one = await operator.json("state", "verify", "--partition", 1)
    log = await operator.log()

    (summary,) = done.lines
    assert (2, len(log), 0, {}) == tuple(summary[name] for name in ("partitions", "records", "differences", "faults"))
    kept = {key for key, value in (await operator.changelog()).items() if value and changelog.parse_key(key)}
    assert len(kept) == summary["compared"]
    assert "the state is what the log says" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80 + len(operator.topics.prefix)
    assert (1, sum(record.partition == 1 for record in log)) == (one.lines[0]["partitions"], one.lines[0]["records"])


async def test_a_busy_worker_is_never_accused(operator, worker, reader):
    await demo_feed(operator, 22, claims=6000)
    worker()
    await reader.until(lambda found: len(found) >= 20, *outcome_topics(operator.topics))
    done = [await operator.json("state", "verify") for _ in range(5)]

    assert [[]] * 5 == [each.lines[:-1] for each in done]
    assert 0 < done[0].lines[-1]["records"] < done[-1].lines[-1]["records"]


async def test_what_was_planted_in_the_changelog_is_named_and_nothing_else(operator, patient, producer):
    topic, partition = operator.topics.state_changelog, partition_of(patient.encode(), PARTITIONS)
    kept = await operator.changelog()
    of_patient = {
        changelog.kept_of(value).kind: (key, value)
        for key, value in kept.items()
        if value and key.startswith(patient.encode())
    }
    other = bytes.fromhex("ab" * 32)
    (lost, _), (changed, value), (claim, decided) = (of_patient[kind] for kind in ("met", "encounter", "claim"))
    planted = key_with(patient, other)
    for key, content in (
        (lost, None),
        (changed, value.replace(b"fluoroscopy", b"ultrasound!")),
        (planted, of_patient["met"][1]),
        (claim, decided),  # the same again
    ):
        await producer.send_and_wait(topic, content, key=key, partition=partition)
    done = await operator.json("state", "verify", code=1)
    shown = await operator("state", "verify", "--limit", 1, code=1)

    found = {(line["kind"], line["event_id"], line["entry"]) for line in done.lines[:-1]}
    assert {
        ("missing", lost[32:].decode(), "met"),
        ("differs", changed[32:].decode(), "encounter"),
        ("unexpected", other.hex(), "met"),
    } == found
    assert {partition} == {line["partition"] for line in done.lines[:-1]}
    assert {patient} == {line["patient_token"] for line in done.lines[:-1]}
    assert {"missing": 1, "unexpected": 1, "differs": 1} == done.lines[-1]["faults"]
    assert "2 more; --limit shows more of them" in shown.out
    assert "3 entries not as the log says" in shown.out


def key_with(token: str, event: bytes) -> bytes:
    return changelog.key_of(token, event.hex())


async def test_what_the_log_no_longer_holds_is_said_and_not_accused(operator, patient, kafka):
    partition = partition_of(patient.encode(), PARTITIONS)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.delete_records({TopicPartition(operator.topics.patient_events, partition): RecordsToDelete(3)})
    await admin.close()
    done = await operator.json("state", "verify")
    shown = await operator("state", "verify")

    assert (1, 3, 0) == tuple(done.lines[0][name] for name in ("cut", "before_log", "differences"))
    assert "1 partition of the log begins later than it once did: 3 entries of before that" in " ".join(
        shown.out.split()
    )


async def test_settings_of_another_state_and_none_are_refused(operator, patient, tmp_path):
    other = tmp_path / "other.key"
    other.write_bytes(b"another key")
    for settings, words in (
        ({"CLAIMSTREAM_TOKEN_KEY_FILE": ""}, "CLAIMSTREAM_TOKEN_KEY_FILE is not set"),
        ({"CLAIMSTREAM_TOKEN_KEY_FILE": str(other)}, "CLAIMSTREAM_TOKEN_KEY_FILE holds another key"),
        ({"CLAIMSTREAM_TENANTS": "clinic=north"}, "CLAIMSTREAM_TENANTS are others"),
        ({"CLAIMSTREAM_BROKER__PARTITIONS": "3"}, "has 2 partitions instead of 3"),
    ):
        refused = await operator("state", "verify", code=2, **settings)
        assert words in refused.err
        assert ("", 1) == (refused.out, refused.err.count("\n"))
    assert "partition 9 does not exist" in (await operator("state", "verify", "--partition", 9, code=2)).err


async def test_a_patient_that_is_forgotten_leaves_a_proof_and_nothing_else(operator, patient):
    before = highest(await operator.decisions())
    dry = await operator("state", "purge", patient)
    assert "dry run" in dry.out
    assert f"claimstream state purge {patient} --apply" in dry.out
    assert max(map(len, dry.out.splitlines())) <= 80
    assert [] == [record for record in await operator.log() if b"requested_at" in record.value]

    purged = await operator.json("state", "purge", patient, "--apply")
    (summary,) = purged.of_kind("purge")
    proof, position = summary["proof"], summary["position"]
    assert 4 == proof["entries"] == sum(summary["entries"].values())
    assert operator.topics.patient_events == position.rsplit(":", 2)[0]
    days = {line["topic"].removeprefix(operator.topics.prefix): line["days"] for line in purged.of_kind("remains")}
    assert (30, 730, 730, 90) == tuple(
        days[name] for name in ("claims.received", "claims.patient-events", "claims.accepted", "claims.received-dlt")
    )

    # The same claim under another number is no duplicate any more, and the event met before is one met first.
    again = a_claim("PT-1", authorizations=[{"number": "A-SECRET", "kind": "prior_authorization"}])
    await operator.send(again, a_claim("PT-4"))
    await operator.all_done()
    (new,) = [body for event, body in highest(await operator.decisions()).items() if event not in before]
    assert ("PT-4", True) == (new["claim_id"], "CODE-26" in new["checks"]["fail"])
    told = await operator.json("state", "inspect", patient)
    counts = {"claim": 2, "authorization": 0, "encounter": 0, "met": 0, "purge": 1}
    assert counts == told.of_kind("patient")[0]["entries"]
    (kept_proof,) = told.of_kind("purge")
    assert (proof["entries"], proof["sha256"]) == (kept_proof["entries"], kept_proof["sha256"])
    assert 3 == len([key for key, value in (await operator.changelog()).items() if value is None])
    assert 0 == (await operator.json("state", "verify")).lines[-1]["differences"]


async def test_a_worker_that_begins_and_a_replay_forget_at_the_same_place(operator, worker, running, patient):
    await operator.send(a_claim("PT-5", "M1", "64483"), a_claim("PT-6", "M2", "64483"))
    await operator.all_done()
    await operator("state", "purge", patient, "--apply")
    running.kill()
    worker()
    await operator.send(a_claim("PT-7", "M1", "64484"), a_claim("PT-8", "M2", "64484"))
    await operator.all_done()
    live = await operator.decisions()
    failed = {body["claim_id"]: body["checks"]["fail"] for body in bodies(live)}
    assert (True, False) == ("CODE-03" in failed["PT-7"], "CODE-03" in failed["PT-8"])

    await operator("replay", "run", "--job", "again", "--start", "offset:0", "--end", "2099-01-01T00:00:00Z")
    replayed = await operator.reader.to_end(*outcome_topics(JobTopics(operator.topics.prefix, "again")))
    assert {record.value for record in live} == {record.value for record in replayed}
    assert 0 == (await operator.json("state", "verify")).lines[-1]["differences"]
    await operator("audit", "conserve")


async def test_a_request_no_worker_answers_stands_in_the_log_until_one_does(operator, worker, reader):
    token = "0123456789abcdef" * 2
    unanswered = await operator.json("state", "purge", token, "--apply", "--wait", "0.2", code=3)
    (summary,) = unanswered.of_kind("purge")
    assert (True, None) == (summary["applied"], summary["proof"])
    assert f"no worker answered within 0.2 s; the request stands in the log at {summary['position']}" in unanswered.err
    worker()
    await reader.until(
        lambda found: any(record.key and record.key.startswith(token.encode()) for record in found),
        operator.topics.state_changelog,
    )
    (proof,) = (await operator.json("state", "inspect", token)).of_kind("purge")
    assert 0 == proof["entries"]


async def test_where_nothing_is_committed_there_is_nothing_to_compare(operator):
    done = await operator.json("state", "verify")

    assert (0, 0) == tuple(done.lines[0][name] for name in ("records", "compared"))
    assert "has committed nothing that can be recounted" in done.err
