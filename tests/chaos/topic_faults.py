"""What happens to topics: missing, deleted, resized; transactions that abort or hang."""

import asyncio

from aiokafka.admin import NewPartitions

from streams.demo.feeding import headers_of
from streams.demo.generator import feed
from tests.chaos.feeder import producer
from tests.chaos.workers import EXIT_USAGE
from tests.chaos.world import PARTITIONS, World

HANGING_MS = 6000
DELETED_SECONDS = 5.0
TRANSACTIONS = 12


async def outcome_topic_missing(world: World) -> None:
    """Without an outcome topic the worker refuses to start; `topics apply` puts that right."""
    await world.fed(1000)
    await world.delete(world.topics.flagged)
    refusing = await world.start()
    refusing.expected = (EXIT_USAGE,)
    await refusing.ended()
    refusing.require_expected()
    await world.apply_topics()
    world.fault_ended()
    await world.start()


async def outcome_topic_deleted(world: World) -> None:
    """An outcome topic is deleted under load and created again: the decisions since then are all there."""
    await _deleted_and_created(world, world.topics.accepted)


async def dead_letter_topic_deleted(world: World) -> None:
    """The dead letter topic of what arrives is deleted under load and created again."""
    await _deleted_and_created(world, world.topics.received_dlt)


async def _deleted_and_created(world: World, topic: str) -> None:
    worker = await world.start()
    await world.busy()
    await world.quiet(lambda: world.keep_and_delete(topic))
    await asyncio.sleep(DELETED_SECONDS)
    await world.apply_topics()
    world.fault_ended()
    if not worker.running:
        await world.start()


async def outcome_topic_resized(world: World) -> None:
    """An outcome topic grows under load: the worker ends and says so, as decisions would not stand where claims do.

    Kafka takes no partition back: the operator keeps the decisions elsewhere, creates the topic anew, starts again.
    """
    worker = await world.start()
    await world.busy()
    async with world.admin() as admin:
        await admin.create_partitions({world.topics.flagged: NewPartitions(PARTITIONS + 1)})
    worker.expected = (EXIT_USAGE,)
    await worker.ended()
    worker.require_expected()
    await world.keep_records(world.topics.flagged)
    await world.delete(world.topics.flagged)
    await world.apply_topics()
    world.fault_ended()
    await world.start()


async def hanging_transaction(world: World) -> None:
    """A sender begins a transaction and falls silent: the broker ends it, nothing before or behind it is lost."""
    await world.start()
    await world.busy()
    client = producer(world.broker.direct, transactional_id=world.topics.prefix, transaction_timeout_ms=HANGING_MS)
    await client.start()
    try:
        await client.begin_transaction()
        for number, record in enumerate(feed(world.rng.randrange(1 << 30), 40)):
            await client.send_and_wait(
                world.topics.received, record.value, partition=number % PARTITIONS, headers=headers_of(record)
            )
        await asyncio.sleep(HANGING_MS / 1000)
        world.fault_ended()
        await world.fed(4000)
    finally:
        await asyncio.wait([asyncio.ensure_future(client.stop())], timeout=5)


async def aborted_transactions(world: World) -> None:
    """A sender aborts every third of its transactions; meanwhile a worker is killed."""
    worker = await world.start()
    records = list(feed(world.rng.randrange(1 << 30), 100 * TRANSACTIONS))
    share = len(records) // TRANSACTIONS
    client = producer(world.broker.direct, transactional_id=world.topics.prefix)
    await client.start()
    try:
        for turn in range(TRANSACTIONS):
            if turn == TRANSACTIONS // 2:
                await world.busy()
                await worker.kill()
                await world.start()
            await client.begin_transaction()
            for number, record in enumerate(records[turn * share : (turn + 1) * share]):
                await client.send(
                    world.topics.received, record.value, partition=number % PARTITIONS, headers=headers_of(record)
                )
            await (client.abort_transaction() if turn % 3 == 0 else client.commit_transaction())
    finally:
        await client.stop()
    world.fault_ended()
