"""Whether a worker's group has done all there is to do: for an end that does not trust the count of what came out."""

from aiokafka import AIOKafkaConsumer

from streams.clients import open_admin
from streams.delivery.linear import committed_by
from streams.settings import BrokerSettings
from streams.topics import Topics


async def settled(bootstrap: str, names: Topics) -> bool:
    """Whether every record of `claims.received`, and then of the log it became, is committed.

    In this order: what is committed of the one has put all its claims into the other.
    """
    group = f"{names.prefix}{BrokerSettings().group}"
    for topic in (names.received, names.patient_events):
        if await _lag(bootstrap, group, topic) > 0:
            return False
    return True


async def _lag(bootstrap: str, group: str, topic: str) -> int:
    """Records of a topic that the group has not committed."""
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap) as consumer:
        ends = await consumer.end_offsets(consumer.assignment())
    async with open_admin({"bootstrap_servers": bootstrap}) as admin:
        committed = await committed_by(admin, group)
    return sum(end - committed.get((tp.topic, tp.partition), 0) for tp, end in ends.items())
