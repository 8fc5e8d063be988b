"""The state of the partitions this worker holds, rebuilt from the changelog before their first claim is decided."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.chunks.trouble import concerns, told
from streams.sealing import Seal
from streams.state.patients import Patients
from validators.ruleset import StateTerms

log = logging.getLogger(__name__)

FIRST_DELAY_SECONDS = 0.1
LONGEST_DELAY_SECONDS = 5.0


class Store:
    """Patients by partition, rebuilt afresh on each assignment: another worker may have moved on meanwhile."""

    def __init__(self, changelog_topic: str, client: Mapping[str, Any], seal: Seal, terms: StateTerms) -> None:
        """`client` are the options of a Kafka client."""
        self._topic = changelog_topic
        self._client = client
        self._seal, self._terms = seal, terms
        self._partitions: dict[int, Patients] = {}
        self._rebuilding: dict[int, asyncio.Task[None]] = {}
        self.records_read = 0  # of all rebuilds so far: whether a rebuild moves
        self.on_retry: Callable[[int, Exception], None] = lambda _partition, _exc: None

    def of(self, partition: int) -> Patients:
        """The state of a warm partition."""
        return self._partitions[partition]

    @property
    def warm(self) -> bool:
        """Whether every assigned partition has its state."""
        return self._rebuilding.keys() <= self._partitions.keys()

    def events(self) -> int:
        """How many events are kept in all partitions."""
        return sum(patients.events for patients in self._partitions.values())

    def patients(self) -> int:
        """How many members are known in all partitions."""
        return sum(map(len, self._partitions.values()))

    def assigned(self, partitions: set[int]) -> None:
        """Begin to rebuild the state of partitions, and try again until it is there or they are revoked."""
        for partition in partitions:
            self._rebuilding[partition] = asyncio.ensure_future(self._rebuild(partition))

    def revoked(self, partitions: set[int]) -> None:
        """Let go of partitions."""
        for partition in partitions:
            self._partitions.pop(partition, None)
            if (task := self._rebuilding.pop(partition, None)) is not None:
                task.cancel()

    async def ready(self, partition: int) -> None:
        """Return when a partition is warm; cancelled when it is revoked first."""
        await asyncio.shield(self._rebuilding[partition])

    async def _rebuild(self, partition: int) -> None:
        seconds = FIRST_DELAY_SECONDS
        while True:
            try:
                patients = await self._read(partition)
            except Exception as exc:  # noqa: BLE001 - whatever it is, an idle partition asks nobody else to try again
                self._tell(partition, exc, seconds)
                await asyncio.sleep(seconds)
                seconds = min(seconds * 2, LONGEST_DELAY_SECONDS)
            else:
                self._partitions[partition] = patients
                log.info("state of partition %s rebuilt: %s events", partition, patients.events)
                return

    def _tell(self, partition: int, exc: Exception, seconds: float) -> None:
        concerns(exc, self._topic)
        log.warning(
            "the state of partition %s cannot be rebuilt, next try in %.1f s: %s", partition, seconds, told(exc)
        )
        self.on_retry(partition, exc)

    async def _read(self, partition: int) -> Patients:
        patients = Patients(self._seal, self._terms)
        tp = TopicPartition(self._topic, partition)
        consumer = AIOKafkaConsumer(
            **self._client, isolation_level="read_committed", enable_auto_commit=False, auto_offset_reset="earliest"
        )
        try:
            await consumer.start()
            consumer.assign([tp])
            await consumer.seek_to_beginning(tp)
            end = (await consumer.end_offsets([tp]))[tp]
            # The position, not the last record: compaction leaves gaps, and transactions end in markers.
            while await consumer.position(tp) < end:
                for records in (await consumer.getmany(tp, timeout_ms=500)).values():
                    self.records_read += len(records)
                    for record in records:
                        patients.restore(record.key, record.value)
                    await asyncio.sleep(0)
        finally:
            await consumer.stop()
        return patients
