"""Kafka clients of the commands that read and write beside the workers, and their trouble as sentences of ours."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    NodeNotReadyError,
    OffsetOutOfRangeError,
    RequestTimedOutError,
)

from streams.chunks.producer import BATCH_BYTES, REQUEST_BYTES
from streams.connecting import CONNECT_SECONDS, BrokerRefused, BrokerUnreachable, not_connected

FETCH_BYTES = 4 << 20
"""A fetch of a partition; a larger record comes alone."""

STOP_SECONDS = 5.0
_AWAY = (KafkaConnectionError, KafkaTimeoutError, NodeNotReadyError, RequestTimedOutError, OSError)


class UnknownTopicError(Exception):
    """A topic that was named and does not exist."""


@contextmanager
def trouble_told(bootstrap: str, client: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Trouble with the broker leaves as BrokerUnreachable or BrokerRefused, one sentence each.

    Stands around an event loop, not in one: with `client`, the options of a Kafka client, it connects once more to say
    why that one could not.
    """
    try:
        yield
    except OffsetOutOfRangeError as error:
        raise BrokerRefused("the topic no longer holds what was to be read next: its retention has passed") from error
    except _AWAY as error:
        refused = asyncio.run(not_connected(client)) if client else None
        if isinstance(refused, BrokerRefused):
            raise refused from error
        raise BrokerUnreachable(
            f"no Kafka broker answers at {bootstrap} ({type(error).__name__}); start it, or set "
            "CLAIMSTREAM_BROKER__BOOTSTRAP to its address"
        ) from error
    except KafkaError as error:
        raise BrokerRefused(f"the Kafka broker at {bootstrap} refused: {error}; look at the broker's log") from error


@asynccontextmanager
async def open_consumer(
    client: Mapping[str, Any], group: str | None = None, *, fetch_bytes: int = FETCH_BYTES
) -> AsyncIterator[Any]:
    """A consumer whose partitions and positions are set by hand; `group` only keeps what is committed.

    `fetch_bytes` are held of each partition.
    """
    consumer = AIOKafkaConsumer(
        **client,
        group_id=group,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=fetch_bytes,
        fetch_max_wait_ms=100,
    )
    async with _running(consumer):
        yield consumer


@asynccontextmanager
async def open_producer(client: Mapping[str, Any]) -> AsyncIterator[Any]:
    """An idempotent producer of whole batches, as the worker's."""
    producer = AIOKafkaProducer(
        **client,
        acks="all",
        enable_idempotence=True,
        compression_type="zstd",
        max_batch_size=BATCH_BYTES,
        max_request_size=REQUEST_BYTES,
    )
    async with _running(producer):
        yield producer


async def deliver(producer: Any, batches: Mapping[tuple[str, int], Sequence[Any]]) -> None:
    """Send the batches of each topic and partition, one after the other; returns when the broker has all of them.

    None goes before the one ahead of it is confirmed: what is not there ends a partition, and leaves no gap in it.
    """

    async def in_order(topic: str, partition: int, of_one: Sequence[Any]) -> None:
        for batch in of_one:
            await (await producer.send_batch(batch, topic, partition=partition))

    await asyncio.gather(*(in_order(*place, of_one) for place, of_one in batches.items()))


@asynccontextmanager
async def open_admin(client: Mapping[str, Any]) -> AsyncIterator[Any]:
    """A client that asks about topics and groups."""
    async with _running(admin := AIOKafkaAdminClient(**client)):
        yield admin


@asynccontextmanager
async def _running(client: Any) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await client.start()
        yield
    finally:
        # With the broker away stopping would wait for ever; what is not confirmed was not committed either.
        stopping = client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop()
        await asyncio.wait([asyncio.ensure_future(stopping)], timeout=STOP_SECONDS)


async def require_topic(consumer: Any, topic: str) -> None:
    """Raise UnknownTopicError for a topic that does not exist; never creates it."""
    if topic not in await consumer.topics():
        raise UnknownTopicError(f"topic {topic} does not exist; name another one, or run `claimstream topics apply`")


async def partitions_of(client: Mapping[str, Any], topic: str) -> int:
    """How many partitions a topic that exists has."""
    async with open_admin(client) as admin:
        (described,) = await admin.describe_topics([topic])
        return len(described["partitions"])
