"""What the engine and Faust use of the aiokafka consumer and producer, over the model broker.

The producer mirrors `aiokafka.producer`: `Sender` and `MessageAccumulator`: one batch of a partition on the way at a
time, its sequence given when it is first sent, retriable errors tried again for ever, others given to the caller.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import KafkaError, ProducerClosed
from faust.types.tuples import TP

from tests.simulation.broker import BACKOFF_SECONDS, Broker
from tests.simulation.fetching import ModelFetcher
from tests.simulation.membership import ModelCoordinator
from tests.simulation.network import Connection, Process
from tests.simulation.scheduler import Loop


class ModelConsumer:
    """What the engine and Faust use of `aiokafka.AIOKafkaConsumer`."""

    _max_poll_records = None

    def __init__(
        self, broker: Broker, loop: Loop, process: Process, on_commit: Callable[[Mapping[TP, int]], None]
    ) -> None:
        self._broker, self._loop, self._process, self._on_commit = broker, loop, process, on_commit
        self._connection = Connection(loop, process)
        self._coordination = Connection(loop, process)
        self._subscription = SubscriptionState(loop=loop)
        self._closed = False
        self._client = SimpleNamespace(close=self.stop)

    async def start(self) -> None:
        self._fetcher = ModelFetcher(self._broker, self._connection, self._subscription)
        self._coordinator = ModelCoordinator(self._broker, self._coordination, self._subscription)

    async def stop(self) -> None:
        if not self._closed:
            self._closed = True
            await self._coordinator.close()
            await self._fetcher.close()

    def subscribe(self, topics: Iterable[str], listener: Any) -> None:
        self._subscription.subscribe(set(topics), listener=listener)

    def assignment(self) -> set[TP]:
        return set(self._subscription.assigned_partitions())

    def seek(self, tp: Any, offset: int) -> None:
        self._fetcher.seek_to(TP(*tp), offset)

    async def committed(self, tp: TP) -> int | None:
        return await self._ask(lambda: self._broker.committed.get(tp))

    async def beginning_offsets(self, tps: Iterable[TP]) -> dict[TP, int]:
        tps = list(tps)
        return await self._ask(lambda: {tp: self._broker.inputs[tp].first for tp in tps})

    async def end_offsets(self, tps: Iterable[TP]) -> dict[TP, int]:
        tps = list(tps)
        return await self._ask(lambda: {tp: self._broker.inputs[tp].stable_end for tp in tps})

    async def _ask(self, question: Callable[[], Any]) -> Any:
        while True:
            try:
                return await self._broker.request(self._coordination, "ask", lambda answer: answer(question()))
            except KafkaError:
                await asyncio.sleep(BACKOFF_SECONDS)

    async def commit(self, offsets: Mapping[Any, Any]) -> None:
        plain = {TP(*tp): given.offset for tp, given in offsets.items()}
        if self._process.alive:
            self._on_commit(plain)
        await self._coordinator.commit_offsets(plain)

    def highwater(self, tp: Any) -> int | None:
        return self._subscription.subscription.assignment.state_value(TP(*tp)).highwater

    def last_stable_offset(self, tp: Any) -> int | None:
        return self._subscription.subscription.assignment.state_value(TP(*tp)).lso


class ModelBatch:
    """What the engine uses of aiokafka's `BatchBuilder`."""

    def __init__(self) -> None:
        self.values: list[bytes] = []

    def append(self, *, timestamp: int | None, key: bytes | None, value: bytes | None, headers: Any) -> object:
        self.values.append(value or b"")
        return self

    def size(self) -> int:
        return 61 + sum(36 + len(value) for value in self.values)

    def record_count(self) -> int:
        return len(self.values)


class ModelProducer:
    """What the engine uses of `aiokafka.AIOKafkaProducer`: idempotent, one batch of a partition on the way."""

    def __init__(
        self, broker: Broker, loop: Loop, process: Process, on_confirmed: Callable[[str, list[bytes]], None]
    ) -> None:
        self._broker, self._loop, self._on_confirmed = broker, loop, on_confirmed
        self._connection = Connection(loop, process)
        self._queues: defaultdict[tuple[str, int], deque[tuple[list[bytes], asyncio.Future[Any]]]] = defaultdict(deque)
        self._senders: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._sequences: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._id = 0
        self._closed = False

    def create_batch(self) -> ModelBatch:
        return ModelBatch()

    async def start(self) -> None:
        while not self._id:
            try:
                self._id = await self._broker.request(
                    self._connection, "producer id", lambda answer: answer(self._broker.new_producer_id())
                )
            except KafkaError:
                await asyncio.sleep(BACKOFF_SECONDS)

    async def stop(self) -> None:
        if not self._closed:
            self._closed = True
            await self.flush()

    async def flush(self) -> None:
        while waiting := [future for queue in self._queues.values() for _, future in queue if not future.done()]:
            await asyncio.wait(waiting)

    async def partitions_for(self, _topic: str) -> list[int]:
        return sorted({tp.partition for tp in self._broker.inputs})

    async def send_batch(self, batch: ModelBatch, topic: str, *, partition: int) -> "asyncio.Future[Any]":
        await asyncio.sleep(0)
        if self._closed:
            raise ProducerClosed
        slot, future = (topic, partition), self._loop.create_future()
        self._queues[slot].append((batch.values, future))
        if slot not in self._senders:
            self._senders[slot] = self._loop.create_task(self._send(slot))
        return future

    async def _send(self, slot: tuple[str, int]) -> None:
        queue = self._queues[slot]
        while queue:
            values, future = queue[0]
            sequence = self._sequences[slot]
            self._sequences[slot] += len(values)
            result = await self._until_answered(slot, sequence, values)
            queue.popleft()
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                self._on_confirmed(slot[0], values)
                future.set_result(result)
        del self._senders[slot]

    async def _until_answered(self, slot: tuple[str, int], sequence: int, values: list[bytes]) -> Any:
        while True:
            try:
                return await self._broker.request(
                    self._connection,
                    "produce",
                    lambda answer: self._broker.produce(
                        self._connection.process.name, self._id, slot, sequence, values, answer
                    ),
                )
            except KafkaError as exc:
                if not exc.retriable:
                    return exc
                await asyncio.sleep(BACKOFF_SECONDS)
