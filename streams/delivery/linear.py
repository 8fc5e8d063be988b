"""Topics read linearly up to an end that was fixed before, outside any group: it disturbs nobody's offsets."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError

from streams.chunks import Record
from streams.clients import UnknownTopicError
from streams.delivery.audit.rows import Place

MOST_RECORDS = 5000

Spans = Mapping[Any, range]
"""Offsets to read, by partition (`TopicPartition`)."""


async def read(consumer: Any, spans: Spans, stop: asyncio.Event | None = None) -> AsyncIterator[Sequence[Record]]:
    """Every record of these offsets, in order within a partition, some at a time; no more of them after `stop`."""
    left = {tp: span for tp, span in spans.items() if span}
    consumer.assign(list(left))
    for tp, span in left.items():
        consumer.seek(tp, span.start)
    # The position, not the last record: transactions end in markers, and compaction leaves gaps.
    while left := {tp: span for tp, span in left.items() if await consumer.position(tp) < span.stop}:
        if stop is not None and stop.is_set():
            return
        fetched = await consumer.getmany(*left, timeout_ms=500, max_records=MOST_RECORDS)
        for tp, records in fetched.items():
            yield [record for record in records if record.offset < left[tp].stop]


async def merged(consumer: Any, spans: Spans) -> AsyncIterator[Record]:
    """Every record of these offsets in one order, however it is fetched: broker time, then partition, then offset.

    Where the time goes back within a partition its records keep their order.
    """
    left = {tp: span for tp, span in spans.items() if span}
    waiting: dict[Any, deque[Record]] = {tp: deque() for tp in left}
    heads: list[tuple[int, int, int, Any]] = []
    consumer.assign(list(left))
    for tp, span in left.items():
        consumer.seek(tp, span.start)
    hungry = set(left)
    while hungry or heads:
        while hungry:  # the next one is known only when the first of each partition is
            for tp, records in (await consumer.getmany(*hungry, timeout_ms=500, max_records=MOST_RECORDS)).items():
                waiting[tp].extend(record for record in records if record.offset < left[tp].stop)
            for tp in tuple(hungry):
                if waiting[tp]:
                    heappush(heads, _place_in_time(tp, waiting[tp][0]))
                    hungry.discard(tp)
                elif await consumer.position(tp) >= left[tp].stop:
                    hungry.discard(tp)
        if heads:
            *_, tp = heappop(heads)
            yield waiting[tp].popleft()
            if waiting[tp]:
                heappush(heads, _place_in_time(tp, waiting[tp][0]))
            else:
                hungry.add(tp)


def _place_in_time(tp: Any, record: Record) -> tuple[int, int, int, Any]:
    return record.timestamp, tp.partition, record.offset, tp


async def spans_between(
    consumer: Any, tps: Sequence[Any], start_ms: int | None, end_ms: int | None
) -> dict[Any, range]:
    """What partitions hold from one broker time to another, None for no bound; the end is that of now at the latest."""
    ends = await consumer.end_offsets(tps)
    stops = ends if end_ms is None else await _at(consumer, ends, end_ms)
    starts = await consumer.beginning_offsets(tps) if start_ms is None else await _at(consumer, ends, start_ms)
    return {tp: range(starts[tp], max(starts[tp], min(stops[tp], ends[tp]))) for tp in tps}


async def _at(consumer: Any, ends: Mapping[Any, int], instant_ms: int) -> dict[Any, int]:
    found = await consumer.offsets_for_times(dict.fromkeys(ends, instant_ms))
    return {tp: end if found.get(tp) is None else min(end, found[tp].offset) for tp, end in ends.items()}


async def partitions_of(admin: AIOKafkaAdminClient, topics: Iterable[str]) -> dict[str, list[Any]]:
    """The partitions of each topic, by number. Raises UnknownTopicError for one there is not; never creates it."""
    names = list(topics)
    found = {each["topic"]: each["partitions"] for each in await admin.describe_topics() if each["topic"] in names}
    for name in names:
        if name not in found:
            raise UnknownTopicError(
                f"topic {name} does not exist; run `claimstream topics apply`, or correct the prefix"
            )
    return {
        name: [TopicPartition(name, each) for each in sorted(p["partition"] for p in found[name])] for name in names
    }


async def committed_by(admin: AIOKafkaAdminClient, group: str) -> dict[Place, int]:
    """The next offset a group will read, by topic and partition, where it has committed one."""
    try:
        offsets = await admin.list_consumer_group_offsets(group)
    except GroupCoordinatorNotAvailableError:
        return {}  # of a broker that has not met a group yet
    return {(tp.topic, tp.partition): found.offset for tp, found in offsets.items() if found.offset >= 0}
