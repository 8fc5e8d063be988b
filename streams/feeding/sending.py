"""The one way records are sent to a broker: in order, acknowledged, at a pace, with little in flight."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError

from streams import clock
from streams import headers as h

MOST_BYTES = 16 << 20
"""The largest request, and so more than the largest record: `claims.received` takes 16 MiB."""

IN_FLIGHT_RECORDS = 500
IN_FLIGHT_BYTES = 32 << 20
STOP_SECONDS = 10.0
ANSWER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to be sent; `claims` is how many it is counted as where a pace is kept."""

    value: bytes
    key: bytes
    headers: h.Headers
    claims: int = 1


@asynccontextmanager
async def open_producer(client: Mapping[str, Any]) -> AsyncIterator[AIOKafkaProducer]:
    """A producer that waits for all replicas and repeats nothing; `client` is what every Kafka client is made with."""
    producer = AIOKafkaProducer(
        acks="all", enable_idempotence=True, linger_ms=5, max_request_size=MOST_BYTES, **dict(client)
    )
    try:
        await producer.start()
        yield producer
    finally:
        # One whose broker is gone would take its time.
        await asyncio.wait([asyncio.ensure_future(producer.stop())], timeout=STOP_SECONDS)


class Sender:
    """Sends records of one topic in order, at most `rate` claims a second (0: as fast as it goes)."""

    def __init__(self, producer: AIOKafkaProducer, topic: str, *, rate: float = 0) -> None:
        self._producer = producer
        self._topic = topic
        self._rate = rate
        self._started = clock.monotonic()
        self._claims = 0

    async def send(self, records: Iterable[Outgoing], acknowledged: Callable[[int], None]) -> None:
        """Send all of them; `acknowledged(n)` is told of n more, in their order, as the broker has them.

        Ended early, by a cancellation or by a record the broker refuses, it tells of all that went well before.
        """
        waiting: deque[tuple[asyncio.Future[Any], int]] = deque()
        size = 0
        try:
            for record in records:
                future = await self._producer.send(self._topic, record.value, key=record.key, headers=record.headers)
                waiting.append((future, len(record.value)))
                size += len(record.value)
                self._claims += record.claims
                ahead = self._claims / self._rate - (clock.monotonic() - self._started) if self._rate else 0
                while waiting and (ahead > 0 or len(waiting) >= IN_FLIGHT_RECORDS or size >= IN_FLIGHT_BYTES):
                    await _answer(waiting[0][0])
                    size -= _settle(waiting, acknowledged)
                await asyncio.sleep(max(0.0, ahead))
            while waiting:
                await _answer(waiting[0][0])
                _settle(waiting, acknowledged)
        finally:
            if waiting:
                await asyncio.wait([future for future, _ in waiting], timeout=STOP_SECONDS)
                _settle(waiting, acknowledged)


async def _answer(future: asyncio.Future[Any]) -> None:
    """Wait for the broker. Raises KafkaTimeoutError when it has been silent for long."""
    await asyncio.wait([future], timeout=ANSWER_SECONDS)
    if not future.done():
        raise KafkaTimeoutError(f"no answer for {ANSWER_SECONDS:.0f} s")
    future.result()


def _settle(waiting: deque[tuple[asyncio.Future[Any], int]], acknowledged: Callable[[int], None]) -> int:
    """Take off what was acknowledged from the front, and tell of it; its bytes."""
    records = size = 0
    while waiting and _went_well(waiting[0][0]):
        records, size = records + 1, size + waiting.popleft()[1]
    if records:
        acknowledged(records)
    return size


def _went_well(future: asyncio.Future[Any]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None
