"""Redrive: dead letters back to the topic they came from, each once, however often and however interrupted it runs.

A letter and the mark that it was redriven are written in one transaction, so a kill leaves both or neither. Of two
redrives of one topic the later one fences the earlier one off before it reads the marks.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

from streams import clock
from streams.chunks.producer import BATCH_BYTES, BATCH_OVERHEAD_BYTES, REQUEST_BYTES, partition_of, size_bound
from streams.clients import partitions_of, require_topic
from streams.connecting import CONNECT_SECONDS, TopicsError
from streams.delivery.linear import Spans, read
from streams.delivery.redrive.letters import Choice, Letter, Route, Tally
from streams.replay.window import Bound, pin

TRANSACTION_RECORDS: Final = 200
TRANSACTION_BYTES: Final = 8 << 20
"""A transaction ends with the letter that passes this. Until it ends, nobody reads what came behind it."""

TRANSACTION_TIMEOUT_MS: Final = 10_000
"""When the broker aborts the transaction of a redrive that was killed; live records behind it wait that long."""

ANSWER_SECONDS: Final = 60.0
STOP_SECONDS: Final = 5.0
LATEST: Final = Bound(offset=1 << 62)


Marked = tuple[int, int, int]
"""A letter: partition, offset, and when it became one, for a topic that is made anew begins its offsets anew."""


class FencedError(TopicsError):
    """Another redrive of the same topic began."""


class Progress(Protocol):
    """Who is told how it goes."""

    def reached(self, records: int) -> None:
        """So many records of the topic were read so far."""


@asynccontextmanager
async def open_producer(client: Mapping[str, Any], route: Route) -> AsyncIterator[Any]:
    """A transactional producer; whoever held a transaction of this topic before can commit nothing more."""
    producer = AIOKafkaProducer(
        **client,
        transactional_id=f"claimstream-redrive-{route.letters}",
        transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
        compression_type="zstd",
        max_batch_size=BATCH_BYTES,
        max_request_size=REQUEST_BYTES,
    )
    try:
        # A transaction a killed redrive left open is aborted first, which may take the broker a moment.
        async with asyncio.timeout(CONNECT_SECONDS):
            await producer.start()
        yield producer
    finally:
        await asyncio.wait([asyncio.ensure_future(producer.stop())], timeout=STOP_SECONDS)


async def read_marks(consumer: Any, route: Route) -> set[Marked]:
    """Every letter that was redriven."""
    if route.marks not in await consumer.topics():
        return set()
    (span,) = await pin(consumer, route.marks, 1, Bound(offset=0), LATEST)
    return {
        (int(partition), int(offset), json.loads(record.value or b"")["at_ms"])
        async for records in read(consumer, {TopicPartition(route.marks, 0): span})
        for record in records
        for partition, _, offset in [(record.key or b"").decode().partition(":")]
    }


async def letters_within(consumer: Any, client: Mapping[str, Any], route: Route, start: Bound, end: Bound) -> Spans:
    """The offsets of the letters there are now, within the bounds. Raises UnknownTopicError."""
    for topic in (route.letters, route.target):
        await require_topic(consumer, topic)
    spans = await pin(consumer, route.letters, await partitions_of(client, route.letters), start, end)
    return {TopicPartition(route.letters, partition): span for partition, span in enumerate(spans)}


@dataclass(slots=True)
class Redrive:
    """What a redrive takes; `await Redrive(...).run(spans)` does it, without a producer only counts.

    `limit_bytes` is the largest record the target takes, `rate` the most letters a second (0: no limit).
    """

    route: Route
    choice: Choice
    consumer: Any
    client: Mapping[str, Any]
    stop: asyncio.Event
    tally: Tally
    progress: Progress
    limit_bytes: int
    producer: Any = None
    rate: float = 0
    _partitions: int = 0
    _batch: list[Letter] = field(default_factory=list)
    _batch_bytes: int = 0
    _began: float = field(default_factory=clock.monotonic)

    async def run(self, spans: Spans) -> bool:
        """Go through all letters; False when it was stopped before the end.

        Raises FencedError when another redrive of the same topic began.
        """
        self._partitions = await partitions_of(self.client, self.route.target)
        marked = await read_marks(self.consumer, self.route)
        async for records in read(self.consumer, spans, self.stop):
            for record in records:
                await self._take(Letter.read(record), marked)
                self.progress.reached(self.tally.records)
                if self.stop.is_set():
                    return False
        if self.stop.is_set():
            return False
        await self._send()
        return True

    async def _take(self, letter: Letter | None, marked: set[Marked]) -> None:
        tally = self.tally
        if letter is None:
            tally.foreign += 1
        elif not self.choice.takes(letter):
            tally.passed_over += 1
        elif (*letter.place, letter.at_ms) in marked:
            tally.redriven += 1
        elif (size := _size_bound(letter)) > self.limit_bytes:
            tally.leave(letter)
        else:
            tally.choose(letter)
            if self.producer is not None:
                await self._add(letter, size)

    async def _add(self, letter: Letter, size: int) -> None:
        """Put a letter into the next transaction, and send that when it is full."""
        self._batch.append(letter)
        self._batch_bytes += size
        # Paced between transactions, never within one: an open transaction holds up all who read behind it.
        most = min(TRANSACTION_RECORDS, max(1, int(self.rate))) if self.rate else TRANSACTION_RECORDS
        if len(self._batch) >= most or self._batch_bytes >= TRANSACTION_BYTES:
            await self._send()
            ahead = self.tally.sent / self.rate - (clock.monotonic() - self._began) if self.rate else 0
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stop.wait(), max(0.0, ahead))

    async def _send(self) -> None:
        """One transaction: the letters and their marks."""
        if not self._batch:
            return
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self.producer.begin_transaction()
                await asyncio.gather(*[answer for letter in self._batch for answer in await self._begun(letter)])
                await self.producer.commit_transaction()
        except (KafkaError, TimeoutError) as error:
            if _is_fenced(error):
                raise FencedError(
                    f"another redrive of {self.route.letters} began and goes on with what is left; this one ended, and "
                    "nothing is sent twice (if no other runs, the broker was slow: run the same command again)"
                ) from error
            with suppress(Exception):  # else the broker aborts it in a while
                async with asyncio.timeout(STOP_SECONDS):
                    await self.producer.abort_transaction()
            raise
        self.tally.sent += len(self._batch)
        self._batch, self._batch_bytes = [], 0

    async def _begun(self, letter: Letter) -> tuple[Any, Any]:
        """The broker's answers to come: to the letter, and to its mark."""
        wanted = letter.original_partition if letter.key is None else partition_of(letter.key, self._partitions)
        record = await self.producer.send(
            self.route.target,
            letter.value,
            key=letter.key,
            partition=wanted % self._partitions,
            headers=letter.redriven_headers(),
        )
        key = f"{letter.partition}:{letter.offset}".encode()
        mark = json.dumps({"attempt": letter.attempt, "at_ms": letter.at_ms}).encode()
        return record, await self.producer.send(self.route.marks, mark, key=key, partition=0)


def _size_bound(letter: Letter) -> int:
    """The most bytes that it takes on its topic when it is sent again."""
    return BATCH_OVERHEAD_BYTES + size_bound(letter.key, letter.value, letter.redriven_headers())


def _is_fenced(error: BaseException | None) -> bool:
    """Whether a newer producer of the same id is at the bottom of this."""
    while error is not None:
        if isinstance(error, ProducerFenced | InvalidProducerEpoch):
            return True
        error = error.__cause__
    return False
