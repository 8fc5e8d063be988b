"""Sends the feed to a broker, at a pace."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer

from streams import clock
from streams import headers as h
from streams.demo.generator import FeedRecord

MOST_BYTES = 16 << 20


@dataclass(slots=True)
class Sent:
    """How much was sent and acknowledged so far; `done` once that is all."""

    records: int = 0
    items: int = 0
    done: bool = False


def headers_of(record: FeedRecord) -> h.Headers:
    """The headers a record of the feed is sent under."""
    texts = {h.SOURCE: record.source, h.RECEIVED_ON: record.received_on.isoformat()}
    if record.content_type is not None:
        texts[h.CONTENT_TYPE] = record.content_type
    return h.written(texts)


async def send(records: Iterable[FeedRecord], bootstrap: str, topic: str, sent: Sent, *, rate: float = 0) -> None:
    """Send `records` in order, at most `rate` claims a second (0: as fast as it goes), and count them in `sent`.

    The key is the source, so that the claims of a source stay in order.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, linger_ms=5, max_request_size=MOST_BYTES
    )
    try:
        await producer.start()
        started = clock.monotonic()
        waiting = []
        for record in records:
            key = record.source.encode()
            waiting.append(await producer.send(topic, record.value, key=key, headers=headers_of(record)))
            sent.records += 1
            sent.items += record.items
            ahead = sent.items / rate - (clock.monotonic() - started) if rate else 0
            if ahead > 0 or len(waiting) >= 500:
                await asyncio.gather(*waiting)
                waiting.clear()
                await asyncio.sleep(max(0.0, ahead))
        await asyncio.gather(*waiting)
    finally:
        await producer.stop()
    sent.done = True
