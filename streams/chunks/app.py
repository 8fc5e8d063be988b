"""A Faust app whose agents receive chunks: the wiring of consumer, producer and lanes.

app = ChunkApp("claims", broker="kafka://127.0.0.1:9092", dead_letter=dead_letter)
claims = app.chunk_topic("claims.patient-events", partitions=12)

@app.chunk_agent(claims)
async def validate(chunk: Chunk, out: Outbox) -> None:
    turn = Turn()
    for record in chunk.records:
        out.add("claims.accepted", chunk.partition, record.key, decide(record.value))
        out.accounts_for(1)
        await turn.give()
"""

import asyncio
import logging
import os
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import TP

from streams.chunks.chunk import Account, Position
from streams.chunks.consumer import EXIT_STOPPED_HARD, ChunkConsumer
from streams.chunks.lane import DeadLetterOf, Lane, Work
from streams.chunks.producer import BATCH_BYTES, REQUEST_BYTES, ChunkProducer
from streams.logs import place_of

log = logging.getLogger(__name__)

STOP_LIMIT_SECONDS = 25.0

Partitions = Callable[[set[TP]], Awaitable[None]]


class ChunkTopic(faust.Topic):
    """A topic of raw bytes whose one agent receives chunks."""

    def __init__(
        self,
        *args: Any,
        chunk_max: int = 200,
        chunk_bytes: int = 4 << 20,
        window: int = 4,
        window_bytes: int = 16 << 20,
        **kwargs: Any,
    ) -> None:
        self.chunk_max = chunk_max  # records in a chunk: bounds repeats after a crash and how long a lane computes
        self.chunk_bytes = chunk_bytes  # of key and value; a larger record is a chunk of its own
        self.window = window  # chunks in hand per partition; one fetch may go beyond it
        self.window_bytes = window_bytes
        kwargs.update(key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
        super().__init__(*args, **kwargs)

    def _clone_args(self) -> Mapping[str, Any]:
        # Faust reads from a clone of the topic an agent was given.
        sizes = ("chunk_max", "chunk_bytes", "window", "window_bytes")
        return {**super()._clone_args(), **{name: getattr(self, name) for name in sizes}}


class ChunkTransport(driver.Transport):
    """Faust's aiokafka transport with chunk delivery."""

    Consumer = ChunkConsumer
    Producer = ChunkProducer


class ChunkApp(faust.App):
    """A Faust app with chunk agents.

    A chunk is acknowledged after its work returned and the broker confirmed every output; the committed offset is the
    end of the longest run of such chunks. A record our own code raises on goes where `dead_letter` says, unchanged.
    Partitions leave in this order: stop delivery, drop what nobody started, wait for what is running, commit, let go.

    Hooks, all on the event loop, may be set until the app starts:
    `ready(tp)` returns when the state of a partition is warm; asked once after each assignment, before its first chunk,
    and cancelled when the partition leaves first. `on_assigned(partitions)` ends before any `ready` of that assignment;
    `on_revoked(partitions)` begins after the last chunk's work and commit. `on_retry(tp, exc)` and
    `on_dead_letter(topic, code)` count; `on_confirmed(tp, work_seconds, confirm_seconds)` does for each chunk.
    `on_trouble(partitions, exc)` does for what concerns them all: a fetch, a commit, the group.
    `on_look(trouble)` follows each look at the ends of partitions: why the broker did not answer, or None.
    `on_end()` is to stop the worker in good order, which then ends with `exit_code`; see `end`.
    """

    DEFAULTS: Mapping[str, Any] = {
        "broker_max_poll_interval": 300.0,  # only a main loop that stands still comes to it; see `_check`
        "broker_session_timeout": 10.0,
        "broker_heartbeat_interval": 3.0,
        "broker_commit_interval": 0.25,
        "consumer_auto_offset_reset": "earliest",
        "consumer_metadata_max_age_ms": 30_000,  # how soon a topic that was made anew is read
        "producer_acks": -1,
        "producer_compression_type": "zstd",
        "producer_linger": 0,  # batches are complete when they are sent
        "producer_max_batch_size": BATCH_BYTES,
        "producer_max_request_size": REQUEST_BYTES,
        "producer_request_timeout": 30.0,
        "store": "memory://",
        "stream_wait_empty": False,  # `settle` waits itself
        "topic_allow_declare": False,  # topics are created by `claimstream topics apply`
        "topic_disable_leader": True,
        "web_enabled": False,
        "worker_redirect_stdouts": False,
    }

    def __init__(
        self,
        id: str,  # noqa: A002 - Faust's own name
        *,
        dead_letter: DeadLetterOf,
        record_limits: Mapping[str, int] | None = None,
        stop_limit_seconds: float = STOP_LIMIT_SECONDS,
        **options: Any,
    ) -> None:
        """`record_limits`: `max.message.bytes` of output topics where it is not 2 MiB."""
        self.dead_letter = dead_letter
        self.record_limits = dict(record_limits or {})
        self.stop_limit_seconds = stop_limit_seconds
        self.ready: Callable[[TP], Awaitable[None]] | None = None
        self.on_assigned: Partitions | None = None
        self.on_revoked: Partitions | None = None
        self.on_retry: Callable[[TP, Exception], None] = lambda _tp, _exc: None
        self.on_dead_letter: Callable[[str, str], None] = lambda _topic, _code: None
        self.on_confirmed: Callable[[TP, float, float], None] = lambda _tp, _work_seconds, _confirm_seconds: None
        self.on_trouble: Callable[[set[TP], Exception], None] = lambda _partitions, _exc: None
        self.on_look: Callable[[Exception | None], None] = lambda _trouble: None
        self.on_end: Callable[[], None] = lambda: None
        self.exit_code: int | None = None
        self.account = Account()
        self._lanes: dict[TP, Lane] = {}
        self._gate = asyncio.Event()  # open from the end of `on_assigned` until the partitions are revoked
        super().__init__(id, **{**self.DEFAULTS, **options})
        self.on_partitions_assigned.connect(self._assigned)
        self.on_partitions_revoked.connect(self._revoked)

    @property
    def positions(self) -> Mapping[TP, Position]:
        """Committed offset and end of every assigned partition, for lag and liveness."""
        return self._consumer.positions if self._consumer is not None else {}

    @property
    def unread(self) -> set[TP]:
        """Partitions that are ours, hold records, and are not read yet; a state to pass through, soon."""
        return self._consumer.unread if self._consumer is not None else set()

    def end(self, exit_code: int, why: str) -> None:
        """Start no more chunks and stop the worker in good order; the first call counts."""
        if self.exit_code is None:
            self.exit_code = exit_code
            log.error(why)
            self.close_gate()
            self.on_end()

    def chunk_topic(self, name: str, *, partitions: int, **sizes: int) -> ChunkTopic:
        """A topic to read in chunks; `sizes` are those of `ChunkTopic`."""
        return ChunkTopic(self, topics=[name], partitions=partitions, **sizes)

    def chunk_agent(self, topic: ChunkTopic, **options: Any) -> Callable[[Work], Any]:
        """Register `async def work(chunk, out)`: chunks of a partition in order, partitions concurrently."""

        def register(work: Work) -> Any:
            async def dispatch(stream: Any) -> None:
                stream.enable_acks = False  # the chunk carries its own acknowledgement
                async for event in stream.events():
                    self._lane(event.value.tp, work).put(event.value)

            # Faust names agents, and their log lines, after the function.
            dispatch.__module__ = work.__module__
            dispatch.__name__ = dispatch.__qualname__ = getattr(work, "__name__", topic.get_topic_name())
            return self.agent(topic, **options)(dispatch)

        return register

    def agent(self, channel: Any = None, **options: Any) -> Any:
        """As Faust's, for chunk topics only: the consumer delivers nothing but chunks."""
        if not isinstance(channel, ChunkTopic):
            raise TypeError("an agent of a ChunkApp reads a ChunkTopic; use chunk_topic() and chunk_agent()")
        return super().agent(channel, **options)

    async def opened(self, tp: TP) -> None:
        """Return when the assignment is complete and the state of the partition is warm."""
        await self._gate.wait()
        if self.ready is not None:
            await self.ready(tp)

    def close_gate(self) -> None:
        """Start no more chunks: the partitions are leaving."""
        self._gate.clear()
        for lane in self._lanes.values():
            lane.stop_waiting()

    def _new_transport(self) -> ChunkTransport:
        return ChunkTransport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """Faust would make folders for tables in the working directory; there are no tables."""

    def _lane(self, tp: TP, work: Work) -> Lane:
        lane = self._lanes.get(tp)
        if lane is None:
            lane = self._lanes[tp] = Lane(self, tp, work)
            lane.task.add_done_callback(self._lane_ended)
        return lane

    def _lane_ended(self, task: "asyncio.Task[None]") -> None:
        exc = None if task.cancelled() else task.exception()
        if exc is not None:  # a hook raised: without its lane the partition would stand still, unseen
            self.add_future(self.crash(RuntimeError(f"a lane ended by {place_of(exc)}")))

    async def _assigned(self, _app: Any, assigned: set[TP], **_: Any) -> None:
        if self.on_assigned is not None:
            await self.on_assigned(set(assigned))
        if self.exit_code is None:  # else the hook ended the worker: nothing may be decided any more
            self._gate.set()

    async def _revoked(self, _app: Any, revoked: set[TP], **_: Any) -> None:
        if self.on_revoked is not None and revoked:
            await self.on_revoked(set(revoked))

    async def stop(self) -> None:
        """Stop within `stop_limit_seconds`, or end the process.

        With the broker away an idempotent producer would wait for ever, and a stop that failed would leave the thread
        of the consumer behind. Leaving then is safe, because nothing unconfirmed has been committed.
        """
        timer = threading.Timer(self.stop_limit_seconds, self._end_hard)
        timer.daemon = True
        timer.start()
        await super().stop()
        timer.cancel()

    def _end_hard(self) -> None:
        log.error(
            "the worker did not stop within %.0f s and ends; what is not committed is repeated", self.stop_limit_seconds
        )
        os._exit(self.exit_code or EXIT_STOPPED_HARD)

    async def _stop_consumer(self) -> None:
        """Hand over before the agents are cancelled, so that a planned stop repeats nothing."""
        self.close_gate()
        owned = self._consumer.owned if self._consumer is not None else set()
        if owned:
            await self._consumer.settle(self.stop_limit_seconds * 0.4)
            await self._revoked(self, owned)
        await super()._stop_consumer()
        for lane in self._lanes.values():
            lane.task.cancel()
        await asyncio.gather(*(lane.task for lane in self._lanes.values()), return_exceptions=True)
