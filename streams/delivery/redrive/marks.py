"""The topics that remember which dead letters were redriven: one mark a letter, kept longer than the letter."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

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
    """Create the topic of marks where it is missing. Raises TopicsDiffer."""
    steps = await apply_topics(client["bootstrap_servers"], Marks(topic=route.marks), MarksLayout(), client=client)
    if differences := [each for step in steps for each in step.differences]:
        raise TopicsDiffer(differences)
