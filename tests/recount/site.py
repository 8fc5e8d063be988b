"""A site for the proof: an embedded Kafka, workers that come and go, and a look at how far they are."""

import asyncio
import zlib
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from aiokafka import ConsumerRecord, TopicPartition

from streams import clock
from streams import headers as h
from streams.chunks import partition_of
from streams.clients import open_consumer, open_producer
from streams.embedded_kafka import EmbeddedKafka
from streams.topics import Layout, Topics, apply_topics
from tests.chaos.reading import Monitor, read_all
from tests.chaos.waiting import until
from tests.chaos.workers import Worker, start_worker
from tests.recount.making import KEY, PACKS, SOURCES, Made, logged

PARTITIONS = 4
LAYOUT = Layout(partitions=PARTITIONS, received_partitions=PARTITIONS)
COMMIT_INTERVAL_SECONDS = 0.25


class Outgoing(NamedTuple):
    """A record to be sent."""

    topic: str
    partition: int
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


@dataclass
class Site:
    """Topics under a prefix of their own, and the workers that were started so far."""

    bootstrap: str
    folder: Path
    monitor: Monitor
    topics: Topics
    workers: list[Worker] = field(default_factory=list)

    @property
    def client(self) -> dict[str, Any]:
        """The options of a Kafka client."""
        return {"bootstrap_servers": self.bootstrap}

    @property
    def group(self) -> str:
        """The consumer group of the workers."""
        return f"{self.topics.prefix}claimstream"

    @property
    def outcomes(self) -> tuple[str, ...]:
        """The topics of decisions."""
        return self.topics.accepted, self.topics.flagged, self.topics.denied_risk

    @property
    def running(self) -> list[Worker]:
        """The workers that have not ended."""
        return [worker for worker in self.workers if worker.running]

    async def start(self) -> Worker:
        """Start one more worker."""
        key_file = self.folder / "token.key"
        key_file.write_bytes(KEY)
        settings = {
            "BROKER__BOOTSTRAP": self.bootstrap,
            "BROKER__PREFIX": self.topics.prefix,
            "BROKER__PARTITIONS": str(PARTITIONS),
            "BROKER__RECEIVED_PARTITIONS": str(PARTITIONS),
            "BROKER__COMMIT_INTERVAL_SECONDS": str(COMMIT_INTERVAL_SECONDS),
            "BROKER__SESSION_TIMEOUT_SECONDS": "6",
            "TOKEN_KEY_FILE": str(key_file),
            "HTTP__PORT": "0",
            "SOURCES": ",".join(SOURCES),
            "PACKS": str(PACKS),
        }
        worker = await start_worker(settings, self.folder / f"worker-{len(self.workers)}.log")
        self.workers.append(worker)
        return worker

    async def stop_workers(self) -> None:
        """Stop those that run, in good order; raise WorkerEnded when one did not end well."""
        await asyncio.gather(*(worker.terminate() for worker in self.running))
        self.require_workers()

    def require_workers(self) -> None:
        """Raise WorkerEnded when one ended that nobody ended."""
        for worker in self.workers:
            worker.require_expected()

    async def send(self, records: Iterable[Outgoing]) -> None:
        """Send records, and return when the broker has all of them."""
        async with open_producer(self.client) as producer:
            sent = [
                await producer.send(
                    each.topic, each.value, key=each.key, partition=each.partition, headers=each.headers
                )
                for each in records
            ]
            await asyncio.gather(*sent)

    async def ends(self, *names: str) -> dict[TopicPartition, int]:
        """The ends of the partitions of topics."""
        return await self.monitor.ends(TopicPartition(name, n) for name in names for n in range(PARTITIONS))

    async def done_but(self, records: int) -> None:
        """Return when of what stands on the topics that are read no more than so many records are not committed."""

        async def look() -> tuple[bool, str]:
            self.require_workers()
            committed = await self.monitor.committed(self.group)  # first: what is committed has its outputs in the log
            ends = await self.ends(self.topics.received, self.topics.patient_events)
            behind = sum(end - committed.get(tp, 0) for tp, end in ends.items())
            return behind <= records, f"{behind} records are not done"

        await until("the workers", look)

    async def rewind(self, offsets: Mapping[int, int]) -> None:
        """Let the group begin again at offsets of the log, by partition; no worker runs."""
        async with open_consumer(self.client, self.group) as consumer:
            tps = {TopicPartition(self.topics.patient_events, n): offset for n, offset in offsets.items()}
            consumer.assign(list(tps))
            await consumer.commit(tps)

    async def read(self, *names: str) -> dict[str, dict[int, list[ConsumerRecord]]]:
        """Every record of topics, by topic and partition."""
        found: dict[str, dict[int, list[ConsumerRecord]]] = {}
        for name, records in (await read_all(self.bootstrap, names)).items():
            found[name] = defaultdict(list)
            for record in records:
                found[name][record.partition].append(record)
        return found

    def as_logged(self, made: Made) -> Outgoing:
        """A record for the log, as intake would write it."""
        record = logged(made, 0)
        partition = partition_of(record.key, PARTITIONS)
        return Outgoing(self.topics.patient_events, partition, record.key, record.value, list(record.headers))

    def as_received(self, made: Made) -> Outgoing:
        """A record for `claims.received`, as a sender sends it."""
        key, headers = made.source.encode(), h.written({h.SOURCE: made.source})
        return Outgoing(self.topics.received, zlib.crc32(made.value) % PARTITIONS, key, made.value, headers)


@asynccontextmanager
async def new_site(folder: Path) -> AsyncIterator[Site]:
    """A broker with the topics of the contract; in the end no process is left."""
    kafka = EmbeddedKafka(folder / "kafka")
    await asyncio.to_thread(kafka.start)
    monitor = Monitor(kafka.bootstrap)
    site = Site(kafka.bootstrap, folder, monitor, Topics("recount."))
    try:
        await apply_topics(site.bootstrap, site.topics, LAYOUT)
        yield site
    finally:
        for worker in site.running:
            await worker.kill()
        await monitor.close()
        await asyncio.to_thread(kafka.stop)


def seconds_since(began: float) -> float:
    """Of the clock that only goes forward, to the tenth."""
    return round(clock.monotonic() - began, 1)
