"""The run of the proof: a feed under kills, a rebuild of state, the last claims once more; then all topics are read."""

import random
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiokafka import ConsumerRecord

from schemas.codec import content_type
from streams import clock
from streams.sealing import Seal
from streams.state.patients import Patients
from streams.state.store import Store
from tests.chaos.waiting import until
from tests.chaos.workers import EXIT_CLEAN
from tests.recount.generator import feed
from tests.recount.making import KEY, event_id_of, ruleset
from tests.recount.site import PARTITIONS, Site, seconds_since

BATCH, BACKLOG_MAX = 200, 4000
"""How many records are sent at once, and how many may be undone before the next are: workers are always at work."""

AGAIN_CLAIMS = 1000
Say = Callable[[str], None]
Fault = Callable[[Site, random.Random], Awaitable[str]]
Records = Mapping[int, Sequence[ConsumerRecord]]


@dataclass(frozen=True)
class Terms:
    """The size of a run; the seed decides the feed, and the moments and victims of the kills."""

    events: int
    patients: int
    kills: int
    seed: int


@dataclass
class Played:
    """What a run left. By partition: the records of each topic, the rebuilt state, and what was delivered again.

    `ends` are those of the changelog and the outcome topics before the last claims were delivered again.
    """

    sent: set[str] = field(default_factory=set)
    seconds: dict[str, float] = field(default_factory=dict)
    rebuilt: dict[int, Patients] = field(default_factory=dict)
    rebuilt_records: int = 0
    rebuild_seconds: float = 0.0
    again: dict[int, list[int]] = field(default_factory=dict)
    ends: dict[tuple[str, int], int] = field(default_factory=dict)
    topics: dict[str, Records] = field(default_factory=dict)


async def play(site: Site, terms: Terms, say: Say) -> Played:
    """Play a run to its end. Raises WorkerEnded, StoodStill."""
    played, began = Played(), clock.monotonic()
    await _fed(site, terms, played, say)
    played.seconds["fed"] = seconds_since(began)
    began = clock.monotonic()
    await _rebuilt(site, played)
    say(f"{played.rebuilt_records} records of state rebuilt in {played.rebuild_seconds:.1f} s")
    await _delivered_again(site, played, terms)
    played.seconds["rebuilt and delivered again"] = seconds_since(began)
    topics = site.topics
    dead = (topics.received_dlt, topics.patient_events_dlt)
    played.topics = dict(await site.read(topics.patient_events, topics.state_changelog, *site.outcomes, *dead))
    return played


async def _fed(site: Site, terms: Terms, played: Played, say: Say) -> None:
    """The feed, epoch by epoch: those of the past straight into the log, that of today through intake."""
    rng = random.Random(terms.seed)
    faults, sent = _faults(terms, rng), 0
    today = datetime.fromtimestamp(clock.seconds(), UTC).date()
    for _ in range(2):
        await site.start()
    for made in feed(terms.seed, terms.events, terms.patients, today):
        played.sent.update(map(event_id_of, made))
        send_as = site.as_received if made[0].arrived_on == today else site.as_logged
        for at in range(0, len(made), BATCH):
            batch = made[at : at + BATCH]
            await site.send(send_as(each) for each in batch)
            sent += len(batch)
            while faults and faults[0][0] < sent:
                _, fault = faults.pop(0)
                say(f"{await fault(site, rng)}, after {sent} events")
            await site.done_but(BACKLOG_MAX)
        # Between two epochs lie more days than state keeps for what may be delivered again.
        await site.done_but(0)
        say(f"{made[0].arrived_on}: {len(made)} events done")
    await site.stop_workers()


async def _kill(site: Site, rng: random.Random) -> str:
    await rng.choice(site.running).kill()
    await site.start()
    return "a worker was killed, another one started"


async def _join(site: Site, _: random.Random) -> str:
    await site.start()
    return "one more worker was started"


async def _leave(site: Site, _: random.Random) -> str:
    oldest = site.running[0]
    oldest.expected = (EXIT_CLEAN, -signal.SIGTERM)  # the latter when it has only just begun
    await oldest.terminate()
    return "a worker was asked to end, and did"


def _faults(terms: Terms, rng: random.Random) -> list[tuple[int, Fault]]:
    """What happens to workers, each after how many events; the batch that was sent before keeps them busy then."""
    moments = sorted(rng.randrange(terms.events * 19 // 20) for _ in range(terms.kills + 2))
    faults: list[Fault] = [_kill] * len(moments)
    joins, leaves = sorted(rng.sample(range(len(moments)), 2))
    faults[joins], faults[leaves] = _join, _leave
    return list(zip(moments, faults, strict=True))


async def _rebuilt(site: Site, played: Played) -> None:
    """State anew from the changelog, as a worker does on assignment, and how long that takes."""
    store = Store(site.topics.state_changelog, site.client, Seal(KEY), ruleset().state)
    began = clock.monotonic()
    for partition in range(PARTITIONS):
        played.rebuilt[partition] = await store._read(partition)
    played.rebuild_seconds, played.rebuilt_records = clock.monotonic() - began, store.records_read


async def _delivered_again(site: Site, played: Played, terms: Terms) -> None:
    """The last claims once more: a worker is killed in the midst of them, and another one ends the work."""
    log = (await site.read(site.topics.patient_events))[site.topics.patient_events]
    of_each = min(AGAIN_CLAIMS, terms.events // 10) // PARTITIONS
    claims = {
        partition: [record.offset for record in records if _is_claim(record)][-of_each:]
        for partition, records in log.items()
    }
    played.again = claims
    ends = await site.ends(site.topics.state_changelog, *site.outcomes)
    played.ends = {(tp.topic, tp.partition): end for tp, end in ends.items()}
    await site.rewind({partition: offsets[0] for partition, offsets in claims.items() if offsets})
    doomed = await site.start()

    async def look() -> tuple[bool, str]:
        site.require_workers()
        now = sum((await site.ends(*site.outcomes)).values())
        before = sum(end for tp, end in ends.items() if tp.topic != site.topics.state_changelog)
        return now > before, f"{now - before} decisions again"

    await until("decisions again", look)
    await doomed.kill()
    await site.start()
    await site.done_but(0)
    await site.stop_workers()


def _is_claim(record: ConsumerRecord) -> bool:
    return dict(record.headers)["content-type"] == content_type("claim").encode()
