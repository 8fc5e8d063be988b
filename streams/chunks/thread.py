"""The aiokafka side of reading, in the thread Faust gives it."""

# ruff: noqa: SLF001 - `streams.chunks.pins` lists every private name of Faust and aiokafka used here
import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError, OffsetOutOfRangeError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import TP
from mode.threads import MethodQueue

from streams.chunks.chunk import Record

log = logging.getLogger(__name__)

FETCH_WAIT_MS = 50  # stock 1500: a fetch that waits for idle partitions holds up the busy ones
COMMIT_SECONDS = 5.0
"""How long a commit may take: aiokafka tries for ever, and after a rebalance it would commit for the wrong owner."""

LOOK_SECONDS = 10.0
CALLS_AT_ONCE = 4
"""A fetch, a commit, a rewind, and a look at the broker: none of them waits for another."""


class Fetched(NamedTuple):
    """What one fetch gave: records, or, when there were none, the positions that the empty fetch reached."""

    epoch: int
    records: Mapping[TP, Sequence[Record]]
    positions: Mapping[TP, int]


class ConsumerEndedError(Exception):
    """A background task of aiokafka ended: this consumer will read nothing more."""


class ChunkConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that runs the aiokafka consumer.

    A fetch may wait here while the group rebalances or the position is set back, and then return records of the old or
    of the new position. Both look alike to the main loop, so every result carries `epoch`, which changes in the same
    step (no await in between) as the positions do.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._queue: MethodQueue | None = None
        self.epoch = 0
        self._asked = 0  # rewinds to the committed positions; only the last one counts
        self._out_of_range: set[Any] = set()  # partitions the broker has no record of at our position
        self._said: dict[TP, int] = {}  # committed offsets behind which records were deleted, counted once

    @property
    def method_queue(self) -> MethodQueue:
        """What runs the calls of the main loop; stock runs two at once."""
        if self._queue is None:
            self._queue = MethodQueue(num_workers=CALLS_AT_ONCE, loop=self.thread_loop, beacon=self.beacon)
            self._method_queue = self._queue  # where stock looks for it when the thread stops
        return self._queue

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        consumer._isolation_level = "read_committed"  # stock reads aborted transactions
        consumer._auto_offset_reset = "none"  # `_rewind` decides, and says what can no longer be read
        return consumer

    async def fetch(self, partitions: set[TP], timeout: float) -> Fetched:  # noqa: ASYNC109 - aiokafka's own
        """Records of some of these partitions, as soon as there are any; none after `timeout` seconds."""
        fetched: Fetched = await self.call_thread(self._fetch, partitions, timeout)
        return fetched

    async def _fetch(self, partitions: set[TP], timeout: float) -> Fetched:  # noqa: ASYNC109 - as above
        consumer = self._ensure_consumer()
        try:
            records = await self._fetch_records(consumer, partitions, timeout=timeout)
        except OffsetOutOfRangeError as exc:
            self._out_of_range.update(exc.args[0])
            raise
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
        """Set positions to `offsets` (if `epoch` still holds), or to the committed ones: new epoch, new positions.

        One to the committed positions that is overtaken by a later one changes nothing.
        """
        if offsets is None:
            self._asked += 1
        rewound: tuple[int, dict[TP, int]] = await self.call_thread(self._rewind, offsets, epoch, self._asked)
        return rewound

    async def _rewind(self, offsets: Mapping[TP, int] | None, epoch: int, asked: int) -> tuple[int, dict[TP, int]]:
        consumer = self._ensure_consumer()
        if offsets is None:
            offsets = await self._committed(consumer)
            if asked != self._asked:
                return self.epoch, {}
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
        """Where to read on: the committed offsets, and the beginning where there is none that can be read."""
        offsets = {tp: await consumer.committed(tp) for tp in consumer.assignment()}
        beginnings = await consumer.beginning_offsets(list(offsets))
        latest = self.app.conf.consumer_auto_offset_reset == "latest"
        starts = await consumer.end_offsets(list(offsets)) if latest else beginnings
        for tp, offset in offsets.items():
            if offset is None:
                offsets[tp] = starts[tp]
            elif offset < beginnings[tp] or tp in self._out_of_range:
                self._say_deleted(TP(*tp), offset, beginnings[tp])
                offsets[tp] = beginnings[tp]
        self._out_of_range.clear()
        return offsets

    def _say_deleted(self, tp: TP, offset: int, beginning: int) -> None:
        place = (tp.topic, tp.partition, offset, beginning)
        if offset < beginning:
            log.error(
                "%s[%s] was committed to offset %s and begins at %s: what lies between was deleted unread", *place
            )
            if self._said.get(tp) == offset:
                return
            self._said[tp] = offset
            self.parent_loop.call_soon_threadsafe(self.app.account.passed, beginning - offset, 0)
        else:
            log.error("%s[%s] was committed to offset %s and ends before: it is read anew, from offset %s", *place)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit all of it; False when the group has moved on. Raises what the broker says, or TimeoutError.

        Stock ends the worker on any trouble.
        """
        consumer = self._ensure_consumer()
        assignment = consumer.assignment()
        ours = {driver.TopicPartition(*tp): offset for tp, offset in offsets.items() if tp in assignment}
        try:
            async with asyncio.timeout(COMMIT_SECONDS):
                await consumer.commit({tp: OffsetAndMetadata(offset, "") for tp, offset in ours.items()})
        except (CommitFailedError, IllegalStateError):
            return False
        return len(ours) == len(offsets)

    async def check(self) -> None:
        """Keep the membership of a consumer that does not fetch, and raise what its background tasks have met."""
        await self.call_thread(self._check)

    async def _check(self) -> None:
        consumer = self._ensure_consumer()
        coordinator = consumer._coordinator
        with consumer._subscription.fetch_context():
            pass  # a full window, or a broker that is away for long, is no reason to leave the group
        for task in (coordinator._coordination_task, consumer._fetcher._fetch_task):
            if task.done():
                raise ConsumerEndedError(f"aiokafka's {task.get_name()} ended")
        try:
            coordinator.check_errors()
        except KafkaError:
            # Its heartbeat may have ended with this error; joining anew starts another.
            coordinator.request_rejoin()
            raise

    def stable_end(self, tp: TP) -> int | None:
        """The end of what `read_committed` can read; None before the first fetch has told."""
        end: int | None = self._ensure_consumer().last_stable_offset(driver.TopicPartition(*tp))
        return end

    async def ends(self) -> dict[TP, int]:
        """The ends of what can be read of each assigned partition, as the broker has them now."""
        ends: dict[TP, int] = await self.call_thread(self._ends)
        return ends

    async def _ends(self) -> dict[TP, int]:
        consumer = self._ensure_consumer()
        assignment = list(consumer.assignment())
        if not assignment:
            return {}
        async with asyncio.timeout(LOOK_SECONDS):
            return {TP(*tp): end for tp, end in (await consumer.end_offsets(assignment)).items()}
