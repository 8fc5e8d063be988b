"""One partition's work: chunks in order, broker trouble waited out, a record that fails put aside."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from faust.types.tuples import TP

from streams import clock
from streams.chunks.chunk import Chunk, Record, State
from streams.chunks.producer import Outbox, partition_of
from streams.chunks.trouble import concerns, told
from streams.logs import place_of

if TYPE_CHECKING:
    from streams.chunks.app import ChunkApp

log = logging.getLogger(__name__)

FIRST_DELAY_SECONDS = 0.1
LONGEST_DELAY_SECONDS = 5.0
UNCONFIRMED_SECONDS = 30.0
"""After which a delivery that is not confirmed is told, again and again: aiokafka tries for ever and says nothing."""

Work = Callable[[Chunk, Outbox], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Where a record goes that our own code failed on; without `partition` the key decides, then the record's own."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    partition: int | None = None
    code: str = "unprocessable"


DeadLetterOf = Callable[[Record, Exception], DeadLetter]


class PartitionLeft(Exception):  # noqa: N818 - says what happened
    """The partition has gone or is leaving: its records are read again, here or elsewhere."""


class UnaccountedError(Exception):
    """Work returned and did not account for all its records: a defect of our own code."""


class Lane:
    """The queue and the task of one partition. While one lane waits for the broker, others compute."""

    def __init__(self, app: "ChunkApp", tp: TP, work: Work) -> None:
        self._app = app
        self._tp = tp
        self._work = work
        self._queue: asyncio.Queue[Chunk] = asyncio.Queue()  # bounded by the topic's window
        self._opening: asyncio.Task[None] | None = None
        self.task = asyncio.ensure_future(self._run())

    def put(self, chunk: Chunk) -> None:
        """Put a chunk behind those already waiting."""
        self._queue.put_nowait(chunk)

    def stop_waiting(self) -> None:
        """The partition leaves: whoever waits for its state waits no longer."""
        if self._opening is not None:
            self._opening.cancel()

    async def _run(self) -> None:
        while True:
            chunk = await self._queue.get()
            try:
                await self._wait_until_warm(chunk)
                if chunk.take():
                    await self._confirm_all(chunk)
                    chunk.ack()
            except PartitionLeft:
                chunk.drop()

    async def _wait_until_warm(self, chunk: Chunk) -> None:
        pauses = _Pauses(self._app, self._tp)
        while chunk.state is State.QUEUED and not chunk.progress.warm:
            self._opening = asyncio.ensure_future(self._app.opened(self._tp))
            try:
                await asyncio.wait([self._opening])
            finally:
                self._opening.cancel()
            if self._opening.cancelled():  # the partition leaves, or `ready` was ended from within
                await asyncio.sleep(FIRST_DELAY_SECONDS)
                continue
            exc = self._opening.exception()
            if isinstance(exc, Exception):
                await pauses.wait(chunk, exc)
            else:
                chunk.progress.warm = True

    async def _confirm_all(self, chunk: Chunk) -> None:
        """Work and confirm every record, in order. Raises PartitionLeft."""
        parts = [chunk]
        while parts:
            part = parts.pop()
            failure = await self._confirm(part)
            if failure is not None and len(part.records) > 1:
                parts.extend(reversed(part.halves()))
                continue
            if failure is not None and await self._confirm(part) is not None:  # twice: one that passes is not its own
                await self._put_aside(part, failure)
            if part is not chunk:
                chunk.accounted += part.accounted

    async def _confirm(self, part: Chunk) -> Exception | None:
        """Work and confirm these records, however long the broker is away; what our own code raised on them."""
        pauses = _Pauses(self._app, self._tp)
        while part.owned:
            try:
                return await self._try(part)
            except Exception as exc:  # noqa: BLE001 - trouble of the broker, whatever it is, is never the record's
                await pauses.wait(part, exc)
        raise PartitionLeft

    async def _try(self, part: Chunk) -> Exception | None:
        out = self._app.producer.outbox()
        began = clock.monotonic()
        try:
            await self._work(part, out)
        except KafkaError:
            raise
        except Exception as exc:  # noqa: BLE001 - our own code failed on a record: it is looked for, then put aside
            return exc
        if out.accounted != len(part.records):
            return UnaccountedError()
        worked = clock.monotonic()
        try:
            await self._deliver(out)
        except MessageSizeTooLargeError as refused:  # a topic's limit is lower than `record_limits` says
            failure: Exception = refused
            return failure
        part.accounted = out.accounted
        self._count(out, worked - began, clock.monotonic() - worked)
        return None

    async def _deliver(self, out: Outbox) -> None:
        telling = asyncio.ensure_future(self._tell_while_unconfirmed(out))
        try:
            await self._app.producer.deliver(out)
        finally:
            telling.cancel()

    async def _tell_while_unconfirmed(self, out: Outbox) -> None:
        began = clock.monotonic()
        while True:
            await asyncio.sleep(UNCONFIRMED_SECONDS)
            batches = sum(len(each) for each in out.batches.values())
            log.warning(
                "%s[%s]: %s batches for %s are not confirmed for %.0f s; see whether these topics exist and whether "
                "as many replicas as min.insync.replicas says are in sync",
                *(self._tp.topic, self._tp.partition, batches, ", ".join(sorted({topic for topic, _ in out.batches}))),
                clock.monotonic() - began,
            )
            self._app.on_retry(self._tp, TimeoutError())

    def _count(self, out: Outbox, work_seconds: float, confirm_seconds: float) -> None:
        try:
            self._app.on_confirmed(self._tp, work_seconds, confirm_seconds)
            out.confirmed()
        except Exception as exc:  # noqa: BLE001 - a wrong count must not deliver the outputs again
            where = place_of(exc)  # and no traceback: it may show values of a claim
            log.error("%s[%s] is counted wrongly: %s", self._tp.topic, self._tp.partition, where)  # noqa: TRY400

    async def _put_aside(self, part: Chunk, failure: Exception) -> None:
        record, pauses = part.records[0], _Pauses(self._app, self._tp)
        while part.owned:
            try:
                letter = await self._deliver_dead_letter(record, failure)
            except Exception as exc:  # noqa: BLE001 - without its dead letter the record must not be passed
                await pauses.wait(part, exc)
                continue
            part.accounted = 1
            log.error(
                "%s[%s] offset %s goes to %s: %s",
                *(self._tp.topic, self._tp.partition, record.offset, letter.topic, place_of(failure)),
            )
            self._app.on_dead_letter(letter.topic, letter.code)
            return
        raise PartitionLeft

    async def _deliver_dead_letter(self, record: Record, failure: Exception) -> DeadLetter:
        letter = self._app.dead_letter(record, failure)
        try:
            partition = letter.partition
            if partition is None:
                partitions = await self._app.producer.partitions_of(letter.topic)
                partition = (
                    record.partition % partitions if letter.key is None else partition_of(letter.key, partitions)
                )
            out = self._app.producer.outbox()
            out.add(letter.topic, partition, letter.key, letter.value, letter.headers)
            await self._deliver(out)
        except KafkaError as exc:
            concerns(exc, letter.topic)
            raise
        return letter


class _Pauses:
    """Growing pauses between tries, each of them seen."""

    def __init__(self, app: "ChunkApp", tp: TP) -> None:
        self._app = app
        self._tp = tp
        self._seconds = FIRST_DELAY_SECONDS

    async def wait(self, part: Chunk, exc: Exception) -> None:
        """Pause; raises PartitionLeft when the partition goes or is about to go."""
        log.warning(
            "%s[%s] waits at offset %s, next try in %.1f s: %s",
            *(self._tp.topic, self._tp.partition, part.records[0].offset, self._seconds, told(exc)),
        )
        self._app.on_retry(self._tp, exc)
        try:
            await asyncio.wait_for(part.progress.left.wait(), self._seconds)
        except TimeoutError:
            self._seconds = min(self._seconds * 2, LONGEST_DELAY_SECONDS)
        else:
            raise PartitionLeft
