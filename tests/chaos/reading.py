"""Reading topics linearly, from beginning to end, apart from every consumer group."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streams.topics import Topics
from tests.chaos.accounts import Found

OUTCOMES = ("accepted", "flagged", "denied-risk")


async def read_all(bootstrap: str, names: Sequence[str]) -> dict[str, list[ConsumerRecord]]:
    """Every committed record of the topics, by topic, each partition in order."""
    records: dict[str, list[ConsumerRecord]] = {name: [] for name in names}
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=20 << 20,
        fetch_max_wait_ms=50,
    )
    await consumer.start()
    try:
        partitions = [
            TopicPartition(name, n) for name, count in (await counts(bootstrap, names)).items() for n in range(count)
        ]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        while any([await consumer.position(tp) < ends[tp] for tp in partitions]):
            for tp, batch in (await consumer.getmany(timeout_ms=200)).items():
                records[tp.topic] += batch
                await asyncio.sleep(0)
    finally:
        await consumer.stop()
    return records


async def counts(bootstrap: str, names: Sequence[str]) -> dict[str, int]:
    """How many partitions each of the topics that are there has."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        described = await admin.describe_topics()
    finally:
        await admin.close()
    return {each["topic"]: len(each["partitions"]) for each in described if each["topic"] in names}


class Monitor:
    """Ends of topics and what a group has committed, asked often; waits while the broker is away."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._clients: tuple[AIOKafkaConsumer, AIOKafkaAdminClient] | None = None

    async def ends(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The end of each partition, that of an open transaction too."""
        wanted = list(partitions)
        while True:
            try:
                consumer, _ = await self._connected()
                ends: dict[TopicPartition, int] = await consumer.end_offsets(wanted)
            except (KafkaError, OSError):
                await self._try_again()
            else:
                return ends

    async def committed(self, group: str) -> dict[TopicPartition, int]:
        """What a group has committed, by partition."""
        while True:
            try:
                _, admin = await self._connected()
                offsets = await admin.list_consumer_group_offsets(group)
            except (KafkaError, OSError, KeyError):  # a KeyError of the client while there is no coordinator
                await self._try_again()
            else:
                return {tp: found.offset for tp, found in offsets.items()}

    async def members(self, group: str) -> tuple[str, int]:
        """The state of a group, and how many members it has."""
        while True:
            try:
                _, admin = await self._connected()
                [answer] = await admin.describe_consumer_groups([group])
            except (KafkaError, OSError):
                await self._try_again()
            else:
                _, _, state, _, _, members, *_ = answer.groups[0]
                return state, len(members)

    async def close(self) -> None:
        """Let go of the connections."""
        clients, self._clients = self._clients, None
        if clients is not None:
            with suppress(KafkaError, OSError):
                await clients[0].stop()
                await clients[1].close()

    async def _connected(self) -> tuple[AIOKafkaConsumer, AIOKafkaAdminClient]:
        if self._clients is None:
            options = {"bootstrap_servers": self._bootstrap, "request_timeout_ms": 3000}
            self._clients = (
                AIOKafkaConsumer(**options),
                AIOKafkaAdminClient(**options),
            )
            await self._clients[0].start()
            await self._clients[1].start()
        return self._clients

    async def _try_again(self) -> None:
        await self.close()
        await asyncio.sleep(0.2)


async def read_found(bootstrap: str, topics: Topics, before: Mapping[str, Sequence[ConsumerRecord]]) -> Found:
    """Everything a scenario left; `before` are the records of topics that were deleted meanwhile."""
    outcomes = {outcome: topics.outcome(outcome) for outcome in OUTCOMES}
    singles = (
        topics.received,
        topics.received_dlt,
        topics.manifests,
        topics.patient_events,
        topics.patient_events_dlt,
        topics.state_changelog,
    )
    read = await read_all(bootstrap, (*singles, *outcomes.values()))
    for name, records in before.items():
        read[name] = [*records, *read[name]]
    received, received_dead, manifests, log, log_dead, changelog = (read[name] for name in singles)
    return Found(
        received=received,
        received_dead=received_dead,
        manifests=manifests,
        log=log,
        log_dead=log_dead,
        decisions={outcome: read[name] for outcome, name in outcomes.items()},
        changelog=changelog,
    )
