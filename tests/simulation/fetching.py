"""Fetching as aiokafka does it, over the model broker.

Mirrors `aiokafka.consumer.fetcher`: of `Fetcher` `_fetch_requests_routine`, `_proc_fetch_request`,
`_update_fetch_positions` and `fetched_records`, and `FetchResult.getall`; with the same awaits, around aiokafka's own
`SubscriptionState`.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import KafkaError, NoOffsetForPartitionError
from faust.types.tuples import TP

from tests.simulation.broker import BACKOFF_SECONDS, Broker, Entry
from tests.simulation.network import Connection

PREFETCH_SECONDS = 0.1


class InputRecord(NamedTuple):
    """One record as aiokafka would give it."""

    topic: str
    partition: int
    offset: int
    value: bytes
    key: bytes | None = None
    timestamp: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


class Buffered:
    """aiokafka's FetchResult: what a fetch brought for one partition and nobody took yet."""

    def __init__(self, tp: TP, assignment: Any, position: int, entries: list[Entry], now: float) -> None:
        self.tp, self.assignment, self.position, self.entries, self.since = tp, assignment, position, entries, now

    def take(self) -> list[InputRecord]:
        if not self.assignment.active:
            return []
        state = self.assignment.state_value(self.tp)
        if state.position != self.position:
            return []
        state.consumed_to(self.entries[-1].next_offset)
        wanted = [entry for entry in self.entries if entry.value is not None and entry.offset >= self.position]
        return [InputRecord(self.tp.topic, self.tp.partition, entry.offset, entry.value or b"") for entry in wanted]


class Missing:
    """aiokafka's FetchError: no offset is committed, and nothing is said about where to begin then."""

    def __init__(self, tp: TP, now: float) -> None:
        self.tp, self.since = tp, now


class ModelFetcher:
    """One fetch on the way at a time, as with one broker."""

    def __init__(self, broker: Broker, connection: Connection, subscriptions: SubscriptionState) -> None:
        self._broker, self._connection, self._subscriptions = broker, connection, subscriptions
        self._loop = connection.loop
        self._records: dict[TP, Buffered | Missing] = {}
        self._waiters: dict[asyncio.Future[None], None] = {}
        self._consumed = self._loop.create_future()
        self._closed = False
        subscriptions.register_fetch_waiters(self._waiters)
        self._fetch_task = self._loop.create_task(self._fetch_requests())

    async def close(self) -> None:
        self._closed = True
        self._fetch_task.cancel()
        with suppress(asyncio.CancelledError):
            await self._fetch_task
        for waiter in list(self._waiters):
            _notify(waiter)

    async def _fetch_requests(self) -> None:
        assignment: Any = None
        pending: asyncio.Task[bool] | None = None
        while True:
            if assignment is None or not assignment.active:
                if pending is not None and not pending.done():
                    pending.cancel()
                    with suppress(asyncio.CancelledError):
                        await pending
                pending = None
                self._records.clear()
                subscription = self._subscriptions.subscription
                if subscription is None or subscription.assignment is None:
                    await self._subscriptions.wait_for_assignment()
                assignment = self._subscriptions.subscription.assignment
            self._consumed = self._loop.create_future()
            backoff = self._backoff()
            if pending is None and not backoff:
                pending = self._start(assignment)
            others = [self._consumed, assignment.unassign_future]
            await asyncio.wait(
                [*others, *([pending] if pending else [])],
                timeout=backoff or None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if pending is not None and pending.done():
                if pending.result():
                    for waiter in list(self._waiters):
                        _notify(waiter)
                pending = None

    def _backoff(self) -> float:
        """How long no more is asked for, because something young has not been taken."""
        ages = (buffered.since + PREFETCH_SECONDS - self._loop.time() for buffered in self._records.values())
        return max(0.0, max(ages, default=0.0))

    def _start(self, assignment: Any) -> "asyncio.Task[bool] | None":
        states = {tp: assignment.state_value(tp) for tp in sorted(assignment.tps) if tp not in self._records}
        lost = [tp for tp, state in states.items() if not state.has_valid_position]
        if lost:
            return self._loop.create_task(self._update_positions(assignment, lost))
        positions = {tp: state.position for tp, state in states.items()}
        return self._loop.create_task(self._fetch(assignment, positions)) if positions else None

    async def _update_positions(self, assignment: Any, tps: list[TP]) -> bool:
        try:
            committed = await self._broker.request(
                self._connection, "committed", lambda answer: answer(dict(self._broker.committed))
            )
        except KafkaError:
            await asyncio.sleep(BACKOFF_SECONDS)
            return False
        for tp in tps:
            state = assignment.state_value(tp)
            if state.has_valid_position:
                continue
            if tp in committed:
                state.reset_to(committed[tp])
            else:
                self._records[tp] = Missing(tp, self._loop.time())
        return False

    async def _fetch(self, assignment: Any, positions: Mapping[TP, int]) -> bool:
        try:
            found, ends = await self._broker.request(
                self._connection, "fetch", lambda answer: self._broker.fetch(positions, answer)
            )
        except KafkaError:
            await asyncio.sleep(BACKOFF_SECONDS)
            return False
        if not assignment.active:
            return False
        for tp, position in positions.items():
            state = assignment.state_value(tp)
            if not state.has_valid_position or state.position != position:
                self._broker.counts["stale fetches"] += 1
                continue
            state.highwater, state.lso = ends[tp]
            if tp in found:
                self._records[tp] = Buffered(tp, assignment, position, found[tp], self._loop.time())
        return bool(found)

    async def fetched_records(
        self,
        partitions: set[TP],
        timeout: float | None = 0,  # noqa: ASYNC109 - aiokafka's own
        max_records: int | None = None,
    ) -> dict[TP, list[InputRecord]]:
        remaining = timeout or 0.0
        while True:
            if self._subscriptions.reassignment_in_progress:
                await self._subscriptions.wait_for_assignment()
            began = self._loop.time()
            drained = self._take(partitions)
            if drained or not remaining:
                return drained
            waiter = self._loop.create_future()
            self._waiters[waiter] = None
            waiter.add_done_callback(lambda done: self._waiters.pop(done, None))
            done, _ = await asyncio.wait([waiter], timeout=remaining)
            if not done or self._closed:
                waiter.cancel()
                return {}
            remaining = max(0.0, remaining - (self._loop.time() - began))

    def _take(self, partitions: set[TP]) -> dict[TP, list[InputRecord]]:
        drained: dict[TP, list[InputRecord]] = {}
        for tp in list(self._records):
            if partitions and tp not in partitions:
                if not self._subscriptions.is_assigned(tp):
                    del self._records[tp]
                continue
            buffered = self._records[tp]
            if isinstance(buffered, Missing) and drained:
                return drained
            del self._records[tp]
            _notify(self._consumed)
            if isinstance(buffered, Missing):
                raise NoOffsetForPartitionError(tp)
            if records := buffered.take():
                drained[tp] = records
        return drained

    def seek_to(self, tp: TP, offset: int) -> None:
        self._subscriptions.seek(tp, offset)
        self._records.pop(tp, None)
        _notify(self._consumed)


def _notify(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
