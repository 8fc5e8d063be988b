"""Reads topics from their first record to their last, in line and outside any group: it disturbs nobody's offsets."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer

MOST_RECORDS = 5000
STOP_SECONDS = 5.0


class LinearReader:
    """Reads whole topics, oldest record first in each partition. Made by `open_reader`."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer

    async def more(self, wait_ms: int) -> list[Any]:
        """Records that were not given yet; waits up to `wait_ms` for the first of them."""
        fetched = await self._consumer.getmany(timeout_ms=wait_ms, max_records=MOST_RECORDS)
        return [record for records in fetched.values() for record in records]

    async def to_the_end(self) -> AsyncIterator[Any]:
        """Every record up to the ends the topics have now."""
        ends = await self._consumer.end_offsets(self._consumer.assignment())
        while await self._behind(ends):
            for record in await self.more(500):
                yield record

    async def _behind(self, ends: dict[Any, int]) -> bool:
        # The position, not the last record: transactions end in markers, and compaction leaves gaps.
        for partition, end in ends.items():
            if await self._consumer.position(partition) < end:
                return True
        return False


@asynccontextmanager
async def open_reader(bootstrap: str, topics: Iterable[str]) -> AsyncIterator[LinearReader]:
    """A reader at the beginning of `topics`, which exist."""
    consumer = AIOKafkaConsumer(
        *topics,  # without a group it takes all their partitions
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
    )
    try:
        await consumer.start()
        yield LinearReader(consumer)
    finally:
        # Stopped while its broker is away, it raises the CancelledError of a task of its own: nobody cancelled us.
        await asyncio.wait([asyncio.ensure_future(consumer.stop())], timeout=STOP_SECONDS)


async def read_all(bootstrap: str, topics: Iterable[str]) -> list[Any]:
    """Every record the topics hold now."""
    async with open_reader(bootstrap, topics) as reader:
        return [record async for record in reader.to_the_end()]
