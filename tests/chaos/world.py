"""A world of its own for a scenario: topics under a fresh prefix, a paced feed, workers, and how to wait for them."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from streams import clock
from streams.demo.generator import SOURCES, feed
from streams.topics import Layout, Topics, apply_topics
from tests.chaos.broker import Broker
from tests.chaos.facts import with_facts
from tests.chaos.feeder import Feeder, producer
from tests.chaos.reading import Monitor, counts, read_all
from tests.chaos.workers import ROOT, STRUCK, Worker, start_worker

PARTITIONS = 4
LAYOUT = Layout(partitions=PARTITIONS, received_partitions=PARTITIONS)
COMMIT_INTERVAL_SECONDS, WINDOW, CHUNK_MAX = 0.25, 4, 200
FEED_CLAIMS_MAX = 200_000
WAIT_SECONDS = 120.0
CATCH_UP_SECONDS = 120.0


class Skipped(Exception):  # noqa: N818 - says what happened
    """A scenario that cannot be played here; the sentence says why."""


@dataclass
class World:
    """What a fault acts on. Every wait ends with TimeoutError when what is waited for does not come about."""

    broker: Broker
    topics: Topics
    folder: Path
    rng: random.Random
    feeder: Feeder
    monitor: Monitor
    scale: float
    workers: list[Worker] = field(default_factory=list)
    before: dict[str, Sequence[ConsumerRecord]] = field(default_factory=dict)
    fault_ended_ms: int = 0

    @property
    def group(self) -> str:
        """The consumer group of the workers."""
        return f"{self.topics.prefix}claimstream"

    @property
    def outcomes(self) -> tuple[str, str, str]:
        """The topics of decisions."""
        return self.topics.accepted, self.topics.flagged, self.topics.denied_risk

    async def start(
        self, *, fault: Mapping[str, object] | None = None, bootstrap: str = "", code: Path = ROOT, **settings: str
    ) -> Worker:
        """Start a worker, straight at the broker unless told otherwise; `settings` are more of its own."""
        key_file = self.folder / "token.key"
        key_file.write_bytes(b"a key that only these scenarios have")
        settings |= {
            "BROKER__BOOTSTRAP": bootstrap or self.broker.direct,
            "BROKER__PREFIX": self.topics.prefix,
            "BROKER__PARTITIONS": str(PARTITIONS),
            "BROKER__RECEIVED_PARTITIONS": str(PARTITIONS),
            "BROKER__COMMIT_INTERVAL_SECONDS": str(COMMIT_INTERVAL_SECONDS),
            "TOKEN_KEY_FILE": str(key_file),
            "HTTP__PORT": "0",
            "SOURCES": ",".join(SOURCES),
        }
        log_file = self.folder / f"worker-{len(self.workers)}.log"
        self.workers.append(await start_worker(settings, log_file, fault=fault, code=code))
        return self.workers[-1]

    def struck(self, worker: Worker) -> None:
        """The fault of a faulty worker is over; raises AssertionError when it never struck."""
        assert STRUCK in worker.log(), f"the fault of {worker.log_file.name} never struck"
        self.fault_ended()

    def some(self, claims: int) -> int:
        """So many claims, give or take a quarter, at the scale of this run."""
        return max(1, round(claims * self.scale * self.rng.uniform(0.75, 1.25)))

    def fault_ended(self) -> None:
        """Say that from now on the worker can recover."""
        self.fault_ended_ms = int(clock.seconds() * 1000)

    async def busy(self, claims: int = 1500) -> None:
        """Return when both agents have gone on by about so many claims under the feed, which goes on."""
        async with asyncio.timeout(WAIT_SECONDS):
            wanted = self.some(claims)
            log, decided = await self.end(self.topics.patient_events), await self.end(*self.outcomes)
            while (
                await self.end(self.topics.patient_events) < log + wanted
                or await self.end(*self.outcomes) < decided + wanted
            ):
                self._require_workers()
                await asyncio.sleep(0.05)

    async def fed(self, claims: int) -> None:
        """Return when about so many more claims were fed."""
        async with asyncio.timeout(WAIT_SECONDS):
            goal = self.feeder.claims + self.some(claims)
            while self.feeder.claims < goal:  # noqa: ASYNC110 - the feed is paced by the clock
                await asyncio.sleep(0.05)

    async def end(self, *names: str) -> int:
        """The ends of the partitions of these topics, added up; waits for the broker."""
        partitions = [TopicPartition(name, n) for name in names for n in range(PARTITIONS)]
        return sum((await self.monitor.ends(partitions)).values())

    async def drained(self) -> None:
        """Return when the group has committed everything that stands on the topics it reads."""
        async with asyncio.timeout(CATCH_UP_SECONDS):
            while await self._behind(self.topics.received) or await self._behind(self.topics.patient_events):
                self._require_workers()
                await asyncio.sleep(0.1)

    async def stop_workers(self) -> None:
        """Stop what runs, in order; raise WorkerEnded when one did not end well."""
        await asyncio.gather(*(worker.terminate() for worker in self.workers if worker.running))
        self._require_workers()

    async def produce(self, topic: str, *values: tuple[bytes | None, bytes | None, list[tuple[str, Any]]]) -> None:
        """Send values with key and headers as nobody of ours would, and wait until the broker has them."""
        client = producer(self.broker.direct)
        await client.start()
        try:
            for number, (value, key, headers) in enumerate(values):
                await client.send_and_wait(topic, value, key=key, headers=headers, partition=number % PARTITIONS)
        finally:
            await client.stop()

    async def keep_records(self, *names: str) -> None:
        """Keep what stands on topics that are about to be deleted, for the account."""
        self.before |= await read_all(self.broker.direct, names)

    async def quiet(self, change: Callable[[], Awaitable[None]]) -> None:
        """Make a change while nothing is fed and everything fed is decided, so that it is known what it takes away."""
        self.feeder.pause()
        await self.drained()
        await change()
        self.feeder.resume()

    async def keep_and_delete(self, topic: str) -> None:
        """Delete a topic; what stood on it stays in the account."""
        await self.keep_records(topic)
        await self.delete(topic)

    async def apply_topics(self) -> None:
        """`claimstream topics apply`."""
        await apply_topics(self.broker.direct, self.topics, LAYOUT)

    async def delete(self, *names: str) -> None:
        """Delete topics, and return when they are gone."""
        async with self.admin() as admin:
            await admin.delete_topics(list(names))
        async with asyncio.timeout(WAIT_SECONDS):
            while await counts(self.broker.direct, names):  # noqa: ASYNC110 - the broker deletes at its leisure
                await asyncio.sleep(0.05)

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        """An admin client, straight at the broker."""
        client = AIOKafkaAdminClient(bootstrap_servers=self.broker.direct)
        await client.start()
        try:
            yield client
        finally:
            await client.close()

    def _require_workers(self) -> None:
        for worker in self.workers:
            worker.require_expected()

    async def _behind(self, topic: str) -> bool:
        partitions = [TopicPartition(topic, n) for n in range(PARTITIONS)]
        ends, committed = await self.monitor.ends(partitions), await self.monitor.committed(self.group)
        return any(committed.get(tp, 0) != ends[tp] for tp in partitions)


@asynccontextmanager
async def new_world(
    broker: Broker,
    prefix: str,
    folder: Path,
    rng: random.Random,
    *,
    rate: float,
    scale: float,
) -> AsyncIterator[World]:
    """Topics, a folder for logs, and a feed under way; in the end no process of it is left, and no topic."""
    topics = Topics(prefix)
    await apply_topics(broker.direct, topics, LAYOUT)
    records = with_facts(feed(rng.randrange(1 << 30), FEED_CLAIMS_MAX), rng)
    feeder = Feeder(broker.direct, topics.received, PARTITIONS, records, rate)
    world = World(broker, topics, folder, rng, feeder, Monitor(broker.direct), scale)
    try:
        async with feeder:
            yield world
    finally:
        for worker in world.workers:
            if worker.running:
                await worker.kill()
        await world.monitor.close()
