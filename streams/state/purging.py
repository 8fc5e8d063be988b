"""Forgetting a patient: a request in the patient's log, the worker's proof in the changelog, what remains elsewhere.

The request stands in the log like all else, so that whoever reads the log again forgets at the same place.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from schemas.codec import content_type
from schemas.purge import Purge as PurgeRequest
from streams import headers as h
from streams.clients import open_producer
from streams.intake.arrival import event_id
from streams.replay.window import Bound
from streams.state import changelog
from streams.state.entry import Purge
from streams.topic_layout import DAY_MS, Topic


@dataclass(frozen=True, slots=True)
class Request:
    """A purge of one patient, as it stands in the log."""

    token: str
    event_id: str
    value: bytes
    arrived_ms: int

    @classmethod
    def at(cls, token: str, now_ms: int) -> "Request":
        """The request of this instant, in ms."""
        value = PurgeRequest(requested_at=str(Bound(instant_ms=now_ms))).model_dump_json().encode()
        return cls(token, event_id(token, (value,)), value, now_ms)

    def headers(self) -> h.Headers:
        """What makes it a record of the log."""
        arrived = {h.EVENT_ID: self.event_id, h.ARRIVED_MS: str(self.arrived_ms)}
        return h.written({h.CONTENT_TYPE: content_type("purge"), **arrived})

    async def send(self, client: Mapping[str, Any], topic: str, partition: int) -> int:
        """Write it to the log; its offset there."""
        async with open_producer(client) as producer:
            sent = await producer.send_and_wait(
                topic, self.value, key=self.token.encode(), partition=partition, headers=self.headers()
            )
        return int(sent.offset)


async def proof_of(consumer: Any, tp: Any, since: int, request: Request, wait_seconds: float) -> Purge | None:
    """The worker's proof, once it stands in a partition of the changelog; None when it does not come in time."""
    key = changelog.key_of(request.token, request.event_id)
    consumer.assign([tp])
    consumer.seek(tp, since)
    try:
        async with asyncio.timeout(wait_seconds):
            while True:
                for record in (await consumer.getmany(tp, timeout_ms=500)).get(tp, ()):
                    if record.key == key:
                        return changelog.decode(bytes.fromhex(request.event_id), record.value, None).purge
    except TimeoutError:
        return None


class Remains(NamedTuple):
    """What a topic still holds of a patient: kept for so many days, and gone by a day at the latest."""

    topic: str
    days: int
    until: date


def remains(topics: tuple[Topic, ...], today: date) -> Iterator[Remains]:
    """Where records of a patient remain that were written until today."""
    for topic in topics:
        config = {name: int(text) for name, text in topic.config.items() if name.endswith(".ms")}
        if "retention.ms" in config:
            kept_ms = config["retention.ms"]
        else:
            kept_ms = config["max.compaction.lag.ms"] + config["delete.retention.ms"]
        # Only a segment that is closed goes.
        latest_ms = kept_ms + config["segment.ms"]
        yield Remains(topic.name, kept_ms // DAY_MS, today + timedelta(days=-(-latest_ms // DAY_MS)))
