"""One trace: the topics read linearly, each once, in the order in which a claim passes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from streams.clients import open_admin
from streams.delivery.audit.run import Passed
from streams.delivery.linear import Spans, partitions_of, read, spans_between
from streams.delivery.trace.steps import Trace
from streams.topic_layout import Topics


@dataclass(frozen=True, slots=True)
class Asked:
    """Which claim number to follow, and between which broker times in ms (None: no bound) its records stand."""

    names: Topics
    claim_id: str
    start_ms: int | None = None
    end_ms: int | None = None


async def pinned(consumer: Any, client: Mapping[str, Any], asked: Asked) -> dict[str, Spans]:
    """What to read, by topic. Raises UnknownTopicError.

    The log's end is fixed first, so that the decision of a claim found there may stand behind what is read of the
    outcomes only where the worker is not done with it.
    """
    topics = Trace(asked.names, asked.claim_id).topics
    async with open_admin(client) as admin:
        partitions = await partitions_of(admin, topics)
    return {topic: await spans_between(consumer, partitions[topic], asked.start_ms, asked.end_ms) for topic in topics}


async def follow(consumer: Any, spans: Mapping[str, Spans], asked: Asked, passed: Passed) -> Trace:
    """Read the topics and keep what is about the claim."""
    trace = Trace(asked.names, asked.claim_id)
    for topic in trace.topics:
        async for records in read(consumer, spans[topic]):
            for record in records:
                trace.take(record)
            passed(len(records))
    return trace
