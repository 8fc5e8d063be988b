"""One seed: an input, some workers, and a driver that makes things happen to them."""

import asyncio
import gc
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from faust.types.tuples import TP

from streams.chunks import Chunk, Outbox
from tests.simulation.broker import REBALANCE_SECONDS, SESSION_SECONDS, Broker, Input
from tests.simulation.ledger import Ledger, checked_take
from tests.simulation.scheduler import World
from tests.simulation.virtual import Patch, patched, virtual
from tests.simulation.worker import TOPIC, Name, Worker

BROKER_LIMITS = {"out": 400, "small": 300}  # what the broker enforces
CHAOS_SECONDS = 7.0
LIMIT_SECONDS = 240.0
SEEDS_BETWEEN_COLLECTIONS = 25


@dataclass(frozen=True)
class Outcome:
    """What one seed did."""

    seed: int
    violations: list[str]
    digest: int
    steps: int
    virtual_seconds: float
    records: int
    repeats: int
    events: Counter[str] = field(default_factory=Counter)
    trace: list[str] | None = None


class Scenario:
    """The state of one seed's run."""

    def __init__(self, seed: int, *, trace: bool = False) -> None:
        self.world = World(seed)
        self.world.trace = [] if trace else None
        self.random = self.world.random
        partitions = self.random.randint(1, 3)
        first = self.random.choice((0, 0, 100))
        inputs = {TP(Name(TOPIC), n): Input(first) for n in range(partitions)}
        self.broker = Broker(self.world, inputs, BROKER_LIMITS)
        self.ledger = Ledger(self.broker)
        self.workers: list[Worker] = []
        self.calm = self.random.random() < 0.3
        self.failures = 0.0 if self.calm else self.random.choice((0.0, 0.05, 0.15))
        self.late_answers = self.random.choice((0.0, 0.05, 0.3))
        self.slow_work = self.random.choice((0.0, 0.1, 0.4))
        self._once: set[bytes] = set()
        self.healed = False

    # What the workers run

    async def work(self, _worker: Worker, chunk: Chunk, out: Outbox) -> None:
        for record in chunk.records:
            name = b"%d:%d" % (chunk.partition, record.offset)
            kind = self.ledger.kinds[name]
            if self.random.random() < self.slow_work:
                await asyncio.sleep(self.random.random() ** 3 * 0.6)
            if kind == "poison" or (kind == "once" and name not in self._once):
                self._once.add(name)
                self.broker.counts["work that raised"] += 1
                raise ValueError(kind)
            if kind == "hang" and name not in self._once:
                self._once.add(name)
                self.broker.counts["work that hung"] += 1
                self.ledger.hung()
                await asyncio.sleep(REBALANCE_SECONDS * (0.4 + 0.3 * self.random.random()))
            padding = b" " + b"x" * 500 if kind in {"oversize", "refused"} else b""
            topic = "small" if kind == "oversize" else "out" if kind == "refused" or record.offset % 2 else "out2"
            out.add(topic, chunk.partition, None, name + padding)
            out.accounts_for(1)

    async def ready(self, _tp: TP) -> None:
        await asyncio.sleep(self.random.random() ** 4)
        if not self.healed and self.random.random() < self.failures:
            self.broker.counts["states that failed"] += 1
            raise RuntimeError("no state yet")

    # What happens to them

    def start_worker(self) -> None:
        self.broker.counts["workers started"] += 1
        name = f"w{len(self.workers) + 1}"
        self.world.note(f"{name} starts")
        self.workers.append(
            Worker(self.world, self.broker, name, self.work, self.ready, self.ledger, self.late_answers)
        )

    @property
    def running(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.running]

    async def feed(self) -> None:
        """Put records and gaps into the input, now and then."""
        left = self.random.randint(5, 60)
        tps = sorted(self.broker.inputs)
        while left and not self.healed:
            tp = self.random.choice(tps)
            log = self.broker.inputs[tp]
            for _ in range(min(left, self.random.randint(1, 8))):
                left -= 1
                self._gap(log)
                self.ledger.record(tp, log.end, self._kind())
                log.append(b"record")
            self._gap(log)
            await asyncio.sleep(self.random.random() * 0.5)

    def _gap(self, log: Input) -> None:
        chance = self.random.random()
        if chance < 0.1:
            self.broker.counts["gaps"] += 1
            log.append(None, places=self.random.randint(1, 4))
        elif chance < 0.15 and log.entries:
            self.broker.counts["gaps"] += 1
            log.skip(self.random.randint(1, 4))
            log.append(None)

    def _kind(self) -> str:
        if self.random.random() >= self.failures:
            return "plain"
        return self.random.choice(("poison", "once", "hang", "oversize", "refused"))

    async def drive(self) -> None:
        """The script of a run: start, trouble, healing, the end of the work, an orderly stop."""
        feeding = asyncio.ensure_future(self.feed())
        for _ in range(self.random.randint(1, 2)):
            self.start_worker()
        await asyncio.sleep(1.0 + self.random.random())
        deadline = self.world.now + CHAOS_SECONDS * self.random.random()
        if not self.calm:
            trouble = self.broker.trouble
            trouble.lost = self.random.choice((0.0, 0.02, 0.1))
            trouble.slow = self.random.choice((0.0, 0.05, 0.2))
        self.broker.trouble.fetch_late = self.random.choice((0.0, 0.3, 0.8))
        while self.world.now < deadline:
            await asyncio.sleep(self.random.random() * 1.5)
            self.happen()
        await self._heal()
        await feeding
        await self._finish()
        self.world.over = True

    def happen(self) -> None:
        """One thing, to one worker or to the broker."""
        planned = ("join", "stop", "main stall")
        unplanned = ("kill", "kill", "kill", "stall", "cut", "down", "frozen", "hanging")
        event = self.random.choice(planned if self.calm else planned + unplanned)
        running = self.running
        worker = self.random.choice(running) if running else None
        now = self.world.now
        if event == "join" or worker is None:
            if len(running) < 3:
                self.start_worker()
            return
        self.broker.counts[event] += 1
        if event == "stop":
            worker.stop()
            if self.random.random() < 0.7:
                self.start_worker()
        elif event == "kill":
            steps = int(self.random.random() * 400)
            loop = self.random.choice((worker.main_loop, worker.main_loop, worker.thread_loop))
            self.world.after_steps(steps, loop, lambda: self.kill(worker))
        elif event == "main stall":
            worker.stall(self.random.random() ** 2, whole=False)
        elif event == "stall":
            worker.stall(self.random.choice((0.5, 3.0, SESSION_SECONDS * 1.5)) * self.random.random(), whole=True)
        elif event == "cut":
            worker.process.cut_until = (
                now + self.random.choice((0.3, 2.0, SESSION_SECONDS * 1.8)) * self.random.random()
            )
            self.world.note(f"{worker.name} is cut off until {worker.process.cut_until:.2f}")
        elif event == "hanging":
            log = self.broker.inputs[self.random.choice(sorted(self.broker.inputs))]
            log.stable = log.end if log.stable is None else log.stable
            self.broker.loop.call_later(self.random.random() * 3, setattr, log, "stable", None)
        else:
            self.broker.interrupt(self.random.random() * 2, frozen=event == "frozen")

    def kill(self, worker: Worker) -> None:
        if worker.process.alive:
            self.broker.counts["crashes"] += 1
            self.ledger.lost(worker)
            worker.kill()

    async def _heal(self) -> None:
        self.world.note("everything heals")
        self.healed = True
        trouble = self.broker.trouble
        trouble.lost = trouble.slow = trouble.fetch_late = 0.0

    async def _finish(self) -> None:
        while not self.ledger.complete:
            if not self.running:
                self.start_worker()
            await asyncio.sleep(0.25)
        self.world.note("everything is written and committed")
        stopping = [worker for worker in self.workers if worker.process.alive]
        for worker in stopping:
            worker.stop()
        while any(worker.process.alive for worker in stopping):  # noqa: ASYNC110 - time is virtual
            await asyncio.sleep(0.25)


def runs(seeds: Iterable[int], patches: Iterable[Patch] = ()) -> Iterator[Outcome]:
    """Run seed after seed; garbage is collected now and then, since the collector would walk the heap in every run."""
    patches = list(patches)
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        for number, seed in enumerate(seeds, start=1):
            yield run(seed, patches)
            if number % SEEDS_BETWEEN_COLLECTIONS == 0:
                gc.collect()
    finally:
        gc.enable()
        gc.unfreeze()


def run(seed: int, patches: Iterable[Patch] = (), *, trace: bool = False) -> Outcome:
    """Run one seed to its end; `patches` break the engine on purpose."""
    scenario = Scenario(seed, trace=trace)
    world, ledger, broker = scenario.world, scenario.ledger, scenario.broker
    with (
        virtual(world),
        patched(patches),
        patched([(Chunk, "take", checked_take(ledger, Chunk.take))]),
    ):
        broker.loop.create_task(scenario.drive())
        world.run(LIMIT_SECONDS)
        if not world.over:
            ledger.violation(f"stuck: committed {sorted(broker.committed.items())}, running {len(scenario.running)}")
        ledger.check_end()
        world.end()
        for worker in scenario.workers:
            worker.forget()
    return Outcome(
        seed,
        ledger.violations,
        world.digest,
        world.steps,
        world.now,
        len(ledger.kinds),
        ledger.repeats,
        broker.counts,
        world.trace,
    )
