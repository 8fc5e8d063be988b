import asyncio
import hashlib
import itertools
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from streams.clients import open_admin
from streams.delivery.linear import committed_by
from streams.embedded_kafka import EmbeddedKafka, free_port
from streams.topics import Layout, Topics, apply_topics

LAYOUT = Layout(partitions=2, received_partitions=2, side_partitions=1)
DEADLINE_SECONDS = 300.0  # for a test that hangs, not a bar
_numbers = itertools.count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker("kafka")


@pytest.fixture(scope="session")
def kafka() -> Iterator[EmbeddedKafka]:
    """One broker for all tests; a test that stops or breaks a broker starts its own."""
    with EmbeddedKafka() as broker:
        yield broker


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """A topic prefix no other test of this session has."""
    name = f"{request.node.nodeid} {next(_numbers)}"
    return f"t{hashlib.sha256(name.encode()).hexdigest()[:8]}."


@pytest.fixture
def layout() -> Layout:
    """Few partitions; a test module that wants others overrides this fixture."""
    return LAYOUT


@pytest.fixture
async def topics(kafka: EmbeddedKafka, prefix: str, layout: Layout) -> AsyncIterator[Topics]:
    """The topics of the contract under a prefix of the test's own, deleted when it ends."""
    names = Topics(prefix)
    await apply_topics(kafka.bootstrap, names, layout)
    yield names
    await delete_topics(kafka.bootstrap, prefix)


async def delete_topics(bootstrap: str, prefix: str) -> None:
    """Delete every topic under a prefix: hundreds of tests would fill the broker's memory with partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([name for name in await admin.list_topics() if name.startswith(prefix)])
    finally:
        await admin.close()


@dataclass
class WorkerProcess:
    """A `claimstream worker` of its own process, with its log in a file."""

    process: subprocess.Popen[bytes]
    port: int
    log_file: Path

    def log(self) -> str:
        return self.log_file.read_text()

    async def says(self, text: str) -> None:
        """Return once a text stands in the log."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while text not in self.log():  # noqa: ASYNC110 - another process writes the log
                await asyncio.sleep(0.02)

    async def shows(self, line: str) -> None:
        """Return once a line stands among the metrics: they are counted after the broker has confirmed."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while line not in await asyncio.to_thread(self.http, "/metrics"):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)

    def http(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def terminate(self) -> int:
        self.process.terminate()
        return self.process.wait(40)


StartWorker = Callable[..., WorkerProcess]


@pytest.fixture
def token_key_file(tmp_path: Path) -> Path:
    path = tmp_path / "token.key"
    path.write_bytes(b"a key that only these tests have")
    return path


@pytest.fixture
def start_worker(kafka: EmbeddedKafka, topics: Topics, token_key_file: Path, tmp_path: Path) -> Iterator[StartWorker]:
    """Start `claimstream worker` as an operator would; what still runs when the test ends is killed."""
    started: list[WorkerProcess] = []

    def start(*options: str, module: str = "streams", **settings: str) -> WorkerProcess:
        port, log_file = free_port(), tmp_path / f"worker-{len(started)}.log"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CLAIMSTREAM_")} | {
            "CLAIMSTREAM_BROKER__BOOTSTRAP": kafka.bootstrap,
            "CLAIMSTREAM_BROKER__PREFIX": topics.prefix,
            "CLAIMSTREAM_TOKEN_KEY_FILE": str(token_key_file),
            "CLAIMSTREAM_HTTP__PORT": str(port),
            "CLAIMSTREAM_SOURCES": "clinic,clearinghouse-a",
            **settings,
        }
        with log_file.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, "worker", *options],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        started.append(WorkerProcess(process, port, log_file))
        return started[-1]

    yield start
    for worker in started:
        if worker.process.poll() is None:
            worker.kill()


@dataclass
class Reader:
    """Reads topics from their beginning, apart from every consumer group."""

    bootstrap: str

    async def to_end(self, *names: str) -> list[ConsumerRecord]:
        """Every record that stands on the topics now, per topic and partition in order."""
        records: list[ConsumerRecord] = []
        await self.until(lambda so_far: False, *names, into=records, stop_at_end=True)
        return records

    async def until(
        self,
        enough: Callable[[Sequence[ConsumerRecord]], bool],
        *names: str,
        into: list[ConsumerRecord] | None = None,
        stop_at_end: bool = False,
    ) -> list[ConsumerRecord]:
        """Read on until `enough` says so; fails when that takes longer than the deadline."""
        records: list[ConsumerRecord] = [] if into is None else into
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=20 << 20,
            fetch_max_wait_ms=100,
        )
        await consumer.start()
        try:
            partitions = await self._partitions(names)
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions) if stop_at_end else {}
            async with asyncio.timeout(DEADLINE_SECONDS):
                while not enough(records):
                    for batch in (await consumer.getmany(timeout_ms=200)).values():
                        records.extend(batch)
                    if stop_at_end and all([await consumer.position(tp) >= ends[tp] for tp in partitions]):
                        break
        finally:
            await consumer.stop()
        return records

    async def _partitions(self, names: Sequence[str]) -> list[TopicPartition]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            described = await admin.describe_topics(list(names))
        finally:
            await admin.close()
        return [TopicPartition(each["topic"], p["partition"]) for each in described for p in each["partitions"]]

    async def end(self, topic: str) -> int:
        """The end of a topic, all partitions added up."""
        async with AIOKafkaConsumer(bootstrap_servers=self.bootstrap) as consumer:
            return sum((await consumer.end_offsets(await self._partitions([topic]))).values())

    async def committed(self, group: str) -> dict[str, int]:
        """What a consumer group has committed, added up per topic."""
        async with open_admin({"bootstrap_servers": self.bootstrap}) as admin:
            offsets = await committed_by(admin, group)
        sums: dict[str, int] = {}
        for (topic, _partition), offset in offsets.items():
            sums[topic] = sums.get(topic, 0) + offset
        return sums


@pytest.fixture
def reader(kafka: EmbeddedKafka) -> Reader:
    return Reader(kafka.bootstrap)


@pytest.fixture
async def producer(kafka: EmbeddedKafka) -> AsyncIterator[AIOKafkaProducer]:
    client = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all", max_request_size=20 << 20)
    await client.start()
    yield client
    await client.stop()
