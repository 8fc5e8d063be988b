"""A world of its own for a scenario: topics under a fresh prefix, a paced feed, workers, and how to wait for them."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from streams import clock
from streams.demo.generator import SOURCES, feed
from streams.topics import Layout, Topics, apply_topics
from tests.chaos.broker import Broker
from tests.chaos.checker import KEY
from tests.chaos.facts import with_facts
from tests.chaos.feeder import Feeder, producer
from tests.chaos.reading import Monitor, counts, read_all
from tests.chaos.waiting import Look, until
from tests.chaos.workers import ROOT, STRUCK, Worker, start_worker

PARTITIONS = 4
LAYOUT = Layout(partitions=PARTITIONS, received_partitions=PARTITIONS)
COMMIT_INTERVAL_SECONDS, WINDOW, CHUNK_MAX = 0.25, 4, 200
FEED_CLAIMS_MAX = 200_000
BACKLOG_SECONDS, HOLD_SECONDS = 15.0, 0.2
"""The feed is held while more records wait for the workers than this times its claims a second.

A network that is cut for 16 s leaves fewer, as a record holds 1.8 claims: no fault loses its load.
"""

Sent = tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes | None]]]
"""Value, key and headers."""


class Skipped(Exception):  # noqa: N818 - says what happened
    """A scenario that cannot be played here; the sentence says why."""


@dataclass
class World:
    """What a fault acts on. Every wait ends with StoodStill when nothing moves any more."""

    broker: Broker
    topics: Topics
    folder: Path
    rng: random.Random
    feeder: Feeder
    monitor: Monitor
    scale: float
    workers: list[Worker] = field(default_factory=list)
    before: dict[str, Sequence[ConsumerRecord]] = field(default_factory=dict)
    compacted: Counter[str] = field(default_factory=Counter)
    received_partitions: int = PARTITIONS
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
        key_file.write_bytes(KEY)
        settings |= {
            "BROKER__BOOTSTRAP": bootstrap or self.broker.direct,
            "BROKER__PREFIX": self.topics.prefix,
            "BROKER__PARTITIONS": str(PARTITIONS),
            "BROKER__RECEIVED_PARTITIONS": str(self.received_partitions),
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

    async def until(self, what: str, look: Look) -> None:
        """As `waiting.until`, and raise WorkerEnded when a worker ends that should not."""

        async def with_workers() -> tuple[bool, str]:
            self._require_workers()
            return await look()

        await until(what, with_workers)

    async def busy(self, claims: int = 1500) -> None:
        """Return when both agents have gone on by about so many claims under the feed, which goes on."""
        wanted = self.some(claims)
        log, decided = await self.end(self.topics.patient_events), await self.end(*self.outcomes)

        async def look() -> tuple[bool, str]:
            read = await self.end(self.topics.patient_events) - log
            judged = await self.end(*self.outcomes) - decided
            return min(read, judged) >= wanted, f"{read} of {wanted} events in the log, {judged} of {wanted} decisions"

        await self.until("both agents to go on under the feed", look)

    async def fed(self, claims: int) -> None:
        """Return when about so many more claims were fed, however many wait for the workers."""
        self.feeder.goal = goal = self.feeder.claims + self.some(claims)

        async def look() -> tuple[bool, str]:
            return self.feeder.claims >= goal, f"{self.feeder.claims} of {goal} claims"

        await self.until("the feed", look)

    async def end(self, *names: str) -> int:
        """The ends of the partitions of these topics, added up; waits for the broker."""
        partitions = [TopicPartition(name, n) for name in names for n in range(PARTITIONS)]
        return sum((await self.monitor.ends(partitions)).values())

    async def joined(self, count: int) -> None:
        """Return when so many workers share the partitions."""

        async def look() -> tuple[bool, str]:
            state, members = await self.monitor.members(self.group)
            return (state, members) == ("Stable", count), f"{members} of {count}, {state}"

        await self.until("workers to join the group", look)

    async def drained(self) -> None:
        """Return when the group has committed everything that stands on the topics it reads."""

        async def look() -> tuple[bool, str]:
            waiting = await self.waiting(self.monitor)
            return not waiting, f"{waiting} records are still to be committed"

        await self.until("the workers to commit everything they read", look)

    async def waiting(self, monitor: Monitor) -> int:
        """How far what the group has committed of both inputs is from their ends, in records."""
        read = {self.topics.received: self.received_partitions, self.topics.patient_events: PARTITIONS}
        partitions = [TopicPartition(name, n) for name, count in read.items() for n in range(count)]
        ends, committed = await monitor.ends(partitions), await monitor.committed(self.group)
        return sum(abs(ends[tp] - max(0, committed.get(tp, 0))) for tp in partitions)

    async def stop_workers(self) -> None:
        """Stop what runs, in order; raise WorkerEnded when one did not end well."""
        await asyncio.gather(*(worker.terminate() for worker in self.workers if worker.running))
        self._require_workers()

    async def kill_workers(self) -> None:
        """Leave no process behind."""
        for worker in self.workers:
            if worker.running:
                await worker.kill()

    async def produce(self, topic: str, *values: Sent, partition: int | None = None) -> None:
        """Send values with key and headers, over the partitions in turn or to one, until the broker has them."""
        client = producer(self.broker.direct)
        await client.start()
        try:
            sent = []
            for number, (value, key, headers) in enumerate(values):
                to = number % PARTITIONS if partition is None else partition
                sent.append(await client.send(topic, value, key=key, headers=list(headers), partition=to))
            await asyncio.gather(*sent)
        finally:
            await client.stop()

    async def read(self, topic: str) -> list[ConsumerRecord]:
        """What stands on a topic."""
        return (await read_all(self.broker.direct, [topic]))[topic]

    async def keep_records(self, topic: str) -> None:
        """Keep what stands on a topic that is about to be deleted, for the account."""
        self.before[topic] = await self.read(topic)

    async def begin_anew(self) -> None:
        """Topics under another prefix, with all that was received; the feed and new workers go on there."""
        await self.feeder.pause()
        received, topics = await self.read(self.topics.received), Topics(f"{self.topics.prefix}anew.")
        await apply_topics(self.broker.direct, topics, LAYOUT)
        for partition in range(PARTITIONS):
            values = [(each.value, each.key, each.headers) for each in received if each.partition == partition]
            await self.produce(topics.received, *values, partition=partition)
        self.topics, self.feeder.topic = topics, topics.received
        self.feeder.resume()

    async def quiet(self, change: Callable[[], Awaitable[None]]) -> None:
        """Make a change while nothing is fed and everything fed is decided, so that it is known what it takes away."""
        await self.feeder.pause()
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

        async def look() -> tuple[bool, str]:
            there = await counts(self.broker.direct, names)
            return not there, f"{len(there)} are there"

        await until("topics to be deleted", look)

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
    holding = asyncio.ensure_future(_hold_back(world))
    try:
        async with feeder:
            yield world
    finally:
        holding.cancel()
        await world.kill_workers()
        with suppress(asyncio.CancelledError):
            await holding
        await world.monitor.close()


async def _hold_back(world: World) -> None:
    """Hold the feed while more waits for the workers than a fault leaves, so that one can catch up on any machine."""
    monitor = Monitor(world.broker.direct)
    try:
        while True:
            world.feeder.held = await world.waiting(monitor) > world.feeder.rate * BACKLOG_SECONDS
            await asyncio.sleep(HOLD_SECONDS)
    finally:
        await monitor.close()
