"""The run of a demo: broker, topics, worker, feed, account, and an orderly end whatever happens on the way."""

import asyncio
import logging
import os
import shutil
import signal
import tempfile
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from aiokafka.errors import KafkaError

from streams import clock
from streams.demo.feeding import Sent, send
from streams.demo.generator import feed
from streams.demo.panel import View
from streams.demo.reader import LinearReader, open_reader
from streams.demo.screen import Addresses, Screen
from streams.demo.settled import settled
from streams.demo.tally import Tally
from streams.demo.worker import STOP_SECONDS, DemoWorker, WorkerDied
from streams.embedded_kafka import EmbeddedKafka, EmbeddedKafkaError
from streams.kafka_jars import COORDINATES
from streams.topics import Topics, TopicsError, apply_topics
from validators.catalogue import RULES

PREFIX = "demo."
EXIT_INTERRUPTED = 130
KAFKA_STOP_SECONDS = 10.0
FEED_STOP_SECONDS = 3.0
START_GIVEN_UP_SECONDS = 15.0
"""How long an interrupted start of Kafka may go on before we leave; its watchdog then ends it."""

QUIET_SECONDS = 15.0
"""Without a new record for so long it is asked whether anything is still to come."""

RATE_SECONDS = 3.0


class DemoError(Exception):
    """What ended the demo early, in one sentence."""


class Interrupted(Exception):  # noqa: N818 - says what happened
    """A signal ended the demo before its summary."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for; `rate` in claims a second, 0 for as fast as it goes."""

    claims: int
    seed: int
    rate: float
    keep: bool


def run(options: Options, screen: Screen) -> int:
    """Run a demo to its end; the number of claims lost. Raises DemoError and Interrupted."""
    # What goes wrong with the broker is said here, in a sentence; its clients would say it many times.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    demo = Demo(options, screen)
    try:
        return asyncio.run(demo.run())
    except (asyncio.CancelledError, EmbeddedKafkaError, TopicsError, WorkerDied, KafkaError) as error:
        if demo.interrupted:
            raise Interrupted from error
        if isinstance(error, KafkaError):
            raise DemoError(f"the embedded Kafka stopped answering ({type(error).__name__})") from error
        raise DemoError(str(error)) from error


class Demo:
    """One demo. A signal stops it wherever it is; once it is ending, signals change nothing."""

    def __init__(self, options: Options, screen: Screen) -> None:
        self.interrupted = False
        self._options = options
        self._screen = screen
        self._names = Topics(PREFIX)
        self._ending = False
        self._kept: asyncio.Event | None = None

    async def run(self) -> int:
        """Everything, from the first step to the last; the number of claims lost."""
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._signalled, task)
        async with AsyncExitStack() as stack:
            try:
                return await self._steps(stack)
            finally:
                self._end()

    def _signalled(self, task: "asyncio.Task[int]") -> None:
        if self._ending:
            return
        self._end()
        self._screen.interrupted()
        if self._kept is not None:
            self._kept.set()
        else:
            self.interrupted = True
            task.cancel()

    def _end(self) -> None:
        """From now on nothing is started and nothing keeps us from stopping what was."""
        self._ending = True
        self._screen.close()

    async def _steps(self, stack: AsyncExitStack) -> int:
        kafka = await stack.enter_async_context(self._kafka())
        with self._screen.step("Creating the topics") as done:
            steps = await apply_topics(kafka.bootstrap, self._names)
            done.append(f"{len(steps)} topics, named {PREFIX}*")
        worker = await stack.enter_async_context(self._worker(kafka))
        addresses = Addresses(kafka.bootstrap, PREFIX, f"{worker.url}/metrics")
        self._screen.up(addresses)
        view = await self._watch(kafka, worker)
        if self._options.keep:
            self._kept = asyncio.Event()
        self._screen.summary(view, addresses, keep=self._options.keep)
        if self._kept is not None:
            await self._until_told(self._kept, kafka, worker)
        return view.account.lost

    @asynccontextmanager
    async def _kafka(self) -> AsyncIterator[EmbeddedKafka]:
        kafka = EmbeddedKafka()
        version = COORDINATES[0].rpartition(":")[2]
        # In a thread, so that signals are heard meanwhile; a start once begun is seen through before it is undone.
        start = asyncio.create_task(asyncio.to_thread(kafka.start))
        try:
            with self._screen.step(f"Starting Apache Kafka {version}") as done:
                await asyncio.shield(start)
                done.append(f"Apache Kafka {version} on {kafka.bootstrap}")
            yield kafka
        finally:
            self._end()
            if not start.done():
                await asyncio.wait([start], timeout=START_GIVEN_UP_SECONDS)
            if not start.done():
                os._exit(EXIT_INTERRUPTED)
            with suppress(EmbeddedKafkaError), self._screen.step("Stopping Kafka") as done:
                start.result()
                await asyncio.to_thread(kafka.stop, KAFKA_STOP_SECONDS)
                done.append("Kafka stopped, its files removed")

    @asynccontextmanager
    async def _worker(self, kafka: EmbeddedKafka) -> AsyncIterator[DemoWorker]:
        folder = Path(tempfile.mkdtemp(prefix="claimstream-demo-"))
        worker = DemoWorker(folder, kafka.bootstrap, PREFIX)
        try:
            with self._screen.step("Starting the worker") as done:
                await worker.start()
                done.append(f"Worker with {len(RULES)} rules, metrics at {worker.url}/metrics")
            yield worker
        finally:
            self._end()
            with self._screen.step("Stopping the worker") as done:
                # Without its broker it could only wait for it.
                await worker.stop(STOP_SECONDS if kafka.running else 1.0)
                shutil.rmtree(folder, ignore_errors=True)
                done.append("Worker stopped")

    async def _watch(self, kafka: EmbeddedKafka, worker: DemoWorker) -> View:
        """Feed, read along, and return the view of the end: all is decided, or nothing more can come."""
        options, tally, sent = self._options, Tally(self._names), Sent()
        records = feed(options.seed, options.claims)
        feeding = asyncio.create_task(send(records, kafka.bootstrap, self._names.received, sent, rate=options.rate))
        ended = asyncio.create_task(worker.ended())
        try:
            async with open_reader(kafka.bootstrap, tally.topics) as reader:
                follow = _Follow(reader, tally, sent, options.claims)
                while not await follow.is_over(kafka.bootstrap):
                    _look_after(kafka, worker, ended)
                    if feeding.done():
                        feeding.result()
                    self._screen.progress(await follow.on())
                return follow.view()
        finally:
            for task in (feeding, ended):
                task.cancel()
            # A producer whose broker is gone would take its time.
            await asyncio.wait([feeding, ended], timeout=FEED_STOP_SECONDS)

    async def _until_told(self, told: asyncio.Event, kafka: EmbeddedKafka, worker: DemoWorker) -> None:
        """Return on a signal. Raises when what is kept running ends by itself."""
        waiting, ended = asyncio.create_task(told.wait()), asyncio.create_task(worker.ended())
        while not told.is_set():
            _look_after(kafka, worker, ended)
            await asyncio.wait([waiting, ended], timeout=1, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()


def _look_after(kafka: EmbeddedKafka, worker: DemoWorker, ended: "asyncio.Task[int]") -> None:
    """Raise when the broker or the worker has ended by itself."""
    if not kafka.running:
        raise EmbeddedKafkaError(f"Kafka ended by itself; the last lines of its log:\n{kafka.tail(12)}")
    if ended.done():
        raise worker.died(ended.result())


class _Follow:
    """Reads along and knows when it is over."""

    def __init__(self, reader: LinearReader, tally: Tally, sent: Sent, wanted: int) -> None:
        self._reader, self._tally, self._sent, self._wanted = reader, tally, sent, wanted
        self._started = self._heard_at = clock.monotonic()
        self._finished_at: float | None = None
        self._marks: deque[tuple[float, int]] = deque([(self._started, 0)])

    async def on(self) -> View:
        """Take in what is there, after a short wait for it, and show where it stands."""
        records = await self._reader.more(200)
        for record in records:
            self._tally.take(record)
        now = clock.monotonic()
        if records:
            self._heard_at = now
        view = self.view()
        self._marks.append((now, view.account.received - view.account.lost))
        while now - self._marks[0][0] > RATE_SECONDS:
            self._marks.popleft()
        return view

    def view(self) -> View:
        """Where it stands; the pace is that of the last seconds, at the end that of the whole."""
        (first_at, first), (last_at, last) = self._marks[0], self._marks[-1]
        if self._finished_at is not None:
            first_at, first, last_at = self._started, 0, self._finished_at
        pace = (last - first) / (last_at - first_at) if last_at > first_at else 0.0
        return View.of(self._tally, sent=self._sent.items, wanted=self._wanted, per_second=pace)

    async def is_over(self, bootstrap: str) -> bool:
        """Whether every record that was sent is accounted for, or the worker has nothing more to do."""
        if not self._sent.done:
            return False
        over = self._tally.records_read == self._sent.records and self._tally.account().lost == 0
        if not over and clock.monotonic() - self._heard_at > QUIET_SECONDS:
            over = await settled(bootstrap, self._tally.names)
            if over:
                async for record in self._reader.to_the_end():
                    self._tally.take(record)
            self._heard_at = clock.monotonic()
        if over:
            self._finished_at = clock.monotonic()
        return over
