"""Reading: whole fetches of one partition become chunks, and only confirmed chunks are committed."""

# ruff: noqa: SLF001 - `streams.chunks.pins` lists every private name of Faust and aiokafka used here
import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from aiokafka.errors import KafkaError
from faust.events import Event
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import TP, ConsumerMessage

from streams.chunks.chunk import Chunk, Progress, Record, split

if TYPE_CHECKING:
    from streams.chunks.app import ChunkTopic

log = logging.getLogger(__name__)

FETCH_WAIT_MS = 50  # stock 1500: a fetch that waits for idle partitions holds up the busy ones


class Fetched(NamedTuple):
    """What one fetch gave: records, or, when there were none, the positions that the empty fetch reached."""

    epoch: int
    records: Mapping[TP, Sequence[Record]]
    positions: Mapping[TP, int]


class Position(NamedTuple):
    """An assigned partition: the next offset to process after a crash, and the end of what can be read.

    `oldest_ms` is the broker time of the oldest record in hand and not yet done; None when nothing is in hand.
    """

    committed: int
    end: int
    oldest_ms: int | None = None


class ChunkConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that runs the aiokafka consumer.

    A fetch may wait here while the group rebalances or the position is set back, and then return records of the old or
    of the new position. Both look alike to the main loop, so every result carries `epoch`, which changes in the same
    step (no await in between) as the positions do.
    """

    epoch = 0

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        consumer._isolation_level = "read_committed"  # stock reads aborted transactions
        return consumer

    def on_crash(self, msg: str, *fmt: Any, **kwargs: Any) -> None:
        """Log type and place; stock prints the text of the exception to stderr."""
        del msg, fmt, kwargs
        log.exception("the consumer thread crashed")  # noqa: LOG004 - called where it was caught

    async def fetch(self, partitions: set[TP], timeout: float) -> Fetched:  # noqa: ASYNC109 - aiokafka's own
        """Records of some of these partitions, as soon as there are any; none after `timeout` seconds."""
        fetched: Fetched = await self.call_thread(self._fetch, partitions, timeout)
        return fetched

    async def _fetch(self, partitions: set[TP], timeout: float) -> Fetched:  # noqa: ASYNC109 - as above
        consumer = self._ensure_consumer()
        records = await self._fetch_records(consumer, partitions, timeout=timeout)
        return Fetched(self.epoch, records, {} if records else self._positions(consumer, partitions))

    @staticmethod
    def _positions(consumer: Any, partitions: set[TP]) -> dict[TP, int]:
        subscription = consumer._subscription.subscription
        if subscription is None or subscription.assignment is None:
            return {}
        assignment = subscription.assignment
        states = {tp: assignment.state_value(tp) for tp in partitions if tp in assignment.tps}
        return {tp: state.position for tp, state in states.items() if state.has_valid_position}

    async def rewind(self, offsets: Mapping[TP, int] | None = None, epoch: int = 0) -> tuple[int, dict[TP, int]]:
        """Set positions to `offsets` (if `epoch` still holds), or to the committed ones: new epoch, new positions."""
        rewound: tuple[int, dict[TP, int]] = await self.call_thread(self._rewind, offsets, epoch)
        return rewound

    async def _rewind(self, offsets: Mapping[TP, int] | None, epoch: int) -> tuple[int, dict[TP, int]]:
        consumer = self._ensure_consumer()
        if offsets is None:
            offsets = await self._committed(consumer)
        elif epoch != self.epoch:
            return self.epoch, {}  # the positions were set back meanwhile
        # From here on without await: positions and epoch change together.
        assignment = consumer.assignment()
        kept = {TP(*tp): offset for tp, offset in offsets.items() if tp in assignment}
        for tp, offset in kept.items():
            consumer.seek(driver.TopicPartition(*tp), offset)
        self.epoch += 1
        return self.epoch, kept

    async def _committed(self, consumer: Any) -> dict[TP, int]:
        offsets = {tp: await consumer.committed(tp) for tp in consumer.assignment()}
        missing = [tp for tp, offset in offsets.items() if offset is None]
        if missing:
            latest = self.app.conf.consumer_auto_offset_reset == "latest"
            offsets.update(await (consumer.end_offsets if latest else consumer.beginning_offsets)(missing))
        return offsets

    def stable_end(self, tp: TP) -> int | None:
        """The end of what `read_committed` can read; None before the first fetch has told."""
        end: int | None = self._ensure_consumer().last_stable_offset(driver.TopicPartition(*tp))
        return end


class ChunkConsumer(driver.Consumer):
    """Delivers chunks to the agents of `ChunkTopic`s, bounds what is in hand, commits what is confirmed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._progress: dict[TP, Progress] = {}
        self._epoch = 0  # fetch results of other epochs are void
        self._skipped: dict[TP, int] = {}  # first offset of valid records that could not be delivered
        self._moved = asyncio.Event()  # a chunk finished, or ownership changed
        self._committing = asyncio.Lock()  # one at a time, so that an older offset never overtakes a newer one

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
            tp: Position(progress.committed, self._thread.stable_end(tp) or progress.watermark, progress.oldest_ms)
            for tp, progress in self._progress.items()
            if tp in assignment
        }

    # Reading

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not self._ending(fetcher):
                if self.flow_active:
                    await self._drain_once(fetcher)
                else:
                    await self.wait(self.can_resume_flow)
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise
        except asyncio.CancelledError:
            if not self.app.should_stop:
                raise

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
        """Active partitions that have room, and whether some have none."""
        active = self._get_active_partitions()
        wanted = {tp for tp in active if self._has_room(tp)}
        return wanted, len(wanted) < len(active)

    def _has_room(self, tp: TP) -> bool:
        progress, topic = self._progress.get(tp), self._topic_of(tp)
        return progress is None or topic is None or progress.has_room(topic.window, topic.window_bytes)

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
            topic.queue.force_put_nowait(Event(self.app, None, chunk, None, _message(tp, run[-1], generation)))

    async def _read_again(self) -> None:
        skipped, self._skipped = self._skipped, {}
        epoch, rewound = await self._thread.rewind(skipped, self._epoch)
        if rewound:
            self._epoch = epoch

    async def _wait_moved(self, seconds: float) -> None:
        self._moved.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._moved.wait(), seconds)

    # Committing

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit the watermarks that moved."""
        did = bool(await super().force_commit(topics, start_new_transaction=start_new_transaction))
        async with self._committing:
            assignment = self.assignment()
            moved = {
                tp: progress
                for tp, progress in self._progress.items()
                if progress.watermark != progress.committed and tp in assignment
            }
            offsets = {tp: progress.watermark for tp, progress in moved.items()}
            if not offsets or not await self._commit(offsets):
                return did
            for tp, progress in moved.items():
                progress.committed = offsets[tp]
            self.app.monitor.on_tp_commit(offsets)
            return True

    async def perform_seek(self) -> None:
        """Go back to the committed offsets: everything delivered before is void. Ends every rebalance."""
        for tp in list(self._progress):
            self._release(tp)
        self._skipped.clear()
        self._epoch, offsets = await self._thread.rewind()
        for tp, offset in offsets.items():
            self._progress[tp] = Progress(offset, self._moved.set)

    # Handing over

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish and commit what is running, before stock code forgets the partitions."""
        self.app.close_gate()
        if revoked:
            # The rebalance timeout, not the session's: heartbeats go on during this callback.
            await self.settle(self.app.conf.broker_rebalance_timeout * 0.5)
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self._release(tp)

    async def settle(self, limit_seconds: float) -> None:
        """Stop delivery, drop what nobody started, wait for what is running, commit."""
        self.stop_flow()
        self.app.flow_control.suspend()
        self.app.flow_control.clear()
        for progress in self._progress.values():
            progress.drop_queued()
        deadline = self.loop.time() + limit_seconds
        while any(p.running for p in self._progress.values()) and self.loop.time() < deadline:
            await self._wait_moved(0.2)
        try:
            await asyncio.wait_for(self.force_commit(), max(1.0, deadline - self.loop.time()))
        except (KafkaError, OSError, TimeoutError) as exc:
            self.log.warning("The commit before the hand-over failed, so records will be repeated: %r", exc)

    def _release(self, tp: TP) -> None:
        progress = self._progress.pop(tp, None)
        if progress is not None:
            progress.release()


def _message(tp: TP, last: Record, generation: int) -> Any:
    """What Faust's own event needs: the place of the chunk's last record, no content."""
    place = (tp.topic, tp.partition, last.offset, last.timestamp / 1000.0, 0)
    no_content = (None, None, None, None, 0, 0)
    return ConsumerMessage(*place, *no_content, tp, generation_id=generation)
