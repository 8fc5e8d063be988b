"""What a worker does when its topics change under it."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from streams.app import Parts, build
from streams.embedded_kafka import EmbeddedKafka
from streams.settings import BrokerSettings, HttpSettings, Settings
from streams.topic_watch import TopicWatch
from streams.topics import Layout, Topics, apply_topics
from tests.integration.conftest import DEADLINE_SECONDS, Reader
from validators.loading import load_ruleset

LAYOUT = Layout(partitions=2, received_partitions=2)


@pytest.fixture
def layout() -> Layout:
    return LAYOUT


@dataclass
class Running:
    """A worker in this process whose topics are looked at only when the test says so."""

    parts: Parts
    watch: TopicWatch
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def assigned(self) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not self.parts.app.positions:  # noqa: ASYNC110 - the app tells nobody
                await asyncio.sleep(0.02)


@pytest.fixture
async def running(kafka: EmbeddedKafka, topics: Topics) -> AsyncIterator[Running]:
    broker = BrokerSettings(bootstrap=kafka.bootstrap, prefix=topics.prefix, partitions=2, received_partitions=2)
    settings = Settings(broker=broker, http=HttpSettings(port=0))
    parts = build(settings, load_ruleset(None), b"a key that only these tests have")
    running = Running(parts, TopicWatch(parts.app, broker))
    parts.app.on_end = running.ended.set
    await parts.app.start()
    yield running
    await parts.app.stop()


@pytest.fixture
async def admin(kafka: EmbeddedKafka) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await client.start()
    yield client
    await client.close()


async def send(producer: AIOKafkaProducer, topic: str, partition: int) -> None:
    await producer.send_and_wait(topic, json.dumps({"claim_id": "x"}).encode(), partition=partition)


@pytest.mark.parametrize("of", ["received", "patient_events", "accepted", "state_changelog"])
async def test_a_topic_that_got_another_partition_ends_the_worker_with_the_fix(
    running: Running, topics: Topics, admin: AIOKafkaAdminClient, caplog: pytest.LogCaptureFixture, of: str
) -> None:
    await running.assigned()
    await running.watch.look()

    assert running.parts.app.exit_code is None

    await admin.create_partitions({getattr(topics, of): NewPartitions(3)})
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not running.ended.is_set():
            await running.watch.look()

    assert running.parts.app.exit_code == 2
    assert f"topic {getattr(topics, of)} has 3 partitions instead of 2; set CLAIMSTREAM_BROKER__" in caplog.text


async def test_nothing_is_decided_from_an_added_partition_before_the_worker_ends(
    running: Running, topics: Topics, admin: AIOKafkaAdminClient, producer: AIOKafkaProducer, reader: Reader
) -> None:
    await running.assigned()
    await admin.create_partitions({topics.received: NewPartitions(3)})
    await producer.client.force_metadata_update()
    await send(producer, topics.received, 2)
    async with asyncio.timeout(DEADLINE_SECONDS):
        await running.ended.wait()  # no look: the group assigns the new partition once its metadata are old

    assert running.parts.app.exit_code == 2
    assert await reader.to_end(topics.manifests, topics.received_dlt) == []


async def test_an_output_topic_that_is_missing_is_waited_for_and_nothing_is_lost(
    running: Running,
    topics: Topics,
    admin: AIOKafkaAdminClient,
    producer: AIOKafkaProducer,
    reader: Reader,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await running.assigned()
    await admin.delete_topics([topics.manifests])
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not running.watch.missing:
            await running.watch.look()
    await send(producer, topics.received, 0)

    assert f"topic {topics.manifests} does not exist; run `claimstream topics apply`; nothing is lost" in caplog.text
    assert running.parts.app.exit_code is None

    await apply_topics(running.watch._broker.bootstrap, topics, LAYOUT)
    await running.watch.look()
    manifests = await reader.until(lambda records: len(records) == 1, topics.manifests)

    assert running.watch.missing == ()
    assert json.loads(manifests[0].value)["items"] == 1
    assert running.parts.app.account.unaccounted == 0
