"""Reading: whole fetches of one partition become chunks, and only confirmed chunks are committed."""

# ruff: noqa: SLF001 - `streams.chunks.pins` lists every private name of Faust and aiokafka used here
import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aiokafka.errors import OffsetOutOfRangeError
from faust.events import Event
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import TP
from mode import Service

from streams import clock
from streams.chunks.chunk import Chunk, Position, Progress, Record, message_of, split
from streams.chunks.thread import ChunkConsumerThread, ConsumerEndedError, Fetched
from streams.chunks.trouble import told

if TYPE_CHECKING:
    from streams.chunks.app import ChunkTopic

EXIT_STOPPED_HARD = 70
TROUBLE_SECONDS = 1.0  # before the broker is asked again
CHECK_SECONDS = 1.0
SAY_EVERY_SECONDS = 5.0
LOOK_EVERY_SECONDS = 5.0
SEEK_WAIT_SECONDS = 30.0
"""How long the end of a rebalance waits for positions; Faust gives up for good after `broker_request_timeout`."""


class ChunkConsumer(driver.Consumer):
    """Delivers chunks to the agents of `ChunkTopic`s, bounds what is in hand, commits what is confirmed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._progress: dict[TP, Progress] = {}
        self._epoch = 0  # fetch results of other epochs are void
        self._skipped: dict[TP, int] = {}  # first offset of valid records that could not be delivered
        self._moved = asyncio.Event()  # a chunk finished, or ownership changed
        self._committing = asyncio.Lock()  # one at a time, so that an older offset never overtakes a newer one
        self._seeking: asyncio.Task[None] | None = None  # sets the positions after a rebalance
        self._ends: Mapping[TP, int] = {}  # as the broker last said
        self._said_at: dict[str, float] = {}

    def _new_consumer_thread(self) -> ChunkConsumerThread:
        return ChunkConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def owned(self) -> set[TP]:
        """The partitions that are ours and whose positions are known."""
        return set(self._progress)

    @property
    def positions(self) -> dict[TP, Position]:
        """Committed offset and end of every assigned partition; none before the consumer has started."""
        assignment = self.assignment() if self._progress else ()
        return {
            tp: Position(progress.committed, self._end_of(tp, progress), progress.oldest_ms)
            for tp, progress in self._progress.items()
            if tp in assignment
        }

    def _end_of(self, tp: TP, progress: Progress) -> int:
        return max(self._thread.stable_end(tp) or 0, self._ends.get(tp, 0), progress.watermark)

    @property
    def unread(self) -> set[TP]:
        """Partitions that have been ours at the last look, hold records, and whose positions are still not set."""
        return {tp for tp, end in self._ends.items() if end and tp not in self._progress}

    @Service.task
    async def _watch(self) -> None:
        looked_at = clock.monotonic()
        while not self.should_stop:
            await self.sleep(CHECK_SECONDS)
            await self._check()
            if clock.monotonic() - looked_at >= LOOK_EVERY_SECONDS:
                await self._look()
                looked_at = clock.monotonic()

    async def _check(self) -> None:
        try:
            await self._thread.check()
        except ConsumerEndedError as exc:
            if not self.app.should_stop:
                self.app.end(EXIT_STOPPED_HARD, f"{exc}, so this worker reads nothing more and ends; start it again")
        except Exception as exc:  # noqa: BLE001 - whatever it is, the group is asked again
            self._say("the group", exc, self._progress)

    async def _look(self) -> None:
        trouble: Exception | None = None
        try:
            self._ends = await self._thread.ends()
        except Exception as exc:  # noqa: BLE001 - whatever it is, the broker is asked again
            trouble = exc
            self._say("the look at the ends of partitions", exc, self._progress)
        self.app.on_look(trouble)

    def _say(self, what: str, exc: Exception, partitions: Iterable[TP]) -> None:
        if clock.monotonic() - self._said_at.get(what, -math.inf) >= SAY_EVERY_SECONDS:
            self._said_at[what] = clock.monotonic()
            self.log.warning("Trouble with %s, which is tried again: %s", what, told(exc, group=self.app.conf.id))
        self.app.on_trouble(set(partitions), exc)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Stock guesses from events there are none of here, and fails during a rebalance; `ProgressProbe` knows."""

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not self._ending(fetcher):
                if self.flow_active:
                    await self._drain_patiently(fetcher)
                else:
                    await self.wait(self.can_resume_flow)
        except (*self.consumer_stopped_errors, asyncio.CancelledError):
            if not self.app.should_stop:
                raise

    async def _drain_patiently(self, fetcher: Any) -> None:
        try:
            await self._drain_once(fetcher)
        except self.consumer_stopped_errors:
            raise
        except Exception as exc:  # noqa: BLE001 - nothing a broker answers ends the reading
            # What else the fetch took has not been delivered: back to where delivery stands.
            self._skipped = {tp: progress.delivered for tp, progress in self._progress.items()}
            self._say("a fetch", exc, self._progress)
            if isinstance(exc, OffsetOutOfRangeError):
                await self.perform_seek()
            await self.sleep(TROUBLE_SECONDS)

    async def _drain_once(self, fetcher: Any) -> None:
        if self._skipped:
            await self._read_again()
        wanted, some_full = self._wanted()
        if not wanted:
            await self._wait_moved(0.5)
            return
        fetched = await self._thread.fetch(wanted, 0.02 if some_full else 0.5)
        while fetched.epoch > self._epoch and not self._ending(fetcher):  # noqa: ASYNC110 - soon, and rare
            await asyncio.sleep(0.001)  # perform_seek() is about to learn the new epoch
        if fetched.epoch == self._epoch:  # else read before the positions were set back: will come again
            self._take_in(fetched)
        await asyncio.sleep(0)

    def _ending(self, fetcher: Any) -> bool:
        return bool(self._stopped.is_set() or fetcher._stopped.is_set())

    def _wanted(self) -> tuple[set[TP], bool]:
        """Active partitions that have room, and whether some have none. Without a position nothing is fetched."""
        active = {tp for tp in self._get_active_partitions() if tp in self._progress}
        wanted = {tp for tp in active if self._has_room(tp)}
        return wanted, len(wanted) < len(active)

    def _has_room(self, tp: TP) -> bool:
        topic = self._topic_of(tp)
        return topic is None or self._progress[tp].has_room(topic.window, topic.window_bytes)

    def _topic_of(self, tp: TP) -> "ChunkTopic | None":
        # ChunkApp.agent() lets nothing but chunk topics be read, one agent each.
        return next(iter(self.app.topics._tp_index.get(tp) or ()), None)

    def _take_in(self, fetched: Fetched) -> None:
        if self.flow_active:
            for tp, position in fetched.positions.items():
                if tp in self._progress:
                    self._progress[tp].pass_over(position)
        for raw_tp, records in fetched.records.items():
            tp = TP(raw_tp.topic, raw_tp.partition)
            progress, topic = self._progress.get(tp), self._topic_of(tp)
            if not records or progress is None:  # not ours any more
                continue
            if self.flow_active and topic is not None:
                self._hand_out(tp, records, progress, topic)
            else:
                self._skipped.setdefault(tp, records[0].offset)

    def _hand_out(self, tp: TP, records: Sequence[Record], progress: Progress, topic: "ChunkTopic") -> None:
        self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
        generation = self.app.consumer_generation_id
        for run, run_bytes in split(records, chunk_max=topic.chunk_max, chunk_bytes=topic.chunk_bytes):
            chunk = Chunk(tp, run, progress, run_bytes)
            progress.add(chunk)
            topic.queue.force_put_nowait(Event(self.app, None, chunk, None, message_of(chunk, generation)))

    async def _read_again(self) -> None:
        epoch, rewound = await self._thread.rewind(dict(self._skipped), self._epoch)
        self._skipped.clear()  # not before: without the rewind they would be passed over
        if rewound:
            self._epoch = epoch

    async def _wait_moved(self, seconds: float) -> None:
        self._moved.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._moved.wait(), seconds)

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit the watermarks that moved; what cannot be committed now will be next time, never an error."""
        did = bool(await super().force_commit(topics, start_new_transaction=start_new_transaction))
        try:
            return await self._commit_moved() or did
        except Exception as exc:  # noqa: BLE001 - the commit timer must go on
            self._say("a commit", exc, self._progress)
            return did

    async def _commit_moved(self) -> bool:
        """Commit; False when nothing moved or the group has moved on. Raises what the broker says, or TimeoutError."""
        async with self._committing:
            moved = {
                tp: progress for tp, progress in self._progress.items() if progress.watermark != progress.committed
            }
            offsets = {tp: progress.watermark for tp, progress in moved.items()}
            if not offsets or not await self._commit(offsets):
                return False
            for tp, progress in moved.items():
                progress.committed = offsets[tp]
            self.app.monitor.on_tp_commit(offsets)
            return True

    async def perform_seek(self) -> None:
        """Go back to the committed offsets: everything delivered before is void. Ends every rebalance.

        While the broker does not tell them it is asked on, and nothing is fetched.
        """
        self._forget_positions()
        self._seeking = asyncio.ensure_future(self._find_positions())
        await asyncio.wait([self._seeking], timeout=SEEK_WAIT_SECONDS)

    async def _find_positions(self) -> None:
        while True:
            try:
                self._epoch, offsets = await self._thread.rewind()
            except Exception as exc:  # noqa: BLE001 - whatever it is, without positions nothing can be read
                self._say("the committed offsets", exc, self.assignment())
                await asyncio.sleep(TROUBLE_SECONDS)
            else:
                self._progress = {
                    tp: Progress(offset, self._moved.set, self.app.account) for tp, offset in offsets.items()
                }
                self._moved.set()
                return

    def _forget_positions(self) -> None:
        if self._seeking is not None:
            self._seeking.cancel()
        void, self._progress = self._progress, {}
        for progress in void.values():
            progress.release()
        self._skipped.clear()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish and commit what is running, before stock code forgets the partitions."""
        self.app.close_gate()
        if revoked:
            # The rebalance timeout, not the session's: heartbeats go on during this callback.
            await self.settle(self.app.conf.broker_rebalance_timeout * 0.5)
        await super().on_partitions_revoked(revoked)
        self._forget_positions()  # the group revokes all of them or none
        self._ends = {}

    async def on_stop(self) -> None:
        """Ask for positions no longer."""
        if self._seeking is not None:
            self._seeking.cancel()
        await super().on_stop()

    async def settle(self, limit_seconds: float) -> None:
        """Stop delivery, drop what nobody started, wait for what is running, commit.

        Who waits for the broker to take a chunk's outputs is waited for; who waits to try again gives up. Of two
        hand-overs at once, as when a worker is stopped during a rebalance, both end with the one that ends first.
        """
        self.stop_flow()
        self.app.flow_control.suspend()
        self.app.flow_control.clear()
        for progress in self._progress.values():
            progress.leave()
        deadline = self.loop.time() + limit_seconds
        while any(p.owned and p.running for p in self._progress.values()) and self.loop.time() < deadline:
            await self._wait_moved(0.2)
        await self._commit_until(deadline)
        late = sorted(tp for tp, p in self._progress.items() if p.running or p.watermark != p.committed)
        if late:
            self.log.warning("%s leave before they are committed, so records will be repeated", late)
        for progress in self._progress.values():
            if progress.running:
                progress.release()  # its state goes next: what is not worked on yet must not be

    async def _commit_until(self, deadline: float) -> None:
        while True:
            try:
                await self._commit_moved()
            except Exception as exc:  # noqa: BLE001 - whatever it is, after the deadline the partitions go without
                self._say("the commit before the hand-over", exc, self._progress)
                if self.loop.time() >= deadline:
                    return
                await asyncio.sleep(TROUBLE_SECONDS)
            else:
                return
