"""Writing: one record batch per output partition, sent by an idempotent producer, confirmed as a whole."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiokafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError
from aiokafka.partitioner import murmur2
from faust.transport.drivers import aiokafka as driver

from streams.chunks.trouble import RecordTooLarge, concerns

BATCH_BYTES = 1 << 20
"""A batch takes records up to this size, before compression; one larger record makes a batch of its own."""

RECORD_BYTES = 2 << 20
"""`max.message.bytes` of an output topic nothing else is said about."""

REQUEST_BYTES = 18 << 20
"""Room for a dead letter: the whole original record and its provenance."""

BATCH_OVERHEAD_BYTES = 61
RECORD_OVERHEAD_BYTES = 36  # the widest varints there are: length, timestamp, offset, key, value, count of headers
HEADER_OVERHEAD_BYTES = 10  # as above, a header


def partition_of(key: bytes, partitions: int) -> int:
    """The partition Kafka's default partitioner (murmur2, as in the Java client) gives a key."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


class Outbox:
    """Serialised outputs of one chunk, grouped into batches per (topic, partition), in the order they were added."""

    def __init__(self, create_batch: Callable[[], Any], limits: Mapping[str, int]) -> None:
        self._create_batch = create_batch
        self._limits = limits
        self._batches: dict[tuple[str, int], list[Any]] = {}
        self._then: list[Callable[[], None]] = []
        self.accounted = 0

    def accounts_for(self, records: int) -> None:
        """Say of how many more input records everything is in here, be it nothing.

        Work that returns without having accounted for each of its records, once, is taken for a defect: the records
        are put aside, never passed over.
        """
        self.accounted += records

    def on_confirmed(self, then: Callable[[], None]) -> None:
        """Call `then` once the broker has everything in here: for counts, which a retry must not double."""
        self._then.append(then)

    def confirmed(self) -> None:
        """The broker has everything."""
        for then in self._then:
            then()

    @property
    def batches(self) -> Mapping[tuple[str, int], list[Any]]:
        """What has been added so far, a list of batches per (topic, partition)."""
        return self._batches

    def add(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Iterable[tuple[str, bytes]] = (),
    ) -> None:
        """Add one record; RecordTooLarge when the topic's `max.message.bytes` would not take it."""
        headers = list(headers)
        record_bytes = size_bound(key, value, headers)
        limit_bytes = self._limits.get(topic, RECORD_BYTES)
        # Checked here, because a batch the broker refuses costs an idempotent producer its sequence.
        if BATCH_OVERHEAD_BYTES + record_bytes > limit_bytes:
            raise RecordTooLarge(topic, BATCH_OVERHEAD_BYTES + record_bytes, limit_bytes)
        batches = self._batches.setdefault((topic, partition), [])
        if not batches or batches[-1].size() + record_bytes > min(BATCH_BYTES, limit_bytes):
            batches.append(self._create_batch())
        if batches[-1].append(timestamp=None, key=key, value=value, headers=headers) is None:
            raise AssertionError(f"a batch refused {record_bytes} bytes; is producer_max_batch_size {BATCH_BYTES}?")


def size_bound(key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]) -> int:
    """The most bytes a record can take in a batch."""
    size = RECORD_OVERHEAD_BYTES + len(key or b"") + len(value or b"")
    for name, content in headers:
        size += HEADER_OVERHEAD_BYTES + len(name.encode()) + len(content)
    return size


class ChunkProducer(driver.Producer):
    """Idempotent producer that confirms the batches of a whole `Outbox`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._producer: Any
        self._deliveries: Counter[Any] = Counter()  # deliveries under way, per aiokafka producer
        self._renewing = asyncio.Lock()
        self._large_one = asyncio.Lock()

    def _settings_extra(self) -> Mapping[str, Any]:
        return {**super()._settings_extra(), "acks": "all", "enable_idempotence": True}

    def outbox(self) -> Outbox:
        """An empty outbox for one chunk."""
        return Outbox(self._ensure_producer().create_batch, self.app.record_limits)

    async def partitions_of(self, topic: str) -> int:
        """How many partitions a topic has; waits for the broker to say so."""
        return len(await self._ensure_producer().partitions_for(topic))

    async def deliver(self, out: Outbox) -> None:
        """Send everything; return when all of it is confirmed, raise the first refusal after the last answer."""
        if not out.batches:
            return
        producer = self._ensure_producer()
        self._deliveries[producer] += 1
        try:
            sendings = [self._send_in_order(producer, *slot, batches) for slot, batches in out.batches.items()]
            answers = await asyncio.gather(*sendings, return_exceptions=True)
            failures = [answer for answer in answers if isinstance(answer, BaseException)]
            if any(isinstance(failure, KafkaError) and not failure.retriable for failure in failures):
                await self._renew(producer)
            if failures:
                # A refusal for its size is the record's own; all else is waited out, and would hide it.
                raise min(failures, key=lambda failure: not isinstance(failure, MessageSizeTooLargeError))
        finally:
            self._let_go(producer)

    async def _send_in_order(self, producer: Any, topic: str, partition: int, batches: list[Any]) -> None:
        try:
            await self._send_all(producer, topic, partition, batches)
        except KafkaError as exc:
            concerns(exc, topic)
            raise

    async def _send_all(self, producer: Any, topic: str, partition: int, batches: list[Any]) -> None:
        confirmations = []
        for batch in batches:
            if batch.size() > BATCH_BYTES:
                # aiokafka puts a batch of every partition into one request; several large ones together would pass
                # the broker's socket.request.max.bytes, and the idempotent producer would try that request for ever.
                async with self._large_one:
                    confirmation = await self._send(producer, topic, partition, batch)
                    await asyncio.wait([confirmation])
            else:
                confirmation = await self._send(producer, topic, partition, batch)
            confirmations.append(confirmation)
        for answer in await asyncio.gather(*confirmations, return_exceptions=True):
            if isinstance(answer, BaseException):
                raise answer

    @staticmethod
    async def _send(producer: Any, topic: str, partition: int, batch: Any) -> "asyncio.Future[Any]":
        while True:
            try:
                sent: asyncio.Future[Any] = await producer.send_batch(batch, topic, partition=partition)
            except KafkaTimeoutError:
                continue  # still waiting for room behind an earlier batch: nothing of this one was sent
            return sent

    async def _renew(self, used: Any) -> None:
        """Replace a producer that lost its sequence.

        A batch that the broker refused leaves a hole: aiokafka would get OutOfOrderSequenceNumber for that partition
        for ever. A new producer has a new id and starts at zero.
        """
        async with self._renewing:
            if self._producer is used:
                fresh = self._new_producer()
                try:
                    await fresh.start()
                except BaseException:
                    await fresh.stop()
                    raise
                self._producer = fresh

    def _let_go(self, producer: Any) -> None:
        self._deliveries[producer] -= 1
        if self._deliveries[producer]:
            return
        del self._deliveries[producer]
        if producer is not self._producer:  # replaced, and this was its last delivery
            self.add_future(producer.stop())
