"""Records of one partition that travel as one unit, and what became of them: pure logic, no input, no output."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Any, NamedTuple, Protocol

from faust.types.tuples import TP, ConsumerMessage

from streams import clock

TURN_SECONDS = 0.020
"""Computing time after which a chunk's work lets heartbeats, probes and the other partitions run."""


class Record(Protocol):
    """One record as the broker gave it; aiokafka's `ConsumerRecord` is one."""

    @property
    def topic(self) -> str:
        """Where it was read."""

    @property
    def partition(self) -> int:
        """Its partition there."""

    @property
    def offset(self) -> int:
        """Its place in the partition."""

    @property
    def timestamp(self) -> int:
        """Milliseconds since the epoch, as the broker or its producer set it."""

    @property
    def key(self) -> bytes | None:
        """Its key, if any."""

    @property
    def value(self) -> bytes | None:
        """Its content; None is a tombstone."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """Its headers, in order."""


class State(Enum):
    """How far a chunk has come."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    DROPPED = "dropped"


class Chunk:
    """Records of one partition in offset order, at least one, and the state of that run."""

    __slots__ = ("accounted", "next_offset", "partition", "progress", "records", "size_bytes", "state", "tp")

    def __init__(self, tp: TP, records: Sequence[Record], progress: "Progress", size_bytes: int = 0) -> None:
        self.tp = tp
        self.partition: int = tp.partition
        self.records = records
        self.progress = progress
        self.size_bytes = size_bytes
        self.next_offset = records[-1].offset + 1
        self.state = State.QUEUED
        self.accounted = 0  # records whose confirmed outputs, or dead letter, say what became of them

    @property
    def owned(self) -> bool:
        """Whether the partition is still ours; when it is not, go no further: another worker reads these records."""
        return self.progress.owned

    def take(self) -> bool:
        """Claim the chunk for its work; False when its partition was taken away meanwhile."""
        if self.state is not State.QUEUED:
            return False
        self.state = State.RUNNING
        return True

    def ack(self) -> None:
        """Say that the broker confirmed every output of every record."""
        self.state = State.DONE
        self.progress.advance()

    def drop(self) -> None:
        """Give up the chunk: its records will be read again, here or elsewhere."""
        self.state = State.DROPPED

    def halves(self) -> tuple["Chunk", "Chunk"]:
        """The first and the second half of two or more records, to find the one that fails."""
        middle = len(self.records) // 2
        return (
            Chunk(self.tp, self.records[:middle], self.progress),
            Chunk(self.tp, self.records[middle:], self.progress),
        )


class Position(NamedTuple):
    """An assigned partition: the next offset to process after a crash, and the end of what can be read.

    `oldest_ms` is the broker time of the oldest record in hand and not yet done; None when nothing is in hand.
    """

    committed: int
    end: int
    oldest_ms: int | None = None


class Account:
    """Records the watermarks have passed, against records confirmed to be accounted for; the balance is always 0."""

    __slots__ = ("unaccounted",)

    def __init__(self) -> None:
        self.unaccounted = 0

    def passed(self, records: int, accounted: int) -> None:
        """A watermark passed records, so many of which are accounted for."""
        self.unaccounted += records - accounted


class Progress:
    """What one assigned partition has delivered, finished and committed. Void as soon as the partition leaves."""

    __slots__ = (
        *("_account", "_changed", "committed", "left", "owned"),
        *("pending", "pending_bytes", "warm", "watermark"),
    )

    def __init__(self, offset: int, changed: Callable[[], None], account: Account | None = None) -> None:
        self._changed = changed
        self._account = account or Account()
        self.pending: deque[Chunk] = deque()
        self.pending_bytes = 0
        self.watermark = offset  # the next offset to commit
        self.committed = offset
        self.owned = True
        self.left = asyncio.Event()  # the partition has gone or is leaving: finish what runs, try nothing again
        self.warm = False  # whether `ready` has said yes since this assignment

    @property
    def running(self) -> bool:
        """Whether any chunk is being worked on."""
        return any(chunk.state is State.RUNNING for chunk in self.pending)

    @property
    def delivered(self) -> int:
        """The next offset to deliver."""
        return self.pending[-1].next_offset if self.pending else self.watermark

    @property
    def oldest_ms(self) -> int | None:
        """The broker time of the first record in hand."""
        return self.pending[0].records[0].timestamp if self.pending else None

    def has_room(self, window: int, window_bytes: int) -> bool:
        """Whether more may be fetched: fewer than `window` chunks and `window_bytes` bytes are in hand."""
        return len(self.pending) < window and self.pending_bytes < window_bytes

    def add(self, chunk: Chunk) -> None:
        """Put a chunk behind those already delivered."""
        self.pending.append(chunk)
        self.pending_bytes += chunk.size_bytes

    def advance(self) -> None:
        """Move the watermark to the end of the longest run of done chunks, never past an unfinished one.

        What is confirmed after the release moves nothing: another worker may have committed further by then.
        """
        while self.owned and self.pending and self.pending[0].state is State.DONE:
            chunk = self.pending.popleft()
            self.pending_bytes -= chunk.size_bytes
            self.watermark = chunk.next_offset
            self._account.passed(len(chunk.records), chunk.accounted)
        self._changed()

    def pass_over(self, position: int) -> None:
        """Let the watermark pass markers, aborted and compacted records when nothing before `position` is in hand."""
        if not self.pending and position > self.watermark:
            self.watermark = position

    def drop_queued(self) -> None:
        """Forget what nobody has started; it will be read again from the committed offset."""
        while self.pending and self.pending[-1].state is State.QUEUED:
            chunk = self.pending.pop()
            self.pending_bytes -= chunk.size_bytes
            chunk.drop()

    def leave(self) -> None:
        """The partition is about to go: start nothing more, try nothing again."""
        self.left.set()
        self.drop_queued()
        self._changed()

    def release(self) -> None:
        """The partition has gone, or its position was set back: nothing delivered so far counts any more."""
        self.owned = False
        self.left.set()
        self.drop_queued()
        self._changed()


def size_of(record: Record) -> int:
    """Bytes of key and value."""
    return len(record.key or b"") + len(record.value or b"")


def split(records: Sequence[Record], *, chunk_max: int, chunk_bytes: int) -> Iterator[tuple[Sequence[Record], int]]:
    """Runs of at most `chunk_max` records and `chunk_bytes` bytes, each with its bytes; a larger record runs alone."""
    run: list[Record] = []
    run_bytes = 0
    for record in records:
        record_bytes = size_of(record)
        if run and (len(run) == chunk_max or run_bytes + record_bytes > chunk_bytes):
            yield run, run_bytes
            run, run_bytes = [], 0
        run.append(record)
        run_bytes += record_bytes
    if run:
        yield run, run_bytes


def message_of(chunk: Chunk, generation: int) -> Any:
    """What Faust's own event needs: the place of the chunk's last record, no content."""
    last = chunk.records[-1]
    place = (chunk.tp.topic, chunk.tp.partition, last.offset, last.timestamp / 1000.0, 0)
    no_content = (None, None, None, None, 0, 0)
    return ConsumerMessage(*place, *no_content, chunk.tp, generation_id=generation)


class Turn:
    """Lets the event loop run between records: `await turn.give()` yields once 20 ms of computing have passed."""

    __slots__ = ("_every_seconds", "_since", "_tick")

    def __init__(self, every_seconds: float = TURN_SECONDS, tick: Callable[[], float] = clock.monotonic) -> None:
        self._every_seconds = every_seconds
        self._tick = tick
        self._since = tick()

    async def give(self) -> None:
        """Yield to the loop when it is time, else return at once."""
        if self._tick() - self._since >= self._every_seconds:
            await asyncio.sleep(0)
            self._since = self._tick()
