"""One worker process of a simulation: the real `ChunkApp`, with the model broker where aiokafka would be.

Real are the whole of `streams.chunks`, and of Faust the app, the services and their start and stop, the consumer and
its commit timer, the consumer thread with the two workers of its method queue, the agents and their streams, the
conductor, the fetcher service, and the recovery service that ends every rebalance (`Recovery._resume_streams`).
Replaced are the aiokafka consumer and producer, the operating system's threads, and clocks.
"""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

from faust.app.base import BootStrategy
from faust.types.tuples import TP

from streams.chunks import Chunk, ChunkApp, DeadLetter, Outbox, Record
from streams.chunks.app import ChunkTransport
from streams.chunks.consumer import ChunkConsumer, ChunkConsumerThread
from streams.chunks.producer import ChunkProducer
from tests.simulation.broker import REBALANCE_SECONDS, SESSION_SECONDS, Broker
from tests.simulation.clients import ModelConsumer, ModelProducer
from tests.simulation.network import Process
from tests.simulation.scheduler import Loop, World

CHUNK_MAX = 3
WINDOW = 2
TOPIC = "in"
RECORD_LIMITS = {"small": 300}  # what the engine knows of the limits of topics


class Name(str):
    """A topic's name whose hash, and so the order of sets of partitions, is the same in every process."""

    __slots__ = ()

    def __hash__(self) -> int:
        return len(self)


class PseudoThread:
    """In place of an operating system's thread: its loop is one of the world's."""

    def __init__(self, service: Any) -> None:
        self._service = service

    def start(self) -> None:
        self._service.thread_loop.create_task(self._service._serve())

    def stop(self) -> None:
        """A pseudo thread has ended when its service has shut down."""


class SimulatedThread(ChunkConsumerThread):
    """The consumer thread, on a loop of the world."""

    def __init__(self, consumer: Any, **kwargs: Any) -> None:
        super().__init__(consumer, thread_loop=consumer.app.worker.thread_loop, Worker=PseudoThread, **kwargs)

    def _create_worker_consumer(self, transport: Any) -> Any:
        return self.app.worker.new_consumer()

    async def call_thread(self, fun: Any, *args: Any, **kwargs: Any) -> Any:
        """As stock, but an answer may come late, and so overtake others: more than the method queue permits."""
        answer = await super().call_thread(fun, *args, **kwargs)
        random = self.app.worker.world.random
        if random.random() < self.app.worker.late_answers:
            self.app.worker.broker.counts["late answers"] += 1
            await asyncio.sleep(random.random() ** 2)
        return answer

    async def _gather_remaining_tasks(self) -> None:
        """As stock, in the order the tasks were made and without a walk through the tasks of every loop."""
        left = [task for task in self.thread_loop.tasks if not task.done() and task is not asyncio.current_task()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def on_crash(self, msg: str, *fmt: Any, **kwargs: Any) -> None:
        self.app.worker.world.note(msg.format(*fmt))


class SimulatedConsumer(ChunkConsumer):
    """The consumer with the simulated thread."""

    def _new_consumer_thread(self) -> ChunkConsumerThread:
        return SimulatedThread(self, loop=self.loop, beacon=self.beacon)

    async def verify_all_partitions_active(self) -> None:
        """Faust's check of its own progress only logs, and reads the wall clock."""


class SimulatedProducer(ChunkProducer):
    """The producer on the model broker."""

    def _new_producer(self, transactional_id: str | None = None) -> Any:
        return self.app.worker.new_producer()


class SimulatedTransport(ChunkTransport):
    """The transport of both."""

    Consumer = SimulatedConsumer
    Producer = SimulatedProducer


class WithoutSensors(BootStrategy):
    """The monitor's samplers measure the process."""

    enable_sensors = False


class SimulatedApp(ChunkApp):
    """The app with the simulated consumer and producer."""

    BootStrategy = WithoutSensors
    settings: ClassVar[Any] = None

    def __init__(self, worker: "Worker", **options: Any) -> None:
        self.worker = worker
        super().__init__("simulated", **options)

    def _load_settings(self, *, silent: bool = False) -> Any:
        if SimulatedApp.settings is None:  # making them takes as long as a tenth of a run
            SimulatedApp.settings = super()._load_settings(silent=silent)
        return SimulatedApp.settings

    def _new_transport(self) -> ChunkTransport:
        return SimulatedTransport(self.conf.broker_consumer, self)


class Worker:
    """A process: two loops, the app, and what its supervisor does when the app crashes."""

    def __init__(
        self,
        world: World,
        broker: Broker,
        name: str,
        work: Callable[["Worker", Chunk, Outbox], Any],
        ready: Callable[[TP], Any],
        ledger: Any,
        late_answers: float,
    ) -> None:
        self.world, self.broker, self.name, self.ledger = world, broker, name, ledger
        self.process = Process(name)
        self.main_loop, self.thread_loop = Loop(world, f"{name} main"), Loop(world, f"{name} thread")
        self.main_loop.on_stop_limit = self.stop_hard
        self.stopped = False
        self.late_answers = late_answers
        self._work, self._ready = work, ready
        self.stopping = False
        self.app: Any = None
        self.main_loop.create_task(self._run())

    @property
    def running(self) -> bool:
        return self.process.alive and not self.stopping

    def new_consumer(self) -> ModelConsumer:
        return ModelConsumer(self.broker, self.thread_loop, self.process, self.ledger.about_to_commit)

    def new_producer(self) -> ModelProducer:
        return ModelProducer(self.broker, self.main_loop, self.process, self.ledger.confirmed)

    def kill(self) -> None:
        """The process vanishes; what it has sent may or may not arrive."""
        if self.process.alive:
            self.process.alive = False
            self.world.note(f"{self.name} is killed")
            self.world.kill(self.main_loop, self.thread_loop)

    def stop(self) -> None:
        """SIGTERM."""
        if self.app is None:
            self.kill()
        elif self.running:
            self.stopping = True
            self.world.note(f"{self.name} stops")
            self.main_loop.call_soon_threadsafe(self._start_stopping)

    def stall(self, seconds: float, *, whole: bool) -> None:
        """The main thread, or the whole process, stands still."""
        until = self.world.now + seconds
        self.world.note(f"{self.name} {'process' if whole else 'main thread'} stands still for {seconds:.2f} s")
        self.main_loop.stalled_until = until
        if whole:
            self.thread_loop.stalled_until = until

    def stop_hard(self) -> None:
        """`stop_limit_seconds` have passed."""
        self.broker.counts["hard stops"] += 1
        self.kill()

    def forget(self) -> None:
        """Let the app go: Faust's signals keep what is connected to them for as long as the process lives."""
        if self.app is not None:
            self.app.on_partitions_assigned.disconnect(self.app._assigned)
            self.app.on_partitions_revoked.disconnect(self.app._revoked)

    async def _run(self) -> None:
        self.app = self._new_app()
        await self.app.start()
        await self.app._crashed.wait()
        if self.running:  # as Faust's worker: a crash of any service ends the process
            self.broker.counts["app crashes"] += 1
            self.world.note(f"{self.name} crashed: {self.app.crash_reason!r}")
            self.stopping = True
            self._start_stopping()

    def _new_app(self) -> SimulatedApp:
        app = SimulatedApp(
            self,
            broker="kafka://127.0.0.1:1",
            dead_letter=self._dead_letter,
            record_limits=RECORD_LIMITS,
            broker_session_timeout=SESSION_SECONDS,
            broker_heartbeat_interval=1.0,
            broker_rebalance_timeout=REBALANCE_SECONDS,
        )
        app.on_end = self.stop
        app.ready, app.on_assigned = self._ready, self._assigned
        topic = app.chunk_topic(Name(TOPIC), partitions=len(self.broker.inputs), chunk_max=CHUNK_MAX, window=WINDOW)

        async def work(chunk: Chunk, out: Outbox) -> None:
            await self._work(self, chunk, out)

        app.chunk_agent(topic, name="simulated")(work)
        return app

    async def _assigned(self, _partitions: set[TP]) -> None:
        await asyncio.sleep(self.world.random.random() ** 4)

    @staticmethod
    def _dead_letter(record: Record, _exc: Exception) -> DeadLetter:
        return DeadLetter("dead", record.key, b"%d:%d" % (record.partition, record.offset), [], record.partition)

    def _start_stopping(self) -> None:
        self.main_loop.create_task(self._stop())

    async def _stop(self) -> None:
        await self.app.stop()
        self.stopped = True
        self.world.note(f"{self.name} has stopped")
        self.process.alive = False
        self.world.kill(self.main_loop, self.thread_loop)
