"""How a broker is brought to the topic layout of the contract (`streams.topic_layout`), or compared with it.

Nothing that exists is ever altered: a topic that differs is reported, one sentence a difference, because every one of
these settings is about keeping, ordering or losing claims.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from streams.connecting import BrokerRefused, BrokerUnreachable, TopicsError, open_admin
from streams.topic_layout import DEFAULT_LAYOUT, Difference, Found, Layout, Topic, Topics, compare

__all__ = [
    "Broker",
    "BrokerRefused",
    "BrokerUnreachable",
    "Difference",
    "Layout",
    "Step",
    "Topic",
    "Topics",
    "TopicsDiffer",
    "TopicsError",
    "apply_topics",
    "check_topics",
    "look_at",
    "plan",
    "require_group",
    "require_topics",
]


class TopicsDiffer(TopicsError):  # noqa: N818 - says what happened
    """The topics are not as the contract has them; `differences` says what and how to fix it."""

    def __init__(self, differences: Sequence[Difference]) -> None:
        self.differences = tuple(differences)
        first, rest = self.differences[0].message, len(self.differences) - 1
        more = f" ({rest} more; see `claimstream topics check`)" if rest else ""
        super().__init__(f"the topics are not as the contract has them: {first}{more}")


@dataclass(frozen=True, slots=True)
class Broker:
    """What answers at an address: the id of its cluster, and the topics it has."""

    cluster_id: str
    topics: frozenset[str]


@dataclass(frozen=True, slots=True)
class Step:
    """What `plan` would do, or `apply_topics` did, about one topic.

    `held`: missing, and not created because the partition counts of its neighbours are not those asked for.
    """

    topic: Topic
    action: Literal["create", "created", "keep", "differs", "held"]
    differences: tuple[Difference, ...] = ()


async def plan(
    bootstrap: str, topics: Topics, layout: Layout = DEFAULT_LAYOUT, *, client: Mapping[str, Any] | None = None
) -> list[Step]:
    """What `apply_topics` would do; changes nothing."""
    async with open_admin(bootstrap, client) as admin:
        return await _plan(admin, topics, layout)


async def apply_topics(
    bootstrap: str, topics: Topics, layout: Layout = DEFAULT_LAYOUT, *, client: Mapping[str, Any] | None = None
) -> list[Step]:
    """Create the topics that are missing and report those that differ; returns when the created ones can be used.

    `client` holds more keyword arguments of an aiokafka client (TLS, SASL). Raises BrokerUnreachable, BrokerRefused.
    """
    async with open_admin(bootstrap, client) as admin:
        steps = await _plan(admin, topics, layout)
        missing = [step.topic for step in steps if step.action == "create"]
        if missing:
            await _create(admin, bootstrap, missing)
        return [Step(step.topic, "created") if step.action == "create" else step for step in steps]


async def check_topics(
    bootstrap: str, topics: Topics, layout: Layout = DEFAULT_LAYOUT, *, client: Mapping[str, Any] | None = None
) -> list[Difference]:
    """Everything about the broker's topics that is not as the contract has it; empty when all is well."""
    async with open_admin(bootstrap, client) as admin:
        wanted = layout.topics(topics)
        return compare(wanted, topics, await _describe(admin, wanted))


async def look_at(bootstrap: str, *, client: Mapping[str, Any] | None = None) -> Broker:
    """The broker at an address. Raises BrokerUnreachable, BrokerRefused."""
    async with open_admin(bootstrap, client) as admin:
        cluster = await admin.describe_cluster()
        return Broker(cluster["cluster_id"] or "", frozenset(await admin.list_topics()))


async def require_topics(
    bootstrap: str, topics: Topics, layout: Layout = DEFAULT_LAYOUT, *, client: Mapping[str, Any] | None = None
) -> None:
    """Raise TopicsDiffer unless the broker's topics are as the contract has them; for a worker, before it starts."""
    differences = await check_topics(bootstrap, topics, layout, client=client)
    if differences:
        raise TopicsDiffer(differences)


async def require_group(bootstrap: str, group: str, *, client: Mapping[str, Any] | None = None) -> None:
    """Raise BrokerRefused where we may not use a consumer group: Faust would wait for it in silence."""
    from aiokafka.errors import GroupAuthorizationFailedError, GroupCoordinatorNotAvailableError  # noqa: PLC0415

    async with open_admin(bootstrap, client) as admin:
        try:
            await admin.find_coordinator(group)
        except GroupCoordinatorNotAvailableError:
            return  # the broker makes the topic of offsets when the first group is asked for
        except GroupAuthorizationFailedError as error:
            raise BrokerRefused(
                f"the Kafka broker at {bootstrap} does not let us use the consumer group {group}; run "
                "`claimstream topics apply` as the administrator, or correct CLAIMSTREAM_BROKER__GROUP"
            ) from error


async def _plan(admin: Any, topics: Topics, layout: Layout) -> list[Step]:
    wanted = layout.topics(topics)
    found = await _describe(admin, wanted)
    differences = compare(wanted, topics, found)
    # A log with another partition count makes any new neighbour wrong too: the counts are to be settled first.
    unsettled = any(each.kind == "partitions" and each.topic in topics.copartitioned for each in differences)
    steps = []
    for topic in wanted:
        own = tuple(each for each in differences if each.topic == topic.name)
        if topic.name not in found:
            held = unsettled and topic.name in topics.copartitioned
            steps.append(Step(topic, "held", own) if held else Step(topic, "create"))
        else:
            steps.append(Step(topic, "differs", own) if own else Step(topic, "keep"))
    return steps


async def _describe(admin: Any, wanted: Sequence[Topic]) -> dict[str, Found]:
    from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType  # noqa: PLC0415
    from aiokafka.errors import UnknownTopicOrPartitionError, for_code  # noqa: PLC0415

    names = {topic.name for topic in wanted}
    # All topics are listed: a broker with auto.create.topics.enable would create a missing one that is asked for.
    partitions = {each["topic"]: each["partitions"] for each in await admin.describe_topics() if each["topic"] in names}
    found: dict[str, Found] = {}
    if not partitions:
        return found
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in partitions])
    for code, text, _, name, entries in (resource for answer in answers for resource in answer.resources):
        if code == UnknownTopicOrPartitionError.errno:
            continue  # deleted since it was listed
        if code:
            raise for_code(code)(f"topic {name}: {text}")
        replicas = min(len(partition["replicas"]) for partition in partitions[name])
        found[name] = Found(len(partitions[name]), replicas, {entry[0]: entry[1] for entry in entries})
    return found


async def _create(admin: Any, bootstrap: str, missing: Sequence[Topic]) -> None:
    from aiokafka.admin import NewTopic  # noqa: PLC0415
    from aiokafka.errors import TopicAlreadyExistsError, for_code  # noqa: PLC0415

    new = [
        # NewTopic takes -1 only together with a replica assignment, be it an empty one.
        NewTopic(topic.name, topic.partitions, factor, {} if factor == -1 else None, dict(topic.config))
        for topic in missing
        for factor in (topic.replication_factor,)
    ]
    answer = await admin.create_topics(new)
    for name, code, *text in answer.topic_errors:
        if code not in (0, TopicAlreadyExistsError.errno):  # another `apply` may have been quicker
            reason = (text and text[0]) or for_code(code).__name__
            raise BrokerRefused(f"the Kafka broker at {bootstrap} refused to create topic {name}: {reason}")
    await _until_usable(admin, {topic.name: topic.partitions for topic in missing})


async def _until_usable(admin: Any, counts: Mapping[str, int]) -> None:
    """Return when every partition has a leader; `open_admin` bounds the time."""
    while True:
        led = {
            each["topic"]: sum(partition["leader"] >= 0 for partition in each["partitions"])
            for each in await admin.describe_topics()
        }
        if all(led.get(name, 0) >= count for name, count in counts.items()):
            return
        await asyncio.sleep(0.05)
