"""One audit: its window pinned, then each topic read once into rows, and the rows joined.

A busy worker makes no false alarm, for what it has committed is asked before the ends of its outputs: the outputs of
all that is committed stand before those ends. The ends of effects are asked before those of their causes, so that the
cause of whatever is read is read too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streams.clients import open_admin
from streams.delivery.audit.account import Account, Found
from streams.delivery.audit.rows import Reading, Scope, audited
from streams.delivery.audit.spill import open_spill
from streams.delivery.linear import committed_by, partitions_of, read, spans_between
from streams.replay.window import Bound
from streams.topic_layout import Topics

CLOCKS_MS = 60_000
"""How much earlier than its input an output is looked for: two brokers stamp them, each by its own clock."""

Passed = Callable[[int], None]
"""Is told how many offsets more have been read."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What to audit: the topics, the worker's group, and broker times of received records in ms (None: no bound)."""

    names: Topics
    group: str
    start_ms: int | None = None
    end_ms: int | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Window:
    """What an audit reads: offsets by partition in `spans`, and what makes it narrower than asked in `warnings`."""

    scope: Scope
    spans: Mapping[Any, range]
    warnings: Sequence[str]

    @property
    def records(self) -> int:
        """How many offsets there are to read."""
        return sum(map(len, self.spans.values()))


async def open_window(consumer: Any, client: Mapping[str, Any], asked: Asked) -> Window:
    """Pin the window. Raises UnknownTopicError."""
    async with open_admin(client) as admin:
        partitions = await partitions_of(admin, audited(asked.names))
        committed = await committed_by(admin, asked.group)
    received = asked.names.received
    start_ms, warnings = await _narrowed(consumer, partitions, asked)
    since_ms = None if start_ms is None else max(0, start_ms - CLOCKS_MS)
    spans: dict[Any, range] = {}
    for topic in _effects_first(asked.names):
        spans |= await spans_between(consumer, partitions[topic], since_ms, None)
    spans |= await spans_between(consumer, partitions[received], start_ms, asked.end_ms)
    if not any(topic == received for topic, _ in committed):
        warnings.append(
            f"the consumer group {asked.group} has committed nothing: what lacks an outcome counts as in progress"
        )
    of_received = {tp.partition: spans[tp] for tp in partitions[received]}
    whole = start_ms is None and asked.end_ms is None and not any(span.start for span in of_received.values())
    return Window(Scope(asked.names, of_received, committed, whole), spans, warnings)


async def conserve(consumer: Any, window: Window, asked: Asked, passed: Passed) -> Account:
    """Read the window and make the account."""
    reading, account = Reading(window.scope), Account(asked.names, window.scope.whole, asked.limit)
    with open_spill() as spill:
        for topic in audited(asked.names):
            spans = {tp: span for tp, span in window.spans.items() if tp.topic == topic}
            async for records in read(consumer, spans):
                for record in records:
                    spill.add(reading.rows(record))
                passed(len(records))
        for rows in spill.ranges():
            account.take(rows)
    account.examples.sort(key=Found.place)
    return account


def _effects_first(names: Topics) -> Sequence[str]:
    received, manifests, received_dlt, log, log_dlt, *outcomes = audited(names)
    del received
    return (*outcomes, log_dlt, log, received_dlt, manifests)


async def _narrowed(
    consumer: Any, partitions: Mapping[str, Sequence[Any]], asked: Asked
) -> tuple[int | None, list[str]]:
    """The start the topics still know about, and what to tell of one that lies before it."""
    start_ms, warnings = asked.start_ms, list[str]()
    _, manifests, _, log, _, *outcomes = audited(asked.names)
    for topic in (manifests, log, *outcomes):
        since = await _holds_since(consumer, partitions[topic])
        if since is not None and since > (start_ms or 0):
            start_ms = since
            warnings.append(f"{topic} holds nothing before {Bound(instant_ms=since)}: the window begins there")
    since = await _holds_since(consumer, partitions[asked.names.received])
    if since is not None and since > (start_ms or 0):
        at = Bound(instant_ms=since)
        warnings.append(f"{asked.names.received} holds nothing before {at}: what came earlier is not in this audit")
    return start_ms, warnings


async def _holds_since(consumer: Any, tps: Sequence[Any]) -> int | None:
    """The broker time from which a topic is complete; None when nothing of it was deleted, or nothing is left.

    A quiet partition tells little of when it was cut, so the earliest record of any partition that was counts.
    """
    cut = [tp for tp, first in (await consumer.beginning_offsets(tps)).items() if first > 0]
    if not cut:
        return None
    found = await consumer.offsets_for_times(dict.fromkeys(cut, 0))
    return min((each.timestamp for each in found.values() if each is not None), default=None)
