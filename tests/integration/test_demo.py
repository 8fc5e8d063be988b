import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from click.testing import CliRunner

from streams.cli import cli
from streams.demo.panel import View
from streams.demo.reader import read_all
from streams.demo.run import Interrupted, Options
from streams.demo.run import run as run_demo
from streams.demo.screen import Addresses, JsonScreen
from streams.demo.settled import settled
from streams.demo.tally import Tally
from streams.embedded_kafka import EmbeddedKafka
from streams.kafka_watchdog import birth_mark
from streams.topics import Topics

REPOSITORY = Path(__file__).parents[2]
HANGING_SECONDS = 120
PARTS = ("accepted", "flagged", "denied_risk", "dead_letters", "redelivered", "lost")


@contextmanager
def demo(*options: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A running demo; what is left of it at the end is killed, its children through their watchdogs."""
    with subprocess.Popen(
        [sys.executable, "-m", "streams", "demo", *options],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def children(pid: int) -> dict[int, str]:
    """Every process below one, with the mark of its birth."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(folder.name)] = int(stat[1])
    found: dict[int, str] = {}
    layer = {pid}
    while layer := {child for child, parent in parents.items() if parent in layer}:
        found |= {child: birth_mark(child) for child in layer}
    return found


def still_there(processes: dict[int, str]) -> list[int]:
    return [pid for pid, born in processes.items() if born and birth_mark(pid) == born]


def end(process: subprocess.Popen[str], number: signal.Signals) -> tuple[str, str]:
    process.send_signal(number)
    return process.communicate(timeout=HANGING_SECONDS)


def test_a_run_accounts_for_every_claim_in_two_lines_of_json() -> None:
    with demo("--output", "json", "--claims", "2000", CLAIMSTREAM_NONSENSE="1", CLAIMSTREAM_BROKER__PREFIX="x.") as run:
        out, _ = run.communicate(timeout=HANGING_SECONDS)
    first, last = map(json.loads, out.splitlines())

    assert run.returncode == 0
    assert list(first) == ["bootstrap", "prefix", "metrics_url"]
    assert first["prefix"] == "demo."
    assert list(last) == ["received", *PARTS]
    assert last["received"] == 2000 == sum(last[part] for part in PARTS)
    assert last["lost"] == 0
    assert all(last[part] > 0 for part in PARTS if part != "lost")


async def test_what_is_kept_running_holds_what_the_summary_says_after_a_redrive_too_and_ends_when_told() -> None:
    with demo("--output", "json", "--claims", "2000", "--keep") as run:
        assert run.stdout is not None
        first, summary = json.loads(run.stdout.readline()), json.loads(run.stdout.readline())
        processes = children(run.pid)
        recounted = await recount(first["bootstrap"], first["prefix"])
        letters, letters_then, account_then = await redrive_all(first["bootstrap"], Topics(first["prefix"]))
        out, _ = await asyncio.to_thread(end, run, signal.SIGTERM)

    assert recounted == summary
    assert (account_then, letters_then) == (summary, 2 * letters)
    assert (run.returncode, out) == (0, "")
    assert len(processes) >= 2
    assert still_there(processes) == []


async def redrive_all(bootstrap: str, names: Topics) -> tuple[int, int, dict[str, int]]:
    """How many dead letters there are before and after all were sent again, mended by nobody, and the account then."""
    letters = len(await records(bootstrap, names.received_dlt))
    command = [sys.executable, "-m", "streams", "redrive", names.received_dlt, "--apply", "--bootstrap", bootstrap,
               "--prefix", names.prefix]  # fmt: skip
    await asyncio.to_thread(subprocess.run, command, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    async with asyncio.timeout(HANGING_SECONDS):
        while not await settled(bootstrap, names):
            pass
    tally = Tally(names)
    for record in await read_all(bootstrap, tally.topics):
        tally.take(record)
    return letters, len(await records(bootstrap, names.received_dlt)), tally.account().as_object()


async def recount(bootstrap: str, prefix: str) -> dict[str, int]:
    """The summary by another way: record by record, with nothing of `streams.demo`."""
    names = [f"{prefix}claims.{name}" for name in ("accepted", "flagged", "denied-risk")]
    manifests = [json.loads(record.value) for record in await records(bootstrap, f"{prefix}claims.manifests")]
    ids = [each for manifest in manifests for each in manifest["event_ids"]]
    ids += [each["event_id"] for manifest in manifests for each in manifest["rejections"]]
    assert len({(manifest["position"], manifest["part"]) for manifest in manifests}) == len(manifests)
    decided = [{event_id(record) for record in await records(bootstrap, name)} for name in names]
    letters = {event_id(record) for record in await records(bootstrap, f"{prefix}claims.received-dlt")}
    assert await records(bootstrap, f"{prefix}claims.patient-events-dlt") == []
    every = Counter(each for group in [*decided, letters] for each in group)
    assert set(every.values()) == {1}
    return {
        "received": len(ids),
        "accepted": len(decided[0]),
        "flagged": len(decided[1]),
        "denied_risk": len(decided[2]),
        "dead_letters": len(letters),
        "redelivered": len(ids) - len(set(ids)),
        "lost": len(set(ids) - every.keys()),
    }


async def records(bootstrap: str, topic: str) -> Sequence[ConsumerRecord]:
    found: list[ConsumerRecord] = []
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        for partition, last in (await consumer.end_offsets(consumer.assignment())).items():
            while await consumer.position(partition) < last:
                found += (await consumer.getmany(partition, timeout_ms=1000)).get(partition, [])
    return found


def event_id(record: ConsumerRecord) -> str:
    return str(dict(record.headers)["cs-event-id"], "utf-8")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_the_feed_ends_everything_it_started(number: signal.Signals) -> None:
    with demo("--output", "json", "--rate", "50") as run:
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.readline()
        run.stderr.readline()
        processes = children(run.pid)
        out, err = end(run, number)

    assert (run.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert len(processes) >= 2
    assert still_there(processes) == []


def test_a_signal_while_kafka_starts_ends_it_again() -> None:
    with demo("--output", "json") as run:
        processes: dict[int, str] = {}
        while not processes:  # until the first process of Kafka is there
            processes = children(run.pid)
            assert run.poll() is None
        out, err = end(run, signal.SIGINT)

    assert (run.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert still_there(processes) == []


def test_a_worker_that_dies_is_told_with_its_log_and_kafka_is_stopped() -> None:
    with demo("--output", "json", "--rate", "50") as run:
        assert run.stdout is not None
        run.stdout.readline()
        processes = children(run.pid)
        (worker,) = [pid for pid in processes if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")]
        os.kill(worker, signal.SIGKILL)
        _, err = run.communicate(timeout=HANGING_SECONDS)

    assert run.returncode == 3
    assert "claimstream: the worker ended by itself with exit code -9; the last lines of its log:\n" in err
    assert still_there(processes) == []


def test_text_for_a_file_is_plain_and_says_what_was_found() -> None:
    with demo("--claims", "300") as run:
        out, err = run.communicate(timeout=HANGING_SECONDS)

    assert (run.returncode, err) == (0, "")
    assert "\x1b" not in out
    assert "✓ Apache Kafka" in out
    assert "300 in = " in out
    assert out.count("  why   ") == 3


def test_options_it_cannot_use_are_a_usage_error() -> None:
    with demo("--claims", "0") as run:
        run.communicate(timeout=HANGING_SECONDS)

    assert run.returncode == 2


class SignallingScreen(JsonScreen):
    """Sends our own process a signal when the feed begins, or when the summary was shown."""

    def __init__(self, when: str) -> None:
        super().__init__()
        self._when = when

    def up(self, addresses: Addresses) -> None:
        super().up(addresses)
        if self._when == "up":
            os.kill(os.getpid(), signal.SIGTERM)

    def summary(self, view: View, addresses: Addresses, *, keep: bool) -> None:
        super().summary(view, addresses, keep=keep)
        if self._when == "summary":
            os.kill(os.getpid(), signal.SIGINT)


def test_a_signal_after_the_summary_ends_what_was_kept_without_complaint(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_demo(Options(100, 1, 0, keep=True), SignallingScreen("summary")) == 0
    assert '"received": 100' in capsys.readouterr().out


def test_a_signal_before_the_summary_is_an_interruption(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Interrupted):
        run_demo(Options(100, 1, 10, keep=True), SignallingScreen("up"))

    assert len(capsys.readouterr().out.splitlines()) == 1


def test_kafka_that_cannot_start_is_one_sentence_and_an_environment_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAIMSTREAM_KAFKA__JARS", "nowhere")

    ended = CliRunner().invoke(cli, ["demo", "--output", "json"])

    assert (ended.exit_code, ended.stdout) == (3, "")
    assert ended.stderr.startswith("claimstream: ")
    assert len(ended.stderr.splitlines()) == 1


def test_the_command_ends_cleanly_in_a_process_that_goes_on() -> None:
    before = signal.getsignal(signal.SIGINT)

    ended = CliRunner().invoke(cli, ["demo", "--claims", "60", "--rate", "100"])

    assert ended.exit_code == 0
    assert "60 in = " in ended.stdout
    assert signal.getsignal(signal.SIGINT) == before


async def test_a_group_is_settled_once_all_of_both_topics_is_committed(kafka: EmbeddedKafka, topics: Topics) -> None:
    async def commit(topic: str) -> None:
        group = f"{topics.prefix}claimstream"
        async with AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap, group_id=group) as consumer:
            partition = TopicPartition(topic, 0)
            consumer.assign([partition])
            await consumer.commit({partition: 1})

    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        for topic in (topics.received, topics.patient_events):
            await producer.send_and_wait(topic, b"x", partition=0)
    answers: list[Any] = [await settled(kafka.bootstrap, topics)]
    for topic in (topics.received, topics.patient_events):
        await commit(topic)
        answers.append(await settled(kafka.bootstrap, topics))

    assert answers == [False, False, True]


async def test_a_linear_reader_reads_every_partition_to_its_end(kafka: EmbeddedKafka, topics: Topics) -> None:
    wanted = {(topic, n) for topic in (topics.accepted, topics.flagged) for n in range(20)}
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        for topic, n in sorted(wanted):
            await producer.send_and_wait(topic, b"%d" % n, partition=n % 2)

    read = await read_all(kafka.bootstrap, (topics.accepted, topics.flagged, topics.denied_risk))

    assert sorted((record.topic, int(record.value)) for record in read) == sorted(wanted)
