import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import MessageSizeTooLargeError, TopicAuthorizationFailedError
from click.testing import CliRunner, Result

from streams import connecting
from streams.cli import cli
from streams.embedded_kafka import EmbeddedKafka, free_port
from streams.topics import (
    BrokerRefused,
    BrokerUnreachable,
    Difference,
    Layout,
    Topics,
    TopicsDiffer,
    apply_topics,
    check_topics,
    plan,
    require_topics,
)

REPOSITORY = Path(__file__).parents[2]
MIB = 1024 * 1024


async def administer(bootstrap: str, operation: str, *arguments: Any) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await getattr(admin, operation)(*arguments)
    finally:
        await admin.close()


async def found_within_10_seconds(
    bootstrap: str, names: Topics, layout: Layout, *wanted: tuple[str, str]
) -> list[Difference]:
    """The differences, once those wanted (topic and kind) are among them: a broker shows a change a little later."""
    async with asyncio.timeout(10):
        while True:
            differences = await check_topics(bootstrap, names, layout)
            if set(wanted) <= {(each.topic, each.kind) for each in differences}:
                return differences


async def test_apply_creates_every_topic_and_a_second_apply_changes_nothing(
    kafka: EmbeddedKafka, prefix: str, layout: Layout
) -> None:
    names = Topics(prefix)

    planned = await plan(kafka.bootstrap, names, layout)
    first = await apply_topics(kafka.bootstrap, names, layout)
    second = await apply_topics(kafka.bootstrap, names, layout)

    assert [step.topic for step in planned] == [step.topic for step in first] == list(layout.topics(names))
    assert {step.action for step in planned} == {"create"}
    assert {step.action for step in first} == {"created"}
    assert {step.action for step in second} == {"keep"}
    assert await check_topics(kafka.bootstrap, names, layout) == []
    await require_topics(kafka.bootstrap, names, layout)


async def test_plan_creates_nothing(kafka: EmbeddedKafka, prefix: str, layout: Layout) -> None:
    await plan(kafka.bootstrap, Topics(prefix), layout)

    differences = await check_topics(kafka.bootstrap, Topics(prefix), layout)
    assert {each.kind for each in differences} == {"missing"}


async def test_a_missing_topic_alone_is_created(kafka: EmbeddedKafka, topics: Topics, layout: Layout) -> None:
    await administer(kafka.bootstrap, "delete_topics", [topics.manifests])
    await found_within_10_seconds(kafka.bootstrap, topics, layout, (topics.manifests, "missing"))

    steps = await apply_topics(kafka.bootstrap, topics, layout)

    assert [step.topic.name for step in steps if step.action == "created"] == [topics.manifests]


@pytest.mark.parametrize(
    ("attribute", "setting"),
    [
        ("state_changelog", "cleanup.policy=delete"),
        ("received", "max.message.bytes=1048588"),
        ("accepted", "retention.ms=604800000"),
        ("patient_events", "retention.bytes=1000000"),
        ("received_dlt", "message.timestamp.type=CreateTime"),
    ],
)
async def test_a_changed_setting_is_found_and_left_as_it_is(
    kafka: EmbeddedKafka, topics: Topics, layout: Layout, attribute: str, setting: str
) -> None:
    topic = next(each for each in layout.topics(topics) if each.name == getattr(topics, attribute))
    kind, _, value = setting.partition("=")
    changed = ConfigResource(ConfigResourceType.TOPIC, topic.name, {**topic.config, kind: value})
    await administer(kafka.bootstrap, "alter_configs", [changed])

    differences = await found_within_10_seconds(kafka.bootstrap, topics, layout, (topic.name, kind))
    steps = await apply_topics(kafka.bootstrap, topics, layout)

    assert [(each.topic, each.kind, each.found) for each in differences] == [(topic.name, kind, value)]
    assert [step.differences for step in steps if step.action == "differs"] == [tuple(differences)]
    assert await check_topics(kafka.bootstrap, topics, layout) == differences


async def test_unequal_partition_counts_are_found_and_refused(
    kafka: EmbeddedKafka, prefix: str, layout: Layout
) -> None:
    names = Topics(prefix)
    await administer(
        kafka.bootstrap, "create_topics", [NewTopic(names.patient_events, 3, 1), NewTopic(names.accepted, 2, 1)]
    )

    differences = await found_within_10_seconds(
        kafka.bootstrap, names, layout, (names.patient_events, "unequal-partitions")
    )

    assert (names.patient_events, "partitions") in {(each.topic, each.kind) for each in differences}
    with pytest.raises(TopicsDiffer, match=f"topic {names.received} does not exist; run .* more; see") as refusal:
        await require_topics(kafka.bootstrap, names, layout)
    assert refusal.value.differences == tuple(differences)


async def test_topics_beside_a_log_of_another_partition_count_are_held_back(
    kafka: EmbeddedKafka, prefix: str, layout: Layout
) -> None:
    names = Topics(prefix)
    await administer(kafka.bootstrap, "create_topics", [NewTopic(names.patient_events, 3, 1)])
    await found_within_10_seconds(kafka.bootstrap, names, layout, (names.patient_events, "partitions"))

    actions = {step.topic.name: step.action for step in await apply_topics(kafka.bootstrap, names, layout)}

    assert actions[names.patient_events] == "differs"
    assert {actions[name] for name in names.copartitioned[1:]} == {"held"}
    assert actions[names.received] == "created"


async def test_a_broker_that_refuses_a_topic_is_quoted(kafka: EmbeddedKafka, prefix: str) -> None:
    with pytest.raises(BrokerRefused, match=f"refused to create topic {prefix}claims.received: .*replication factor"):
        await apply_topics(kafka.bootstrap, Topics(prefix), Layout(replication_factor=3))


async def test_a_record_over_the_readers_limit_still_arrives(kafka: EmbeddedKafka, topics: Topics) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, max_request_size=20 * MIB)
    async with producer:
        record = await producer.send_and_wait(topics.received, bytes(15 * MIB))
        dead = await producer.send_and_wait(topics.received_dlt, bytes(16 * MIB), headers=[("dlt", b"x" * 1000)])
        with pytest.raises(MessageSizeTooLargeError):
            await producer.send_and_wait(topics.accepted, bytes(3 * MIB))

    assert (record.offset, dead.offset) == (0, 0)
    assert record.timestamp_type == 1  # the broker's clock


async def test_an_address_where_nothing_listens_is_named() -> None:
    address = f"127.0.0.1:{free_port()}"

    with pytest.raises(BrokerUnreachable, match=f"no Kafka broker answers at {address}; start it, or set"):
        await check_topics(address, Topics())


async def test_a_listener_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    connected: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda reader, writer: connected.append(writer), "127.0.0.1", 0)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    monkeypatch.setattr(connecting, "CONNECT_SECONDS", 0.3)
    monkeypatch.setattr(connecting, "PROBE_SECONDS", 0.3)

    async with server:
        with pytest.raises(BrokerUnreachable, match=address):
            await check_topics(address, Topics())

    assert connected
    for writer in connected:
        writer.close()
        await writer.wait_closed()


async def test_a_broker_that_falls_silent_is_given_up(kafka: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "ANSWER_SECONDS", 0.3)
    never = asyncio.Event()

    with pytest.raises(
        BrokerUnreachable, match=r"answered and then fell silent \(TimeoutError\); look whether it runs"
    ):
        async with connecting.open_admin(kafka.bootstrap, None):
            await never.wait()


async def test_any_other_answer_of_the_broker_is_quoted(kafka: EmbeddedKafka) -> None:
    with pytest.raises(BrokerRefused, match=rf"the Kafka broker at {kafka.bootstrap} refused: .*not allowed"):
        async with connecting.open_admin(kafka.bootstrap, None):
            raise TopicAuthorizationFailedError("not allowed")


async def test_options_of_the_client_are_passed_on(kafka: EmbeddedKafka) -> None:
    with pytest.raises(ValueError, match="ssl_context"):
        await check_topics(kafka.bootstrap, Topics(), client={"security_protocol": "SSL"})


@pytest.fixture
def environment(kafka: EmbeddedKafka, prefix: str, layout: Layout) -> dict[str, str]:
    return {
        "CLAIMSTREAM_BROKER__BOOTSTRAP": kafka.bootstrap,
        "CLAIMSTREAM_BROKER__PREFIX": prefix,
        "CLAIMSTREAM_BROKER__PARTITIONS": str(layout.partitions),
        "CLAIMSTREAM_BROKER__RECEIVED_PARTITIONS": str(layout.received_partitions),
    }


def run(environment: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["topics", *arguments], env=environment)


def objects(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_command_plans_applies_and_checks_in_json(environment: dict[str, str], prefix: str) -> None:
    planned, missing = run(environment, "plan", "--output", "json"), run(environment, "check", "--output", "json")
    applied, clean = run(environment, "apply", "--output", "json"), run(environment, "check", "--output", "json")

    assert [result.exit_code for result in (planned, missing, applied, clean)] == [0, 1, 0, 0]
    assert {each["action"] for each in objects(planned)} == {"create"}
    assert {each["action"] for each in objects(applied)} == {"created"}
    assert [each["topic"] for each in objects(missing)] == [each["topic"] for each in objects(applied)]
    assert objects(applied)[0]["topic"] == f"{prefix}claims.received"
    assert objects(missing)[0]["kind"] == "missing"
    assert clean.stdout == ""


def test_the_command_speaks_to_people(environment: dict[str, str], prefix: str) -> None:
    applied, clean = run(environment, "apply"), run(environment, "check")

    assert applied.stdout.startswith(f"created {prefix}claims.received")
    assert "2 partitions, kept 30 days, records up to 16 MiB" in applied.stdout
    assert "2 partitions, compacted, records up to 2 MiB" in applied.stdout
    assert clean.stdout == "all topics are as the contract has them\n"


def test_apply_ends_as_a_configuration_error_where_topics_differ(environment: dict[str, str], prefix: str) -> None:
    run(environment, "apply")
    environment["CLAIMSTREAM_BROKER__RECEIVED_PARTITIONS"] = "3"

    applied, checked = run(environment, "apply"), run(environment, "check")

    sentence = (
        f"topic {prefix}claims.received has 2 partitions instead of 3; set CLAIMSTREAM_BROKER__RECEIVED_PARTITIONS=2"
    )
    assert (applied.exit_code, checked.exit_code) == (2, 1)
    assert f"differs {prefix}claims.received" in applied.stdout
    assert sentence in applied.stdout
    assert checked.stdout == f"{sentence}\n"
    assert "claimstream: 1 of 10 topics differ from the contract; " in applied.stderr


def test_flags_win_over_the_environment(environment: dict[str, str], prefix: str) -> None:
    planned = run(environment, "plan", "--prefix", f"{prefix}other.", "--replication-factor", "1", "--output", "json")

    assert objects(planned)[0]["topic"] == f"{prefix}other.claims.received"
    assert objects(planned)[0]["replication_factor"] == 1


def test_a_prefix_kafka_would_not_take_is_a_configuration_error(environment: dict[str, str]) -> None:
    result = run(environment, "plan", "--prefix", "a b")

    assert result.exit_code == 2
    assert "topic prefix 'a b'" in result.stderr


def test_an_unreachable_broker_ends_the_command_within_15_seconds(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    ended = subprocess.run(
        [sys.executable, "-m", "streams", "topics", "check", "--output", "json"],
        cwd=REPOSITORY,
        env={**os.environ, "CLAIMSTREAM_BROKER__BOOTSTRAP": address},
        capture_output=True,
        text=True,
        timeout=15,  # more, and the call raises
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (3, "")
    assert f"claimstream: no Kafka broker answers at {address}; start it" in ended.stderr
