"""The audit on real Kafka: clean over a worker's own outputs, and every fault made by hand found by kind and place."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from streams.demo.feeding import Sent, send
from streams.demo.generator import SOURCES, feed
from streams.embedded_kafka import free_port
from streams.replay.job import outcome_topics
from streams.topics import Layout, apply_topics
from tests.integration.conftest import delete_topics
from tests.streams.delivery.topic_records import NAMES, Letters, Made, decision, event, logged, manifest, received

CLAIMS = 400
BUSY_CLAIMS = 6000


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def summary(self) -> dict[str, Any]:
        return self.lines[-1]

    @property
    def found(self) -> list[tuple[str, str, str | None]]:
        return [(line["kind"], line["position"], line["event_id"]) for line in self.lines[:-1]]


@pytest.fixture
def layout() -> Layout:
    return Layout(partitions=2, received_partitions=2)


@pytest.fixture
def audit(kafka, topics) -> Callable[..., Ended]:
    def run(*arguments: str, output: str = "json", **variables: str) -> Ended:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CLAIMSTREAM_")} | {
            "CLAIMSTREAM_BROKER__BOOTSTRAP": kafka.bootstrap,
            "CLAIMSTREAM_BROKER__PREFIX": topics.prefix,
            **variables,
        }
        done = subprocess.run(
            [sys.executable, "-m", "streams", "audit", "conserve", "--output", output, *arguments],
            env=environment, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def worker(start_worker, layout) -> Callable[..., Any]:
    def start(**settings: str) -> Any:
        counts = {"CLAIMSTREAM_BROKER__PARTITIONS": "2", "CLAIMSTREAM_BROKER__RECEIVED_PARTITIONS": "2"}
        return start_worker(**counts, CLAIMSTREAM_SOURCES=",".join(SOURCES), **settings)

    return start


@pytest.fixture
async def decided(kafka, topics, worker, reader) -> list[Any]:
    """A feed that a worker has decided, all of it committed; the records of the feed."""
    records = list(feed(seed=11, claims=CLAIMS))
    await send(records, kafka.bootstrap, topics.received, Sent())
    running = worker()
    await reader.until(lambda found: len(found) >= CLAIMS * 0.9, *outcome_topics(topics))
    while (await reader.committed(f"{topics.prefix}claimstream")).get(topics.received, 0) < len(records):
        pass
    assert 0 == running.terminate()
    return records


async def test_a_workers_outputs_are_a_clean_account(audit, decided, topics, reader, tmp_path):
    metrics = tmp_path / "claims.prom"
    done = audit("--metrics-file", str(metrics))
    manifests = [json.loads(each.value) for each in await reader.to_end(topics.manifests)]
    claims = {each for manifest in manifests for each in manifest["event_ids"]}
    rejected = {each["event_id"] for manifest in manifests for each in manifest["rejections"]}

    assert (0, "", []) == (done.code, done.err, done.found)
    assert (len(decided), len(claims), len(rejected)) == tuple(
        done.summary[each]["accounted"] for each in ("records", "claims", "rejections")
    )
    assert (0, 0, 0) == tuple(done.summary[each] for each in ("unaccounted", "contradictory", "strange"))
    assert "\nclaims_unaccounted_records 0.0\n" in metrics.read_text()
    assert [metrics] == [each for each in tmp_path.iterdir() if "prom" in each.name]

    shown = audit(output="text")
    assert "every received item is accounted for" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80 + len(topics.prefix)


async def test_a_busy_worker_is_never_accused(audit, kafka, topics, worker, reader):
    records = list(feed(seed=12, claims=BUSY_CLAIMS))
    await send(records, kafka.bootstrap, topics.received, Sent())
    worker()
    await reader.until(lambda found: len(found) >= 20, *outcome_topics(topics))
    done = [audit() for _ in range(5)]

    assert [(0, [])] * 5 == [(each.code, each.found) for each in done]
    assert [0] * 5 == [each.summary["strange"] for each in done]
    assert done[0].summary["claims"]["in_progress"] or done[0].summary["records"]["in_progress"]


async def test_a_worker_killed_between_produce_and_commit_leaves_repeats_and_no_loss(
    audit, kafka, topics, worker, reader
):
    records = list(feed(seed=13, claims=CLAIMS))
    await send(records, kafka.bootstrap, topics.received, Sent())
    killed = worker(CLAIMSTREAM_BROKER__COMMIT_INTERVAL_SECONDS="3600")
    await reader.until(lambda found: len(found) >= CLAIMS // 2, *outcome_topics(topics))
    killed.kill()
    between = audit()
    survivor = worker()
    group = f"{topics.prefix}claimstream"
    while (await reader.committed(group)).get(topics.received, 0) < len(records):
        pass
    await reader.until(lambda found: len(found) > CLAIMS * 1.2, *outcome_topics(topics))
    assert 0 == survivor.terminate()
    done = audit()

    assert (0, []) == (between.code, between.found)
    assert "has committed nothing" in between.err
    assert (0, []) == (done.code, done.found)
    assert done.summary["decisions_repeated"] > 0


@pytest.fixture
async def by_hand(kafka) -> AsyncIterator[Callable[..., Any]]:
    """Writes records made by hand to topics of their own, where they say they stand, and commits for the worker."""
    await apply_topics(kafka.bootstrap, NAMES, Layout(partitions=1, received_partitions=1, side_partitions=1))

    async def write(records: Sequence[Made], *, read_to: int, log_to: int) -> None:
        async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
            for each in records:
                sent = await producer.send_and_wait(each.topic, each.value, partition=0, headers=list(each.headers))
                assert each.offset == sent.offset
        async with AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap, group_id="by-hand.claimstream") as consumer:
            received, log = (TopicPartition(topic, 0) for topic in (NAMES.received, NAMES.patient_events))
            consumer.assign([received, log])
            await consumer.commit({received: read_to, log: log_to})

    yield write
    await delete_topics(kafka.bootstrap, NAMES.prefix)


async def test_each_fault_is_found_by_its_kind_and_place(audit, by_hand):
    claim = [event(number) for number in range(9)]
    record = [received(number, str(number).encode()) for number in range(8)]
    letters = Letters()
    log = [logged(claim[each], record[2], offset) for offset, each in enumerate((0, 1, 2, 3))]
    unread = logged(claim[8], record[7], 4)
    decided = [decision(claim[0], 0), decision(claim[0], 1), decision(claim[2], 2), decision(claim[3], 3)]
    second = decision(claim[2], 0, "flagged")
    stray = decision(claim[7], 4)
    listed = [
        manifest(record[2], [claim[0], claim[1], claim[2], claim[3]], offset=0),
        manifest(record[3], [claim[4]], facts=[claim[5]], offset=1),
        manifest(record[4], rejected=[claim[6]], offset=2),
        manifest(record[5], parts=2, offset=3),
        manifest(record[7], [claim[8]], offset=4),
    ]
    own = letters.of(record[1])  # record 0 has none, and no manifest either
    every = [*record, *log, unread, *decided, second, stray, *listed, own]
    await by_hand(every, read_to=6, log_to=4)
    wanted = [
        ("no-manifest", record[0].position, None),
        ("no-outcome", log[1].position, claim[1]),
        ("two-decisions", second.position, claim[2]),
        ("not-logged", record[3].position, claim[4]),
        ("not-logged", record[3].position, claim[5]),
        ("no-dead-letter", record[4].position, claim[6]),
        ("incomplete-manifest", record[5].position, None),
        ("unknown-event", stray.position, claim[7]),
    ]
    done = audit(CLAIMSTREAM_BROKER__PREFIX=NAMES.prefix)
    shown = audit(output="text", CLAIMSTREAM_BROKER__PREFIX=NAMES.prefix)
    fewer = audit("--limit", "2", CLAIMSTREAM_BROKER__PREFIX=NAMES.prefix)

    assert (1, sorted(wanted)) == (done.code, sorted(done.found))
    assert (6, 1, 1, 1) == tuple(
        done.summary[each] for each in ("unaccounted", "contradictory", "strange", "decisions_repeated")
    )
    assert {"found": 8, "accounted": 5, "in_progress": 1, "unaccounted": 2} == done.summary["records"]
    assert {"found": 6, "accounted": 3, "in_progress": 1, "unaccounted": 2} == done.summary["claims"]
    assert (1, 2, done.summary) == (fewer.code, len(fewer.found), fewer.summary)
    assert [] == [words for words in (kind for kind, *_ in wanted) if words not in shown.out]
    assert "6 unaccounted · 1 contradictory · 1 strange" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80


async def test_a_window_of_broker_time_asks_about_its_own_records(audit, decided, topics, reader):
    times = sorted(each.timestamp for each in await reader.to_end(topics.received))
    middle = datetime.fromtimestamp(times[len(times) // 2] / 1000, UTC).isoformat()
    before, after = audit("--to", middle), audit("--from", middle)
    split = sum(each < times[len(times) // 2] for each in times)

    assert (0, [], 0, []) == (before.code, before.found, after.code, after.found)
    assert (split, len(times) - split) == tuple(done.summary["records"]["accounted"] for done in (before, after))
    assert before.summary["claims"]["found"] + after.summary["claims"]["found"] >= CLAIMS * 0.9


async def test_manifests_that_retention_has_deleted_are_a_warning_and_no_alarm(audit, decided, topics, reader, kafka):
    manifests = await reader.to_end(topics.manifests)
    cut = {TopicPartition(each.topic, each.partition): each.offset for each in manifests[: len(manifests) // 2]}
    await delete_up_to(kafka.bootstrap, cut)
    done, since = audit(), audit("--from", "2020-01-01T00:00:00Z")

    assert (0, [], since.summary) == (done.code, done.found, done.summary)
    assert done.summary["records"]["found"] < len(decided)
    assert f"{topics.manifests} holds nothing before 20" in done.err
    assert [done.err] == [f"claimstream: {each}\n" for each in done.summary["warnings"]]


async def test_a_received_topic_that_begins_later_says_so(audit, decided, topics, kafka):
    await delete_up_to(kafka.bootstrap, {TopicPartition(topics.received, partition): 3 for partition in (0, 1)})
    done = audit()

    assert (0, [], len(decided) - 6) == (done.code, done.found, done.summary["records"]["accounted"])
    assert f"{topics.received} holds nothing before 20" in done.err


async def delete_up_to(bootstrap: str, offsets: Mapping[TopicPartition, int]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_records({tp: RecordsToDelete(before_offset=offset) for tp, offset in offsets.items()})
    finally:
        await admin.close()


def test_an_account_is_told_though_its_metrics_cannot_be_written(audit, tmp_path):
    done = audit("--metrics-file", str(tmp_path / "no" / "file"))

    assert 3 == done.code
    assert "cannot be written" in done.err
    assert "summary" == json.loads(done.out.splitlines()[-1])["kind"]


def test_what_cannot_be_asked_is_one_sentence(audit):
    for arguments, variables, code, words in (
        (("--from", "yesterday"), {}, 2, "'yesterday' is no instant; write it like 2026-06-15T00:00:00Z"),
        (("--to", "offset:3"), {}, 2, "'offset:3' is no instant"),
        (("--from", "2026-02-01T00:00:00Z", "--to", "2026-01-01T00:00:00Z"), {}, 2, "exchange them"),
        (("--prefix", "/"), {}, 2, "topic prefix"),
        (("--prefix", "nowhere."), {}, 2, "topic nowhere.claims.received does not exist"),
        (("--bootstrap", f"127.0.0.1:{free_port()}"), {}, 3, "no Kafka broker answers at"),
    ):
        done = audit(*arguments, **variables)

        assert (code, "") == (done.code, done.out), done.err
        assert words in done.err
