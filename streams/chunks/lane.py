"""One partition's work: chunks in order, broker trouble waited out, a record that fails put aside."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING

from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from faust.types.tuples import TP

from streams import clock
from streams.chunks.chunk import Chunk, Record, State
from streams.chunks.producer import Outbox, partition_of

if TYPE_CHECKING:
    from streams.chunks.app import ChunkApp

log = logging.getLogger(__name__)

FIRST_DELAY_SECONDS = 0.1
LONGEST_DELAY_SECONDS = 5.0

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


def place_of(exc: BaseException) -> str:
    """Type and place of an exception, for logs; its text and arguments may hold values of a claim."""
    frames = list(walk_tb(exc.__traceback__))
    if not frames:
        return type(exc).__name__
    frame, line = frames[-1]
    return f"{type(exc).__name__} at {Path(frame.f_code.co_filename).name}:{line}"


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
            await self._wait_until_warm(chunk)
            if chunk.take():
                if await self._confirm_all(chunk):
                    chunk.ack()
                else:
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

    async def _confirm_all(self, chunk: Chunk) -> bool:
        """Work and confirm every record, in order; False only when the partition went away meanwhile."""
        parts = [chunk]
        while parts and chunk.owned:
            part = parts.pop()
            failure = await self._confirm(part)
            if failure is None:
                continue
            if len(part.records) > 1:
                parts.extend(reversed(part.halves()))
            elif await self._confirm(part) is not None:  # twice: a failure that passes is not the record's
                await self._put_aside(part, failure)
        return chunk.owned

    async def _confirm(self, part: Chunk) -> Exception | None:
        """Work and confirm these records, however long the broker is away; what our own code raised on them."""
        pauses = _Pauses(self._app, self._tp)
        while part.owned:
            try:
                failure: Exception | None = await self._try(part)
            except Exception as exc:  # noqa: BLE001 - trouble of the broker, whatever it is, is never the record's
                await pauses.wait(part, exc)
            else:
                return failure
        return None

    async def _try(self, part: Chunk) -> Exception | None:
        out = self._app.producer.outbox()
        began = clock.monotonic()
        try:
            await self._work(part, out)
        except KafkaError:
            raise
        except Exception as exc:  # noqa: BLE001 - our own code failed on a record: it is looked for, then put aside
            return exc
        worked = clock.monotonic()
        try:
            await self._app.producer.deliver(out)
            self._app.on_confirmed(self._tp, worked - began, clock.monotonic() - worked)
            out.confirmed()
        except MessageSizeTooLargeError as refused:  # a topic's limit is lower than `record_limits` says
            failure: Exception = refused
            return failure
        return None

    async def _put_aside(self, part: Chunk, failure: Exception) -> None:
        record, pauses = part.records[0], _Pauses(self._app, self._tp)
        while part.owned:
            try:
                letter = await self._deliver_dead_letter(record, failure)
            except Exception as exc:  # noqa: BLE001 - without its dead letter the record must not be passed
                await pauses.wait(part, exc)
                continue
            log.error(
                "%s[%s] offset %s goes to %s: %s",
                *(self._tp.topic, self._tp.partition, record.offset, letter.topic, place_of(failure)),
            )
            self._app.on_dead_letter(letter.topic, letter.code)
            return

    async def _deliver_dead_letter(self, record: Record, failure: Exception) -> DeadLetter:
        letter = self._app.dead_letter(record, failure)
        partition = letter.partition
        if partition is None:
            partitions = await self._app.producer.partitions_of(letter.topic)
            partition = record.partition % partitions if letter.key is None else partition_of(letter.key, partitions)
        out = self._app.producer.outbox()
        out.add(letter.topic, partition, letter.key, letter.value, letter.headers)
        await self._app.producer.deliver(out)
        return letter


class _Pauses:
    """Growing pauses between tries, each of them seen."""

    def __init__(self, app: "ChunkApp", tp: TP) -> None:
        self._app = app
        self._tp = tp
        self._seconds = FIRST_DELAY_SECONDS

    async def wait(self, part: Chunk, exc: Exception) -> None:
        cause = repr(exc) if isinstance(exc, KafkaError) else place_of(exc)
        log.warning(
            "%s[%s] waits at offset %s, next try in %.1f s: %s",
            *(self._tp.topic, self._tp.partition, part.records[0].offset, self._seconds, cause),
        )
        self._app.on_retry(self._tp, exc)
        await asyncio.sleep(self._seconds)
        self._seconds = min(self._seconds * 2, LONGEST_DELAY_SECONDS)
