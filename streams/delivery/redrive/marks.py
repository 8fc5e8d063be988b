"""The topics that remember which dead letters were redriven: one mark a letter, kept longer than the letter."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from streams.connecting import open_admin
from streams.delivery.redrive.letters import Route
from streams.topic_layout import DAY_MS, MIB, Layout, Topic, Topics
from streams.topics import TopicsDiffer, apply_topics

MARK_DAYS: Final = 120
"""Longer than a letter is kept, which is 90 days and the days its segment stays open."""


@dataclass(frozen=True, slots=True)
class Marks(Topics):
    """The name of one topic of marks, as a layout takes names."""

    topic: str = ""


class MarksLayout(Layout):
    """The layout of a topic of marks."""

    def topics(self, names: Topics) -> tuple[Topic, ...]:
        """That topic: its marks outlive the letters, and then go."""
        assert isinstance(names, Marks)
        config = {
            "cleanup.policy": "compact,delete",
            "retention.ms": str(MARK_DAYS * DAY_MS),
            "retention.bytes": "-1",
            "segment.ms": str(7 * DAY_MS),
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(MIB),
        }
        return (Topic(names.topic, 1, self.replication_factor, config),)


def marks_topics(topics: Topics) -> tuple[Topic, ...]:
    """The topics of marks of a deployment."""
    routes = (Route.of(letters, topics) for letters in (topics.received_dlt, topics.patient_events_dlt))
    return tuple(topic for route in routes for topic in MarksLayout().topics(Marks(topic=route.marks)))


async def create_marks(client: Mapping[str, Any], route: Route) -> None:
    """Create the topic of marks where it is missing, with as many replicas as its letters have. Raises TopicsDiffer."""
    bootstrap = client["bootstrap_servers"]
    async with open_admin(bootstrap, client) as admin:
        found = {each["topic"]: each["partitions"] for each in await admin.describe_topics()}
    # A mark that is lost is a letter sent twice.
    replicas = -1 if route.marks in found else min(len(each["replicas"]) for each in found[route.letters])
    layout = MarksLayout(replication_factor=replicas)
    steps = await apply_topics(bootstrap, Marks(topic=route.marks), layout, client=client)
    if differences := [each for step in steps for each in step.differences]:
        raise TopicsDiffer(differences)
