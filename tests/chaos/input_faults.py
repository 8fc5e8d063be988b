"""What happens to the topics that are read: they grow under load, or are compacted by mistake."""

from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256

from aiokafka import ConsumerRecord
from aiokafka.admin import NewPartitions
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from streams.demo.feeding import headers_of
from streams.demo.generator import FeedRecord, feed
from tests.chaos.accounts import Record, origin_of, place_of
from tests.chaos.reading import counts, read_found
from tests.chaos.workers import EXIT_USAGE, Worker
from tests.chaos.world import LAYOUT, PARTITIONS, Sent, World

STRANGERS = 40
SEGMENTS = {"segment.ms": "500", "min.cleanable.dirty.ratio": "0.001"}


async def received_resized(world: World) -> None:
    """`claims.received` grows under load: the worker ends and says how to go on, with the new partition among them."""
    worker = await world.start()
    await world.busy()
    claims = feed(world.rng.randrange(1 << 30), STRANGERS)
    await _grow(world, worker, world.topics.received, [(each.value, b"anybody", headers_of(each)) for each in claims])
    assert f"set CLAIMSTREAM_BROKER__RECEIVED_PARTITIONS={PARTITIONS + 1}" in worker.log()
    world.received_partitions += 1
    world.fault_ended()
    await world.start()


async def log_resized(world: World) -> None:
    """The log of patients grows under load: the worker ends, as patients would move between partitions.

    Kafka takes no partition back: the operator begins anew under another prefix, with all that was received.
    """
    worker = await world.start()
    await world.busy()
    log = await world.read(world.topics.patient_events)
    claims = [(each.value, each.key, each.headers) for each in log[:STRANGERS]]
    await _grow(world, worker, world.topics.patient_events, claims)
    assert "or another CLAIMSTREAM_BROKER__PREFIX" in worker.log()
    await world.begin_anew()
    world.fault_ended()
    await world.start()


async def _grow(world: World, worker: Worker, topic: str, claims: Sequence[Sent]) -> None:
    """Add a partition with claims in it; raises AssertionError if the worker made anything of them before it ended."""
    async with world.admin() as admin:
        await admin.create_partitions({topic: NewPartitions(PARTITIONS + 1)})

    async def look() -> tuple[bool, str]:
        there = (await counts(world.broker.direct, [topic]))[topic]
        return there > PARTITIONS, f"{there} partitions"

    await world.until("the new partition", look)
    await world.produce(topic, *claims, partition=PARTITIONS)
    worker.expected = (EXIT_USAGE,)
    await worker.ended()
    worker.require_expected()
    found = await read_found(world.broker.direct, world.topics, {})
    answers = [found.log, found.received_dead, found.manifests, found.log_dead, *found.decisions.values()]
    early = [place_of(each) for records in answers for each in records if _is_about(each, f"{topic}:{PARTITIONS}:")]
    assert not early, f"{len(early)} records were made of those of the new partition, the first at {early[0]}"


def _is_about(record: Record, place: str) -> bool:
    told = (record.value, *(content for _, content in record.headers))
    return origin_of(record).startswith(place) or any(place.encode() in (content or b"") for content in told)


async def received_compacted(world: World) -> None:
    """`claims.received` is compacted by mistake: no worker starts on it; once that is mended what is left is decided.

    The worker that reads over the gaps is killed. What the broker itself took away is kept out of the account.
    """
    topic = world.topics.received
    world.feeder.key_of = _shared_by_some
    right = next(each.config for each in LAYOUT.topics(world.topics) if each.name == topic)
    await _configure(world, topic, right | SEGMENTS)
    await world.fed(6000)
    await world.feeder.pause()
    await _configure(world, topic, right | SEGMENTS | {"cleanup.policy": "compact"})
    await _compacted(world, topic)
    refusing = await world.start()
    refusing.expected = (EXIT_USAGE,)
    await refusing.ended()
    refusing.require_expected()
    assert f"topic {topic} has cleanup.policy=compact instead of delete; set it with" in refusing.log()
    await _configure(world, topic, right)
    world.feeder.resume()
    worker = await world.start()
    await world.busy(1)
    await worker.kill()
    world.fault_ended()
    await world.start()


def _shared_by_some(record: FeedRecord) -> bytes:
    """A key of its own for half of the records; the others share sixteen, so that compaction leaves gaps."""
    digest = sha256(record.value).hexdigest()
    return digest.encode() if digest[-1] < "8" else digest[:1].encode()


async def _configure(world: World, topic: str, settings: Mapping[str, str]) -> None:
    async with world.admin() as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, dict(settings))])


async def _compacted(world: World, topic: str) -> None:
    """Return when the broker has left the last record of each key, and nothing else, of what stands on the topic."""
    fed = {place_of(each): each for each in await world.read(topic)}
    last = {(each.partition, each.key): place for place, each in fed.items()}

    async def look() -> tuple[bool, str]:
        # The segment that is written to is never compacted: another record of each partition begins the next one.
        await world.produce(topic, *((b"{}", world.rng.randbytes(8), []) for _ in range(PARTITIONS)))
        left = [each for each in await world.read(topic) if place_of(each) in fed]
        return len(left) == len(last), f"{len(left)} records stand, and {len(last)} keys"

    await world.until("the broker to compact", look)
    world.compacted = _hashes(list(fed.values())) - _hashes([fed[place] for place in last.values()])
    assert world.compacted, "compaction took nothing away"


def _hashes(records: Sequence[ConsumerRecord]) -> Counter[str]:
    return Counter(sha256(each.value or b"").hexdigest() for each in records)
