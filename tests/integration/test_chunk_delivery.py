"""Delivery of chunks on a real broker: nothing lost, planned hand-overs repeat nothing, crashes repeat little."""

import asyncio
import hashlib
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import GroupCoordinatorNotAvailableError

from streams.chunks import TP, Chunk, ChunkApp, DeadLetter, Outbox
from streams.embedded_kafka import EmbeddedKafka
from tests.integration import acls

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).parents[2]
PARTITIONS = 2
DEADLINE_SECONDS = 120


class Worker:
    """A worker process and the events it has told."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self.log = log

    async def until(self, event: str, **facts: Any) -> dict[str, Any]:
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert self.process.stdout is not None
            async for line in self.process.stdout:
                told = json.loads(line)
                if told["event"] == event and all(told[name] == fact for name, fact in facts.items()):
                    return told
        raise AssertionError(f"the worker ended before {event}:\n{self.log.read_text()[-4000:]}")

    async def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        await self.ended()
        assert self.process.returncode == 0, self.log.read_text()[-4000:]

    async def kill(self) -> None:
        self.process.kill()
        await self.ended()

    async def ended(self) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await self.process.communicate()


@dataclass
class Stage:
    """Topics of one test, the means to fill and read them, and its workers."""

    bootstrap: str
    prefix: str
    folder: Path
    producer: AIOKafkaProducer
    admin: AIOKafkaAdminClient
    cleanup: AsyncExitStack
    workers: list[Worker] = field(default_factory=list)
    fed: dict[str, bytes] = field(default_factory=dict)

    @property
    def input(self) -> str:
        return f"{self.prefix}in"

    @property
    def output(self) -> str:
        return f"{self.prefix}out"

    @property
    def dead_letters(self) -> str:
        return f"{self.prefix}in-dlt"

    async def start_worker(self, **setup: Any) -> Worker:
        setup |= {
            "bootstrap": self.bootstrap,
            "group": f"{self.prefix}group",
            "input": self.input,
            "output": self.output,
            "dead_letters": self.dead_letters,
            "partitions": PARTITIONS,
        }
        log = self.folder / f"worker-{len(self.workers)}.log"
        with log.open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, str(Path(__file__).with_name("chunk_worker.py")), json.dumps(setup)),
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
            )
        worker = Worker(process, log)
        self.workers.append(worker)
        return worker

    async def feed(self, values: list[bytes], partition: int | None = None) -> None:
        """One record after another, alternating partitions unless one is given."""
        sent = []
        for number, value in enumerate(values):
            to = number % PARTITIONS if partition is None else partition
            sent.append((value, await self.producer.send(self.input, value, partition=to)))
        for value, confirmation in sent:
            place = await confirmation
            self.fed[f"{place.partition}:{place.offset}"] = value

    async def read(self, topic: str, until_keys: int | None = None) -> list[ConsumerRecord]:
        """Records of a topic to its present end, or until they have so many different keys."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, isolation_level="read_committed")
        await consumer.start()
        try:
            places = [TopicPartition(topic, n) for n in range(PARTITIONS)]
            consumer.assign(places)
            await consumer.seek_to_beginning()
            ends = await consumer.end_offsets(places)
            records: list[ConsumerRecord] = []
            keys: set[bytes] = set()
            async with asyncio.timeout(DEADLINE_SECONDS):
                while (
                    len(keys) < until_keys
                    if until_keys is not None
                    else {place: await consumer.position(place) for place in places} != ends
                ):
                    for batch in (await consumer.getmany(timeout_ms=100)).values():
                        records += batch
                        keys.update(record.key for record in batch)
            return records
        finally:
            await consumer.stop()

    async def until_decided(self, count: int) -> None:
        await self.read(self.output, until_keys=count)

    async def committed(self) -> dict[int, int]:
        offsets = await self.admin.list_consumer_group_offsets(f"{self.prefix}group")
        return {place.partition: offset.offset for place, offset in offsets.items() if offset.offset >= 0}

    async def until_committed(self, wanted: dict[int, int]) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                with suppress(GroupCoordinatorNotAvailableError):  # of a broker that comes back
                    if await self.committed() == wanted:
                        return
                await asyncio.sleep(0.05)

    def ends(self) -> dict[int, int]:
        ends = Counter(int(place.partition(":")[0]) for place in self.fed)
        return dict(ends)

    async def accounts(self) -> tuple[set[str], Counter[str]]:
        """Inputs without an output, and outputs that came more than once."""
        records = await self.read(self.output)
        seen = Counter(record.key.decode() for record in records)
        for record in records:
            assert record.value == hashlib.sha256(self.fed[record.key.decode()]).digest()
        return set(self.fed) - set(seen), Counter({place: n - 1 for place, n in seen.items() if n > 1})


@asynccontextmanager
async def new_stage(bootstrap: str, prefix: str, folder: Path) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as cleanup:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        cleanup.push_async_callback(admin.close)
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_request_size=18 << 20, linger_ms=20)
        await producer.start()
        cleanup.push_async_callback(producer.stop)
        stage = Stage(bootstrap, prefix, folder, producer, admin, cleanup)
        limits = {stage.input: 17 << 20, stage.output: 2 << 20, stage.dead_letters: 17 << 20}
        await admin.create_topics(
            [
                NewTopic(name, PARTITIONS, 1, topic_configs={"max.message.bytes": str(limit)})
                for name, limit in limits.items()
            ]
        )
        yield stage
        for worker in stage.workers:
            if worker.process.returncode is None:
                await worker.kill()
        await admin.delete_topics(list(limits))


@pytest.fixture
async def stage(kafka: EmbeddedKafka, prefix: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with new_stage(kafka.bootstrap, prefix, tmp_path) as stage:
        yield stage


def numbered(count: int) -> list[bytes]:
    return [b"claim %d" % number for number in range(count)]


async def test_everything_is_delivered_in_order_and_committed_to_the_end(stage: Stage) -> None:
    await stage.feed(numbered(1000))
    worker = await stage.start_worker()
    await stage.until_decided(1000)
    await stage.until_committed(stage.ends())
    worker.process.send_signal(signal.SIGTERM)
    told = await worker.until("revoked", partitions=[0, 1])
    await worker.ended()

    assert told["positions"] == {"0": [500, 500, None], "1": [500, 500, None]}
    for partition in range(PARTITIONS):
        outputs = [r.key.decode() for r in await stage.read(stage.output) if r.partition == partition]

        assert [f"{partition}:{offset}" for offset in range(500)] == outputs


async def test_an_app_in_this_process_waits_for_state_delivers_and_hands_over(stage: Stage) -> None:
    await stage.feed(numbered(600))
    order: list[str] = []
    warm = asyncio.Event()
    app = ChunkApp(
        f"{stage.prefix}group",
        broker=f"kafka://{stage.bootstrap}",
        dead_letter=lambda record, _exc: DeadLetter(stage.dead_letters, record.key, record.value, []),
    )
    topic = app.chunk_topic(stage.input, partitions=PARTITIONS, chunk_max=50, window=2)

    @app.chunk_agent(topic)
    async def echo(chunk: Chunk, out: Outbox) -> None:
        order.append("chunk")
        assert len(chunk.records) <= 50
        for record in chunk.records:
            key = f"{chunk.partition}:{record.offset}".encode()
            out.add(stage.output, chunk.partition, key, hashlib.sha256(record.value or b"").digest())
            out.accounts_for(1)

    async def ready(_tp: TP) -> None:
        order.append("ready")
        await warm.wait()

    async def assigned(partitions: set[TP]) -> None:
        order.append(f"assigned {len(partitions)}")

    async def revoked(partitions: set[TP]) -> None:
        order.append(f"revoked {len(partitions)}")

    app.ready, app.on_assigned, app.on_revoked = ready, assigned, revoked
    await app.start()
    async with asyncio.timeout(DEADLINE_SECONDS):
        while order.count("ready") < PARTITIONS:  # noqa: ASYNC110 - the app tells nobody
            await asyncio.sleep(0.01)
    assert order == ["assigned 2", "ready", "ready"]
    warm.set()
    await stage.until_decided(600)
    await app.stop()

    assert order == ["assigned 2", "ready", "ready", *["chunk"] * 12, "revoked 2"]
    assert await stage.committed() == stage.ends()
    assert await stage.accounts() == (set(), Counter())


async def test_a_record_our_code_fails_on_is_put_aside_and_its_neighbours_pass_once_in_order(stage: Stage) -> None:
    poison = b"poison SSN 123-45-6789"
    await stage.feed([*numbered(90), poison, *numbered(90), poison, poison, *numbered(17)], partition=1)
    worker = await stage.start_worker()
    await worker.until("dead letter", topic=stage.dead_letters, code="unprocessable")
    await stage.until_committed({1: 200})
    await worker.stop()
    dead = await stage.read(stage.dead_letters)
    outputs = [record.key.decode() for record in await stage.read(stage.output)]

    assert [poison] * 3 == [record.value for record in dead]
    assert [dict(record.headers)["dlt-original-offset"] for record in dead] == [b"90", b"181", b"182"]
    assert dict(dead[0].headers)["dlt-exception-message"].startswith(b"our own code failed with ValueError at ")
    assert [f"1:{n}" for n in range(200) if n not in {90, 181, 182}] == outputs
    assert "ValueError at chunk_worker.py" in worker.log.read_text()
    assert "6789" not in worker.log.read_text()


async def test_a_record_with_too_large_an_output_is_put_aside_and_the_partition_goes_on(stage: Stage) -> None:
    await stage.feed([*numbered(20), b"huge", *numbered(20)], partition=0)
    worker = await stage.start_worker()
    await stage.until_committed({0: 41})
    await worker.stop()
    dead = await stage.read(stage.dead_letters)

    assert [record.value for record in dead] == [b"huge"]
    assert dict(dead[0].headers)["dlt-exception-message"].startswith(b"our own code failed with RecordTooLarge at ")
    assert await stage.accounts() == ({"0:20"}, Counter())


async def test_an_output_the_broker_refuses_is_put_aside_and_the_producer_goes_on(stage: Stage) -> None:
    await stage.feed([*numbered(20), b"huge", *numbered(20)], partition=0)
    worker = await stage.start_worker(output_limit=8 << 20)  # the topic takes 2 MiB, whatever the worker thinks
    await stage.until_committed({0: 41})
    await worker.stop()
    dead = await stage.read(stage.dead_letters)
    lost, repeated = await stage.accounts()

    assert [record.value for record in dead] == [b"huge"]
    assert dict(dead[0].headers)["dlt-exception-message"].startswith(
        b"our own code failed with MessageSizeTooLargeError at "
    )
    assert lost == {"0:20"}
    assert len(repeated) <= 40  # batches of the chunk that were confirmed beside the refused one


async def test_aborted_records_are_not_read_and_their_markers_are_committed_over(stage: Stage) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=stage.bootstrap, transactional_id=f"{stage.prefix}feed")
    await producer.start()
    for value in (b"kept", b"aborted", b"kept", b"aborted"):
        await producer.begin_transaction()
        for _ in range(10):
            await producer.send(stage.input, value, partition=0)
        await (producer.commit_transaction() if value == b"kept" else producer.abort_transaction())
    await producer.stop()
    worker = await stage.start_worker()
    await stage.until_committed({0: 44})
    await worker.stop()

    assert [record.value for record in await stage.read(stage.output)] == [hashlib.sha256(b"kept").digest()] * 20


async def test_large_records_pass_alone_and_as_dead_letters_whole(stage: Stage) -> None:
    nine_mebibytes = os.urandom(9 << 20)
    sixteen_mebibytes = b"poison" + os.urandom(16 << 20)
    await stage.feed([*numbered(3), nine_mebibytes, sixteen_mebibytes, *numbered(3)], partition=0)
    worker = await stage.start_worker()
    await stage.until_committed({0: 8})
    await worker.stop()
    dead = await stage.read(stage.dead_letters)

    assert [hashlib.sha256(sixteen_mebibytes).digest()] == [hashlib.sha256(record.value).digest() for record in dead]
    assert hashlib.sha256(sixteen_mebibytes).hexdigest().encode() == dict(dead[0].headers)["dlt-sha256"]
    assert await stage.accounts() == ({"0:4"}, Counter())


async def test_a_kill_between_produce_and_commit_loses_nothing_and_repeats_only_what_was_not_committed(
    stage: Stage,
) -> None:
    await stage.feed(numbered(400))
    worker = await stage.start_worker()
    await stage.until_committed(stage.ends())
    await worker.stop()
    committed = set(stage.fed)
    await stage.feed(numbered(200))
    worker = await stage.start_worker(commit_interval=3600.0)
    await stage.until_decided(600)
    await worker.kill()
    worker = await stage.start_worker()
    await stage.until_committed(stage.ends())
    await worker.stop()
    lost, repeated = await stage.accounts()

    assert lost == set()
    assert repeated == dict.fromkeys(set(stage.fed) - committed, 1)


async def fed_while(stage: Stage, change: Callable[[], Awaitable[None]]) -> None:
    """Feed 20 records every 20 ms (the producer's linger) until the change is done, and a little longer."""
    changing = asyncio.ensure_future(change())
    while not changing.done():
        await stage.feed(numbered(20))
    await changing
    await stage.feed(numbered(100))


async def test_a_graceful_stop_under_load_repeats_nothing(stage: Stage) -> None:
    worker = await stage.start_worker(seconds_per_chunk=0.01, chunk_max=20)

    async def restart_twice() -> None:
        nonlocal worker
        for _ in range(2):
            await worker.until("ready")
            await stage.until_decided(len(stage.fed) // 2)
            await worker.stop()
            worker = await stage.start_worker(seconds_per_chunk=0.01, chunk_max=20)

    await fed_while(stage, restart_twice)
    await stage.until_committed(stage.ends())
    await worker.stop()

    assert await stage.accounts() == (set(), Counter())


async def test_a_second_worker_that_joins_and_leaves_under_load_loses_and_repeats_nothing(stage: Stage) -> None:
    first = await stage.start_worker(seconds_per_chunk=0.01, chunk_max=20)
    await first.until("assigned")

    async def join_and_leave() -> None:
        second = await stage.start_worker(seconds_per_chunk=0.01, chunk_max=20)
        await second.until("ready")
        decided = len(stage.fed)
        await stage.until_decided(decided + 100)
        await second.stop()
        await first.until("revoked", partitions=[0, 1])
        await first.until("assigned", partitions=[0, 1])
        asked = [await first.until("ready"), await first.until("ready")]
        assert {told["partition"] for told in asked} == {0, 1}

    await fed_while(stage, join_and_leave)
    await stage.until_committed(stage.ends())
    await first.stop()
    workers = {dict(record.headers)["worker"] for record in await stage.read(stage.output)}

    assert await stage.accounts() == (set(), Counter())
    assert {str(worker.process.pid).encode() for worker in stage.workers} == workers


async def test_a_partition_whose_dead_letter_cannot_be_written_stands_still_until_it_can(stage: Stage) -> None:
    await stage.admin.delete_topics([stage.dead_letters])
    await stage.feed([*numbered(10), b"poison", *numbered(10)], partition=0)
    await stage.feed(numbered(50), partition=1)
    worker = await stage.start_worker()
    await worker.until("retry", partition=0, exception="UnknownTopicOrPartitionError")
    await stage.until_committed({1: 50})

    assert f"if topic {stage.dead_letters} was deleted, run `claimstream topics apply`" in worker.log.read_text()

    await stage.admin.create_topics([NewTopic(stage.dead_letters, PARTITIONS, 1)])
    await worker.until("dead letter", topic=stage.dead_letters)
    await stage.until_committed({0: 21, 1: 50})
    await worker.stop()

    assert [record.value for record in await stage.read(stage.dead_letters)] == [b"poison"]
    assert await stage.accounts() == ({"0:10"}, Counter())


async def test_a_static_member_that_restarts_within_its_session_repeats_nothing_and_moves_nothing(stage: Stage) -> None:
    setups = [{"instance_id": f"{stage.prefix}{n}", "session_timeout": 30.0} for n in range(2)]
    first = await stage.start_worker(**setups[0])
    await first.until("assigned", partitions=[0, 1])
    second = await stage.start_worker(**setups[1])
    [others] = (await second.until("assigned"))["partitions"]
    await first.until("assigned", partitions=[1 - others])

    async def restart() -> None:
        nonlocal first
        await stage.until_decided(100)
        await first.stop()
        first = await stage.start_worker(**setups[0])
        await first.until("ready", partition=1 - others)

    await fed_while(stage, restart)
    await stage.until_committed(stage.ends())

    assert second.log.read_text().count("Worker ready") == 1

    await first.stop()
    await second.stop()

    assert await stage.accounts() == (set(), Counter())


async def test_a_worker_frozen_beyond_its_session_wakes_up_without_its_partitions_and_loses_nothing(
    stage: Stage,
) -> None:
    frozen = await stage.start_worker(seconds_per_chunk=0.01, chunk_max=20)
    await frozen.until("assigned")

    async def freeze() -> None:
        await stage.until_decided(100)
        frozen.process.send_signal(signal.SIGSTOP)
        heir = await stage.start_worker(seconds_per_chunk=0.01, chunk_max=20)
        await heir.until("assigned", partitions=[0, 1])
        await stage.until_decided(len(stage.fed) + 100)
        frozen.process.send_signal(signal.SIGCONT)
        await frozen.until("revoked")
        await frozen.until("ready")

    await fed_while(stage, freeze)
    await stage.until_committed(stage.ends())
    for worker in stage.workers:
        await worker.stop()
    lost, repeated = await stage.accounts()

    assert lost == set()
    assert max(repeated.values(), default=0) <= 1


async def test_a_worker_whose_agent_hangs_ends_itself_and_the_next_one_loses_nothing(stage: Stage) -> None:
    await stage.feed([*numbered(40), b"hang"], partition=0)
    worker = await stage.start_worker(stuck_seconds=6.0, stop_limit_seconds=5.0)
    await worker.ended()

    assert worker.process.returncode == 70
    assert "in[0] has 41 records and has not moved for" in worker.log.read_text()
    assert await stage.read(stage.output) == []


async def test_rights_that_are_taken_away_are_waited_for_and_nothing_is_lost(prefix: str, tmp_path: Path) -> None:
    with EmbeddedKafka(properties=acls.AUTHORIZED) as broker:
        async with new_stage(broker.bootstrap, prefix, tmp_path) as stage:
            worker = await stage.start_worker()
            await stage.feed(numbered(20))
            await stage.until_decided(20)
            await acls.deny(stage.admin, acls.TOPIC, stage.output)
            await stage.feed(numbered(20))
            await worker.until("retry", exception="TopicAuthorizationFailedError")
            await acls.allow(stage.admin, acls.TOPIC, stage.output)
            await stage.until_decided(40)

            await acls.deny(stage.admin, acls.GROUP, f"{stage.prefix}group")
            await stage.feed(numbered(20))
            await worker.until("trouble", exception="GroupAuthorizationFailedError")
            await acls.allow(stage.admin, acls.GROUP, f"{stage.prefix}group")
            await stage.until_decided(60)

            await stage.feed(numbered(20))
            await stage.until_committed(stage.ends())
            await acls.deny(stage.admin, acls.TOPIC, stage.input)
            await worker.until("trouble", exception="TopicAuthorizationFailedError")
            await acls.allow(stage.admin, acls.TOPIC, stage.input)
            await stage.feed(numbered(20))
            await stage.until_committed(stage.ends())
            await worker.stop()
            log = worker.log.read_text()

            assert (await stage.accounts())[0] == set()
            assert f"--operation Describe --topic {stage.output}` allows it" in log
            assert f"--operation Describe --topic {stage.input}` allows it" in log
            assert f"--operation Read --group {stage.prefix}group` allows it" in log


async def test_a_broker_frozen_for_five_seconds_loses_and_repeats_nothing_and_a_worker_stops_without_it(
    prefix: str, tmp_path: Path
) -> None:
    with EmbeddedKafka() as broker:
        async with new_stage(broker.bootstrap, prefix, tmp_path) as stage:
            worker = await stage.start_worker(seconds_per_chunk=0.01, chunk_max=20)
            await worker.until("assigned")

            async def freeze() -> None:
                await stage.until_decided(200)
                broker.pause()
                thawed_at = time.monotonic() + 5
                try:
                    await asyncio.sleep(thawed_at - time.monotonic())  # the outage itself
                finally:
                    broker.resume()

            await fed_while(stage, freeze)
            await stage.until_committed(stage.ends())
            await worker.stop()

            assert await stage.accounts() == (set(), Counter())

            worker = await stage.start_worker(stop_limit_seconds=2.0)
            await worker.until("assigned")
            broker.pause()
            worker.process.send_signal(signal.SIGTERM)
            await worker.ended()
            broker.resume()

            assert worker.process.returncode in {0, 70}
