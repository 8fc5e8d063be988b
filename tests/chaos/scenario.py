"""One scenario, played: a fault under load, healing, and the account of everything that was fed."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from aiokafka.errors import KafkaError

from streams.demo.generator import SOURCES
from tests.chaos.accounts import SHOWN, Account, Found, origin_of, texts
from tests.chaos.broker import Broker
from tests.chaos.checker import account_of_intake, account_of_validate
from tests.chaos.reading import read_found
from tests.chaos.waiting import StoodStill
from tests.chaos.workers import WorkerEnded
from tests.chaos.world import CHUNK_MAX, COMMIT_INTERVAL_SECONDS, PARTITIONS, WINDOW, World, new_world
from validators.loading import load_ruleset
from validators.ruleset import Ruleset

Fault = Callable[[World], Awaitable[None]]
NEVER_MS = 1 << 60
AFTER_CLAIMS = 2000
LIMIT_SECONDS = 1800.0
TROUBLES = (StoodStill, WorkerEnded, KafkaError, OSError, AssertionError)  # TimeoutError is an OSError


def crashes(count: int, rate: float) -> int:
    """The most that `count` crashes may repeat: commit interval x rate + window x chunk size per partition, each."""
    return count * round(COMMIT_INTERVAL_SECONDS * rate + PARTITIONS * WINDOW * CHUNK_MAX)


@dataclass(frozen=True)
class Terms:
    """What all scenarios of a run share: the seed of feeds and moments, claims a second, and the size of the feeds."""

    seed: int
    rate: float
    scale: float = 1.0


@dataclass(frozen=True)
class Scenario:
    """A fault by name. `repeats` is how many crashes' worth of duplicates each agent may leave: intake, validate."""

    name: str
    fault: Fault
    crashes: tuple[int, int] = (0, 0)
    more_repeats: tuple[int, int] = (0, 0)
    own_broker: bool = False
    launcher: tuple[str, ...] = ()
    ruleset: Callable[[], Ruleset] = load_ruleset


@dataclass
class Row:
    """A row of the report: a fault and an agent."""

    name: str
    records: int
    lost: int
    duplicates: int
    contradictory: int
    recovery_seconds: float | None
    bound: int
    wrong: int
    seconds: float = 0.0
    evidence: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """The row in a line."""
        counts = f"{self.records} records, {self.lost} lost, {self.duplicates} repeated of at most {self.bound}"
        said = "holds" if self.holds else "BROKEN"
        return f"{said}: {self.name}: {counts}, {self.contradictory} contradictory, {self.wrong} wrong"

    @property
    def holds(self) -> bool:
        """Whether the promise was kept."""
        return not (self.lost or self.contradictory or self.wrong or self.duplicates > self.bound) and self.records > 0

    def as_json(self) -> dict[str, Any]:
        """The row as the report has it."""
        return asdict(self) | {"holds": self.holds}


async def play(scenario: Scenario, broker: Broker, folder: Path, terms: Terms, say: Callable[[str], None]) -> list[Row]:
    """Play a scenario against a broker; two rows, whatever happens."""
    rng = random.Random(f"{terms.seed} {scenario.name}")
    prefix = f"c{sha256(f'{terms.seed} {scenario.name}'.encode()).hexdigest()[:8]}."
    async with new_world(broker, prefix, folder, rng, rate=terms.rate, scale=terms.scale) as world:
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                await _to_the_end(scenario, world, say)
        except TROUBLES as error:
            say(told(error))
            await broker.heal()
            rows = not_judged(scenario, told(error))
        else:
            rows = await _judged(scenario, world, terms, say)
        await world.kill_workers()
        await world.delete(*await _topics_of(world, prefix))
    return rows


async def _to_the_end(scenario: Scenario, world: World, say: Callable[[str], None]) -> None:
    """Until everything is committed; before that, what merely waits could not be told from what is lost."""
    await scenario.fault(world)
    await world.fed(AFTER_CLAIMS)
    await world.feeder.stop()
    say("the feed has ended; waiting until everything is committed")
    await world.drained()


async def _judged(scenario: Scenario, world: World, terms: Terms, say: Callable[[str], None]) -> list[Row]:
    troubles = []
    try:
        await world.stop_workers()
    except WorkerEnded as error:
        troubles.append(told(error))
    await world.kill_workers()
    async with asyncio.timeout(LIMIT_SECONDS):
        found = await read_found(world.broker.direct, world.topics, world.before)
    say(f"{len(found.received)} records received; recounting")
    return _rows(scenario, world, found, troubles, terms.rate)


def told(error: BaseException) -> str:
    """What went wrong, as a row has it."""
    if isinstance(error, StoodStill | WorkerEnded):
        return str(error)
    if isinstance(error, TimeoutError) and not str(error):
        return f"the scenario was not over after {LIMIT_SECONDS:.0f} s"
    return f"{type(error).__name__} {error}"


def not_judged(scenario: Scenario, why: str) -> list[Row]:
    """The rows of a scenario that could not be played to its end or not be judged: broken, for this one reason."""
    account = Account(wrong=[f"not judged: {why}"])
    return [_row(f"{scenario.name} / {agent}", account, None, 0) for agent in ("intake", "validate")]


def _rows(scenario: Scenario, world: World, found: Found, troubles: list[str], rate: float) -> list[Row]:
    intake = account_of_intake(found, SOURCES)
    validate = account_of_validate(found, scenario.ruleset())
    held = Counter(sha256(each.value or b"").hexdigest() for each in found.received)
    lost = world.feeder.acknowledged - held - world.compacted
    intake.wrong += [f"the broker lost an acknowledged record {each[:12]}" for each in lost]
    recovered = recovery_seconds(found, world.fault_ended_ms or NEVER_MS)
    rows = []
    for number, (agent, account) in enumerate({"intake": intake, "validate": validate}.items()):
        if recovered[number] is None:
            account.wrong.append("nothing that was received after the fault came through")
        account.wrong[:0] = troubles
        bound = crashes(scenario.crashes[number], rate) + scenario.more_repeats[number]
        rows.append(_row(f"{scenario.name} / {agent}", account, recovered[number], bound))
    return rows


def _row(name: str, account: Account, recovered: float | None, bound: int) -> Row:
    evidence = [
        f"{kind}: {place}" for kind in ("lost", "contradictory", "wrong") for place in getattr(account, kind)[:SHOWN]
    ]
    if account.duplicates > bound:
        evidence += [f"repeated: {place}" for place in sorted(+account.repeats)[:SHOWN]]
    return Row(
        name=name,
        records=account.records,
        lost=len(account.lost),
        duplicates=account.duplicates,
        contradictory=len(account.contradictory),
        recovery_seconds=recovered,
        bound=bound,
        wrong=len(account.wrong),
        evidence=evidence,
    )


def recovery_seconds(found: Found, ended_ms: int) -> tuple[float | None, float | None]:
    """How long after the end of the fault each agent had answered a record received after it, in every partition.

    By the broker's clock; None where nothing was received after the fault, or nothing of it answered.
    """
    arrived = {f"{each.topic}:{each.partition}:{each.offset}": each for each in found.received}
    first: tuple[dict[int, int], dict[int, int]] = (defaultdict(lambda: NEVER_MS), defaultdict(lambda: NEVER_MS))
    for record in (*found.log, *found.received_dead):
        origin = arrived.get(texts(record).get("cs-origin") or origin_of(record))
        if origin is not None and origin.timestamp > ended_ms:
            first[0][origin.partition] = min(first[0][origin.partition], record.timestamp)
    log = {f"{each.topic}:{each.partition}:{each.offset}": each for each in found.log}
    for record in (each for several in found.decisions.values() for each in several):
        claim = log.get(texts(record).get("cs-position", ""))
        if claim is not None and int(texts(claim)["cs-arrived-ms"]) > ended_ms:
            first[1][claim.partition] = min(first[1][claim.partition], record.timestamp)
    intake, validate = (max(each.values(), default=None) for each in first)
    return _seconds(intake, ended_ms), _seconds(validate, ended_ms)


def _seconds(until_ms: int | None, since_ms: int) -> float | None:
    return None if until_ms is None else round(max(0, until_ms - since_ms) / 1000, 2)


async def _topics_of(world: World, prefix: str) -> Sequence[str]:
    async with world.admin() as admin:
        return [name for name in await admin.list_topics() if name.startswith(prefix)]
