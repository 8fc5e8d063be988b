"""`claimstream worker --processes 2` on a real broker: two decide what one decides, once, and stop as one."""

import asyncio
import itertools
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiokafka import ConsumerRecord
from prometheus_client.parser import text_string_to_metric_families

from streams.demo.feeding import Sent, send
from streams.demo.generator import SOURCES, FeedRecord, feed
from streams.embedded_kafka import free_port
from streams.intake.arrival import event_id
from streams.intake.items import ReadClaim
from streams.intake.reading import read_record
from streams.kafka_watchdog import birth_mark
from streams.topics import Layout
from tests.integration.test_crash import bodies, events_of, outcome_topics, recount

CLAIMS = 1_500
DEADLINE_SECONDS = 300.0


@pytest.fixture
def layout() -> Layout:
    return Layout(partitions=4, received_partitions=4)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await condition():  # noqa: ASYNC110 - other processes make it true
            await asyncio.sleep(0.05)


@dataclass
class Several:
    """A parent of two workers, in a session of its own, with the log of all three."""

    process: subprocess.Popen[bytes]
    port: int
    log_file: Path

    def log(self) -> str:
        return self.log_file.read_text()

    def pids(self) -> dict[int, int]:
        """The worker processes started last, by number."""
        return {int(number): int(pid) for number, pid in re.findall(r"process (\d) \(pid (\d+)\) is start", self.log())}

    def partitions(self, number: int) -> set[int]:
        """Partitions of the log that a process was given last."""
        rebuilt = re.findall(r"\[(\d)\] streams\S* state of partition (\d+) rebuilt", self.log())
        owners = {int(partition): int(owner) for owner, partition in rebuilt}
        return {partition for partition, owner in owners.items() if owner == number}

    async def get(self, path: str) -> tuple[int, str]:
        return await asyncio.to_thread(self._get, path)

    def _get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()
        except urllib.error.URLError:
            return 0, ""

    async def ready(self) -> None:
        async def is_ready() -> bool:
            assert self.process.poll() is None, self.log()
            return (await self.get("/readyz"))[0] == 200

        await until(is_ready)

    async def counters(self) -> dict[str, float]:
        """Every counter, and every count of a histogram, with its labels."""
        status, text = await self.get("/metrics")
        assert status == 200
        families = text_string_to_metric_families(text)
        return {
            f"{sample.name} {sorted(sample.labels.items())}": sample.value
            for family in families
            if family.type in {"counter", "histogram"}
            for sample in family.samples
        }

    async def total(self, name: str) -> float:
        return sum(value for series, value in (await self.counters()).items() if series.startswith(f"{name} "))

    async def ended(self) -> int:
        return await asyncio.to_thread(self.process.wait, 60)

    async def stop(self) -> int:
        self.process.terminate()
        return await self.ended()

    async def no_process_left(self) -> None:
        async def all_gone() -> bool:
            return not any(birth_mark(pid) for pid in self.pids().values())

        await until(all_gone)


StartSeveral = Callable[[], Several]


@pytest.fixture
def start_several(kafka, topics, token_key_file, tmp_path) -> Iterator[StartSeveral]:
    started: list[Several] = []

    def start() -> Several:
        port, log_file = free_port(), tmp_path / f"several-{len(started)}.log"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CLAIMSTREAM_")} | {
            "CLAIMSTREAM_BROKER__BOOTSTRAP": kafka.bootstrap,
            "CLAIMSTREAM_BROKER__PREFIX": topics.prefix,
            "CLAIMSTREAM_BROKER__PARTITIONS": "4",
            "CLAIMSTREAM_TOKEN_KEY_FILE": str(token_key_file),
            "CLAIMSTREAM_HTTP__PORT": str(port),
            "CLAIMSTREAM_SOURCES": ",".join(SOURCES),
        }
        with log_file.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "streams", "worker", "--processes", "2"],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started.append(Several(process, port, log_file))
        return started[-1]

    yield start
    for several in started:
        if several.process.poll() is None:
            several.process.kill()
            several.process.wait(30)
        for pid in several.pids().values():
            if birth_mark(pid):
                os.kill(pid, signal.SIGKILL)


def claims_of(records: Sequence[FeedRecord]) -> Counter[str]:
    """How often each event stands in the feed."""
    return Counter(
        event_id(record.source, item.identity)
        for record in records
        for item in read_record(record.value, record.content_type)
        if isinstance(item, ReadClaim)
    )


def times(records: Sequence[ConsumerRecord]) -> Counter[str]:
    return Counter(dict(record.headers)["cs-event-id"].decode() for record in records)


async def test_two_processes_decide_what_one_decides_once(topics, start_several, reader, kafka):
    records = list(feed(seed=7, claims=CLAIMS))
    wanted = events_of(records)
    several = start_several()
    await several.ready()
    await send(records, kafka.bootstrap, topics.received, Sent())

    async def all_counted() -> bool:
        return await several.total("claims_decided_total") >= len(wanted)

    await until(all_counted)
    await reader.until(lambda found: sum(claims_of(records).values()) <= len(found), *outcome_topics(topics))
    assert await several.total("claims_decided_total") == len(wanted)
    assert await several.total("claims_received_total") == sum(record.items for record in records)
    assert await several.total("claims_worker_restarts_total") == 0
    assert (await several.get("/livez")) == (200, "alive\n")
    assert '"ruleset"' in (await several.get("/version"))[1]
    pids = several.pids()
    assert await several.stop() == 0
    await several.no_process_left()

    published = await reader.to_end(*outcome_topics(topics))
    log = await reader.to_end(topics.patient_events)
    assert claims_of(records) == times(log) == times(published)
    assert recount(log) == bodies(published)
    assert {1} == {len(found) for found in bodies(published).values()}
    owned = [several.partitions(number) for number in (1, 2)]
    assert all(owned)
    assert all(mine & {record.partition for record in published} for mine in owned)
    put_aside = await reader.to_end(topics.received_dlt)
    assert {dict(each.headers)["dlt-worker"].decode().rpartition(":")[2] for each in put_aside} <= {
        str(pid) for pid in pids.values()
    }


async def test_a_stop_in_the_middle_repeats_nothing(topics, start_several, reader, kafka):
    records = list(feed(seed=8, claims=CLAIMS))
    first = start_several()
    await first.ready()
    feeding = asyncio.create_task(send(records, kafka.bootstrap, topics.received, Sent()))
    await reader.until(lambda found: len(found) >= CLAIMS // 4, *outcome_topics(topics))
    assert await first.stop() == 0
    assert "will be repeated" not in first.log()
    await first.no_process_left()
    await feeding
    stopped_at = len(await reader.to_end(*outcome_topics(topics)))

    second = start_several()
    everything = sum(claims_of(records).values())
    await reader.until(lambda found: len(found) >= everything, *outcome_topics(topics))
    assert await second.stop() == 0

    published = await reader.to_end(*outcome_topics(topics))
    log = await reader.to_end(topics.patient_events)
    assert stopped_at < everything
    assert claims_of(records) == times(log) == times(published)
    assert recount(log) == bodies(published)


async def test_a_process_that_is_killed_is_started_again_and_nothing_is_lost(topics, start_several, reader, kafka):
    records = list(feed(seed=9, claims=CLAIMS))
    wanted = events_of(records)
    several = start_several()
    await several.ready()
    scrapes: list[dict[str, float]] = []

    async def scrape() -> None:
        while True:
            scrapes.append(await several.counters())

    scraping = asyncio.create_task(scrape())
    await send(records[: len(records) // 2], kafka.bootstrap, topics.received, Sent())
    await reader.until(lambda found: len(found) >= CLAIMS // 4, *outcome_topics(topics))
    victim = several.pids()[1]
    os.kill(victim, signal.SIGKILL)
    await send(records[len(records) // 2 :], kafka.bootstrap, topics.received, Sent())
    await reader.until(lambda found: wanted <= bodies(found).keys(), *outcome_topics(topics))
    await several.ready()
    assert not scraping.done()
    scraping.cancel()
    await asyncio.gather(scraping, return_exceptions=True)

    assert f"process 1 (pid {victim}) ended by SIGKILL; it is started again in 0.5 s" in several.log()
    assert several.pids()[1] != victim
    assert await several.total("claims_worker_restarts_total") == 1
    assert await several.stop() == 0
    for before, after in itertools.pairwise(scrapes):
        assert [] == [series for series, value in before.items() if after.get(series, 0) < value]
    published = await reader.to_end(*outcome_topics(topics))
    log = await reader.to_end(topics.patient_events)
    assert wanted == bodies(published).keys()
    assert {1} == {len(found) for found in bodies(published).values()}
    assert recount(log) == bodies(published)


async def test_the_processes_of_a_parent_that_is_killed_stop_in_good_order(topics, start_several, reader, kafka):
    records = list(feed(seed=10, claims=CLAIMS))
    several = start_several()
    await several.ready()
    await send(records, kafka.bootstrap, topics.received, Sent())
    await reader.until(lambda found: len(found) >= CLAIMS // 4, *outcome_topics(topics))

    several.process.kill()
    await several.ended()
    await several.no_process_left()

    log = times(await reader.to_end(topics.patient_events))
    assert log <= claims_of(records)
    assert times(await reader.to_end(*outcome_topics(topics))) <= log
    assert "Traceback" not in several.log()


async def test_ctrl_c_on_a_terminal_stops_once(topics, start_several):
    several = start_several()
    await several.ready()

    os.killpg(several.process.pid, signal.SIGINT)
    os.killpg(several.process.pid, signal.SIGINT)

    assert await several.ended() == 0
    await several.no_process_left()


async def test_a_process_that_cannot_start_again_leaves_the_other_at_work_until_it_can(
    topics, start_several, token_key_file
):
    several = start_several()
    await several.ready()
    key = token_key_file.read_bytes()
    token_key_file.unlink()
    pids = several.pids()
    os.kill(pids[2], signal.SIGKILL)

    async def has_failed() -> bool:
        return "CLAIMSTREAM_TOKEN_KEY_FILE cannot be read" in several.log()

    await until(has_failed)
    token_key_file.write_bytes(key)
    await several.ready()

    assert pids[1] == several.pids()[1]
    assert pids[2] != several.pids()[2]
    assert await several.stop() == 0
    await several.no_process_left()
