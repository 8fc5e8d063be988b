"""Replay on real Kafka: the live decisions over again, windows of them, and what another ruleset makes of them."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiokafka import ConsumerRecord

from streams.agents.validate import from_log
from streams.deciding import Decider
from streams.demo.feeding import Sent, send
from streams.demo.generator import SOURCES, feed
from streams.intake.items import ReadClaim
from streams.intake.reading import read_record
from streams.replay.job import JobTopics, outcome_topics
from streams.topics import Layout, Topics
from tests.validators.building import nobody
from validators.decide import decision_bytes
from validators.loading import load_ruleset

CLAIMS = 400
WHOLE = ("--start", "offset:0", "--end", "2099-01-01T00:00:00Z")
ONE_LEVEL = """
rules:
  LVL-01:
    parameters:
      max_levels:
        values:
          - {from: null, value: null}
          - {from: 2021-12-05, value: 1, source: a trial, confidence: memory-low}
"""


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def summary(self) -> dict[str, Any]:
        """What a run counted, but for how long it took."""
        (line,) = self.lines
        return {name: value for name, value in line.items() if name not in ("job", "seconds")}


@dataclass
class Live:
    """A feed that a worker has decided, and the command that replays it."""

    topics: Topics
    environment: dict[str, str]
    reader: Any
    started: list[subprocess.Popen[str]]

    def start(self, *arguments: object) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "streams", "replay", *map(str, arguments)]
        process = subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.started.append(process)
        return process

    async def ended(self, process: "subprocess.Popen[str]") -> Ended:
        out, err = await asyncio.to_thread(process.communicate, timeout=120)
        return Ended(process.returncode, out, err)

    async def replay(self, *arguments: object, code: int = 0) -> Ended:
        done = await self.ended(self.start(*arguments))
        assert code == done.code, done.err
        return done

    async def log(self) -> list[ConsumerRecord]:
        return await self.reader.to_end(self.topics.patient_events)

    async def decided(self, job: str | None = None) -> list[ConsumerRecord]:
        names = JobTopics(self.topics.prefix, job) if job else self.topics
        return await self.reader.to_end(*outcome_topics(names))

    async def ends(self) -> dict[str, int]:
        """How many records each live topic holds, and what the live group has committed."""
        names = (self.topics.patient_events, self.topics.state_changelog, *outcome_topics(self.topics))
        records = await self.reader.to_end(*names)
        return {name: sum(each.topic == name for each in records) for name in names} | {
            f"committed {topic}": offset
            for topic, offset in (await self.reader.committed(f"{self.topics.prefix}claimstream")).items()
        }


@pytest.fixture
def layout() -> Layout:
    return Layout(partitions=2, received_partitions=2)


@pytest.fixture
async def live(kafka, topics, start_worker, reader) -> AsyncIterator[Live]:
    """A few hundred claims, decided by a worker that has ended."""
    records = list(feed(seed=11, claims=CLAIMS))
    await send(records, kafka.bootstrap, topics.received, Sent())
    wanted = sum(
        isinstance(item, ReadClaim) for record in records for item in read_record(record.value, record.content_type)
    )
    worker = start_worker(CLAIMSTREAM_BROKER__PARTITIONS="2", CLAIMSTREAM_BROKER__RECEIVED_PARTITIONS="2",
                          CLAIMSTREAM_SOURCES=",".join(SOURCES))  # fmt: skip
    await reader.until(lambda found: len(found) >= wanted, *outcome_topics(topics))
    assert 0 == worker.terminate()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CLAIMSTREAM_")} | {
        "CLAIMSTREAM_BROKER__BOOTSTRAP": kafka.bootstrap,
        "CLAIMSTREAM_BROKER__PREFIX": topics.prefix,
    }
    found = Live(topics, environment, reader, [])
    yield found
    for process in found.started:
        process.kill()
        process.communicate()


@pytest.fixture
def one_level(tmp_path: Path) -> Path:
    """A pack in which one level is enough for LVL-01 to fire on the next."""
    folder = tmp_path / "one-level"
    folder.mkdir()
    (folder / "level.yaml").write_text(ONE_LEVEL)
    return folder


def outcome_of(record: ConsumerRecord) -> str:
    return record.topic.rpartition(".")[2]


def as_published(records: Sequence[ConsumerRecord], job: str | None = None) -> list[tuple[Any, ...]]:
    """Everything a reader sees of decisions, in an order of its own; a replay's mark is looked for and left out."""
    shown = []
    for record in records:
        headers = list(record.headers)
        if job:
            assert ("cs-replay-job", job.encode()) == headers.pop()
        shown.append((outcome_of(record), record.partition, record.key, record.value, tuple(headers)))
    return sorted(shown)


def place(record: ConsumerRecord) -> tuple[int, int]:
    """Where in the log the claim of a decision stood."""
    _, partition, offset = dict(record.headers)["cs-position"].decode().rsplit(":", 2)
    return int(partition), int(offset)


def recount(log: Sequence[ConsumerRecord], packs: Path | None = None) -> dict[str, dict[str, Any]]:
    """What each event is decided as under a ruleset, worked out from the log."""
    decider, decided = Decider(load_ruleset(packs)), {}
    for partition in {record.partition for record in log}:
        patients = nobody()
        for record in sorted((each for each in log if each.partition == partition), key=lambda each: each.offset):
            arrived, moment, _ = from_log(record)
            (made,) = decider.take(arrived, moment, patients).decided
            if not made.redelivered:
                decided[arrived.event_id] = json.loads(decision_bytes(made.decision))
    return decided


async def test_the_whole_log_under_the_live_ruleset_gives_the_live_decisions_byte_for_byte(live):
    before = await live.ends()
    done = await live.replay("run", "--job", "all", *WHOLE, "--output", "json")

    decided = await live.decided()
    outcomes = dict.fromkeys(("accepted", "flagged", "denied-risk"), 0)
    for outcome, _ in {(outcome_of(record), json.loads(record.value)["event_id"]) for record in decided}:
        outcomes[outcome] += 1
    assert as_published(decided) == as_published(await live.decided("all"), "all")
    assert outcomes == done.summary["outcomes"]
    assert before == await live.ends()

    again = await live.replay("run", "--job", "all", *WHOLE, "--output", "json")
    assert done.summary == again.summary
    assert len(decided) == len(await live.decided("all"))


@pytest.mark.parametrize("kind", ["offsets", "instants"])
async def test_a_window_gives_its_claims_and_no_others(live, kind):
    log = await live.log()
    if kind == "offsets":
        start, end = "offset:40", "offset:90"
        window = [record for record in log if 40 <= record.offset < 90]
    else:
        times = sorted({record.timestamp for record in log})
        since, until = times[len(times) // 4], times[len(times) * 3 // 4]
        start, end = (datetime.fromtimestamp(each / 1000, UTC).isoformat() for each in (since, until))
        window = [record for record in log if since <= record.timestamp < until]
    places = {(record.partition, record.offset) for record in window}
    await live.replay("run", "--job", kind, "--start", start, "--end", end)

    wanted = [record for record in await live.decided() if place(record) in places]
    assert 0 < len(wanted) < len(log)
    assert as_published(wanted) == as_published(await live.decided(kind), kind)

    compared = await live.replay("compare", "--job", kind, "--output", "json")
    summary = compared.lines[0]
    events = {json.loads(record.value)["event_id"] for record in wanted}
    assert len(events) == summary["claims"] == summary["equal"] == summary["identical"]
    assert 0 == summary["only_live"] == summary["only_replay"] == summary["differing"]


async def test_one_number_changed_in_a_pack_changes_exactly_the_claims_it_should(live, one_level):
    await live.replay("run", "--job", "trial", *WHOLE, "--ruleset", one_level)
    compared = await live.replay("compare", "--job", "trial", "--limit", CLAIMS, "--output", "json")

    log = await live.log()
    base, trial = recount(log), recount(log, one_level)
    changed = {
        event_id
        for event_id in base
        if any(base[event_id][part] != trial[event_id][part] for part in ("outcome", "findings"))
    }
    summary, *rest = compared.lines
    assert changed
    assert changed == {line["event_id"] for line in rest if line["kind"] == "example"}
    assert (len(base), len(changed)) == (summary["claims"], summary["differing"])
    assert 0 == summary["identical"]
    assert trial == {body["event_id"]: body for body in (json.loads(r.value) for r in await live.decided("trial"))}
    pairs = [(base[event_id]["outcome"], trial[event_id]["outcome"]) for event_id in base]
    transitions = [line for line in rest if line["kind"] == "transition"]
    assert {(a, b): pairs.count((a, b)) for a in set(dict(pairs)) for b in {b for _, b in pairs}} == {
        (line["live"], line["replay"]): line["claims"]
        for line in transitions
        if line["live"] in dict(pairs) and line["replay"] in {b for _, b in pairs}
    }
    fired = [sum("LVL-01" in decided[event_id]["checks"]["fail"] for event_id in decided) for decided in (base, trial)]
    (level,) = (line for line in rest if line["kind"] == "rule" and line["rule"] == "LVL-01")
    assert fired[1] - fired[0] == level["gained"] - level["lost"] > 0

    shown = await live.replay("compare", "--job", "trial")
    assert "LVL-01" in shown.out
    assert max(len(line) for line in shown.out.splitlines()) <= 80 + len(live.topics.prefix)


async def test_a_job_killed_in_the_middle_goes_on_and_ends_as_if_it_had_not_been(live):
    whole = await live.replay("run", "--job", "whole", *WHOLE, "--output", "json")
    command = ("run", "--job", "killed", *WHOLE, "--output", "json")
    killed = live.start(*command, "--rate", "60")
    names = outcome_topics(JobTopics(live.topics.prefix, "killed"))
    await until(lambda: exists(live, names))
    await live.reader.until(lambda found: len(found) >= 40, *names)
    killed.send_signal(signal.SIGKILL)
    assert -signal.SIGKILL == (await live.ended(killed)).code
    partly = await live.decided("killed")
    done = await live.replay(*command)

    assert 40 <= len(partly) < len(await live.decided("whole"))
    assert whole.summary == done.summary
    assert set(as_published(await live.decided("whole"), "whole")) == set(
        as_published(await live.decided("killed"), "killed")
    )
    status = await live.replay("status", "--job", "killed", "--output", "json")
    assert (True, 0) == (status.lines[0]["finished"], status.lines[0]["left"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_job_that_is_stopped_says_so_and_goes_on(live, number, one_level):
    command = ("run", "--job", "stopped", *WHOLE)
    running = live.start(*command, "--rate", "60")
    names = outcome_topics(JobTopics(live.topics.prefix, "stopped"))
    await until(lambda: exists(live, names))
    await live.reader.until(lambda found: len(found) >= 40, *names)
    running.send_signal(number)
    stopped = await live.ended(running)

    assert 130 == stopped.code
    assert "the same command goes on where it was" in stopped.err
    committed = await live.reader.committed(f"{live.topics.prefix}claimstream-replay-stopped")
    assert len(await live.decided("stopped")) == committed[live.topics.patient_events]

    other_rules = await live.replay(*command, "--ruleset", one_level, code=2)
    assert "was begun with ruleset" in other_rules.err
    other_window = await live.replay(*command[:3], "--start", "offset:1", *WHOLE[2:], code=2)
    assert "was begun with start offset:0, not offset:1" in other_window.err

    shown = await live.replay(*command)
    assert "at risk of" in shown.out
    assert as_published(await live.decided()) == as_published(await live.decided("stopped"), "stopped")


async def test_what_is_not_in_the_log_is_skipped_and_counted(live, producer):
    await producer.send_and_wait(live.topics.patient_events, b"not ours", key=b"nobody", partition=0)
    done = await live.replay("run", "--job", "odd", *WHOLE, "--output", "json")

    assert 1 == done.summary["skipped"]
    assert as_published(await live.decided()) == as_published(await live.decided("odd"), "odd")


async def test_what_cannot_be_replayed_is_refused_in_one_sentence(live):
    for arguments, words in (
        (("status", "--job", "nobody"), "there is no job nobody here"),
        (("run", "--job", "a.b", *WHOLE), "use up to 64 letters"),
        (("run", "--job", "none", "--from", "nowhere", *WHOLE), "topic nowhere does not exist"),
        (("run", "--job", "none", "--start", "offset:2", "--end", "offset:1"), "exchange them"),
        (("run", "--job", "none", "--start", "yesterday", "--end", "offset:1"), "neither an instant"),
        (("run", "--job", "none", *WHOLE, "--ruleset", "nowhere"), "nowhere is not a folder"),
    ):
        refused = await live.replay(*arguments, code=2)
        assert words in refused.err
        assert "" == refused.out


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not await condition():
            pass


async def exists(live: Live, names: Sequence[str]) -> bool:
    from aiokafka.admin import AIOKafkaAdminClient  # noqa: PLC0415

    admin = AIOKafkaAdminClient(bootstrap_servers=live.environment["CLAIMSTREAM_BROKER__BOOTSTRAP"])
    await admin.start()
    try:
        return set(names) <= set(await admin.list_topics())
    finally:
        await admin.close()
