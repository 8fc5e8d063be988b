"""Sends the feed of the demo to a broker, at a pace."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from streams import headers as h
from streams.demo.generator import FeedRecord
from streams.feeding.sending import Outgoing, Sender, open_producer


@dataclass(slots=True)
class Sent:
    """How much was sent so far; `done` once all of it was acknowledged."""

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
    async with open_producer({"bootstrap_servers": bootstrap}) as producer:
        await Sender(producer, topic, rate=rate).send(_counted(records, sent), lambda _acknowledged: None)
    sent.done = True


def _counted(records: Iterable[FeedRecord], sent: Sent) -> Iterator[Outgoing]:
    for record in records:
        sent.records += 1
        sent.items += record.items
        yield Outgoing(record.value, record.source.encode(), headers_of(record), record.items)
