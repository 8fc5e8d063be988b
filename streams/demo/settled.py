"""Whether a worker's group has done all there is to do: for an end that does not trust the count of what came out."""

from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.settings import BrokerSettings
from streams.topics import Topics


async def settled(bootstrap: str, names: Topics) -> bool:
    """Whether every record of `claims.received`, and then of the log it became, is committed.

    In this order: what is committed of the one has put all its claims into the other.
    """
    group = f"{names.prefix}{BrokerSettings().group}"
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False) as consumer:
        return await _lag(consumer, names.received) == 0 and await _lag(consumer, names.patient_events) == 0


async def _lag(consumer: Any, topic: str) -> int:
    """Records of a topic that the group has not committed."""
    await consumer.topics()
    partitions: Sequence[TopicPartition] = [
        TopicPartition(topic, partition) for partition in consumer.partitions_for_topic(topic) or ()
    ]
    ends = await consumer.end_offsets(partitions)
    return sum([end - (await consumer.committed(partition) or 0) for partition, end in ends.items()])
