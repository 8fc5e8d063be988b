import asyncio
import csv
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest

from streams.demo import x12_writer
from streams.demo.reader import read_all
from streams.demo.tally import Tally
from streams.demo.visits import Visits
from streams.embedded_kafka import free_port
from streams.feeding.journal import FILE_NAME
from streams.headers import texts
from streams.intake.items import Warned
from streams.intake.x12 import read_x12
from streams.topics import Layout, Topics

ROOT = Path(__file__).parents[2]
CLAIM = {
    "claim_type": "professional",
    "total_charge": "1850.00",
    "payer": {"id": "MCR", "filing_indicator": "MB"},
    "subscriber": {"member_id": "M1"},
    "billing_provider": {"npi": "1234567893"},
    "diagnoses": [{"code": "M5416"}],
    "service_lines": [
        {
            "line_number": 1,
            "procedure_code": "62323",
            "charge": "1850.00",
            "units": "1",
            "service_date_from": "2026-06-15",
        }
    ],
}
Start = Callable[..., subprocess.Popen[str]]
Feed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def layout() -> Layout:
    return Layout(partitions=2, received_partitions=2)


@pytest.fixture
def settings() -> dict[str, str]:
    return {"CLAIMSTREAM_BROKER__PARTITIONS": "2", "CLAIMSTREAM_BROKER__RECEIVED_PARTITIONS": "2"}


def lines(count: int, name: str = "C") -> bytes:
    return b"".join(json.dumps(CLAIM | {"claim_id": f"{name}{number}"}).encode() + b"\n" for number in range(count))


def large_x12() -> bytes:
    """One transaction of some 2 MB."""
    drafts = list(islice(Visits(Random(3), 400), 400))
    return x12_writer.interchange(drafts * 8, control=77, newlines=True)


@pytest.fixture
def start(kafka, topics, tmp_path) -> Start:
    def started(*arguments: object, **variables: str) -> subprocess.Popen[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CLAIMSTREAM_")}
        return subprocess.Popen(
            [sys.executable, "-m", "streams", "feed", *map(str, arguments)],
            cwd=tmp_path,
            env=environment
            | {
                "PYTHONPATH": str(ROOT),
                "CLAIMSTREAM_BROKER__BOOTSTRAP": kafka.bootstrap,
                "CLAIMSTREAM_BROKER__PREFIX": topics.prefix,
                "CLAIMSTREAM_STATE__DIR": str(tmp_path / "state"),
            }
            | variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Whoever began these tests in the background has their children ignore Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - there are no threads
        )

    return started


@pytest.fixture
def feed(start) -> Feed:
    def fed(*arguments: object, stdin: str = "", **variables: str) -> tuple[int, str, str]:
        with start(*arguments, **variables) as process:
            out, err = process.communicate(stdin, timeout=120)
        return process.returncode, out, err

    return fed


def objects(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.shared
async def test_the_837p_samples_become_as_many_events_as_their_manifest_counts(
    shared, feed, topics, start_worker, settings, kafka, reader
):
    folder = (shared / "samples" / "x12_837p").resolve()
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as rows:
        files = {row["file"]: int(row["claims"]) for row in csv.DictReader(rows)}
    start_worker(**settings)
    code, out, _ = feed(folder, "--output", "json", "--source", "clinic")
    fed = objects(out)
    sent = sum(each["records"] for each in fed)
    await reader.until(lambda found: len(found) >= sent, topics.manifests)
    tally = await settled_tally(kafka.bootstrap, topics)

    others = {each.name for each in folder.iterdir()} - files.keys()  # the manifest and a page about it
    assert (code, len(fed)) == (0, len(files) + len(others))
    # Two of them are the same file under two names, which is fed once.
    once = {each["sha256"]: files.get(Path(each["file"]).name, 1) for each in fed}
    assert len(once) == sum(each["status"] == "fed" for each in fed)
    assert sum(once.values()) == tally.account().received
    assert len(others) == tally.dead_letter_causes["unknown-format"]
    # Some samples hold a claim of another under the same control numbers: one event, sent twice.
    distinct = {each.identity for name in files for each in items_of((folder / name).read_bytes())}
    assert len(distinct) + len(others) == tally.account().received - tally.account().redelivered
    assert 0 == tally.account().lost


async def settled_tally(bootstrap: str, topics: Topics) -> Tally:
    """The account, once nothing that was received is without its decision or dead letter."""
    async with asyncio.timeout(120):
        while True:
            tally = Tally(topics)
            for each in await read_all(bootstrap, tally.topics):
                tally.take(each)
            if tally.account().lost == 0:
                return tally


async def test_a_file_is_fed_once_under_its_headers(feed, topics, reader, tmp_path):
    content = lines(3)
    (tmp_path / "a.jsonl").write_bytes(content)
    first = feed("a.jsonl", "--source", "clinic", "--received-on", "2026-06-20", "--output", "json")
    again = feed("a.jsonl", "a.jsonl")
    found = await reader.to_end(topics.received)
    headers = {"cs-source": "clinic", "cs-received-on": "2026-06-20", "content-type": "application/json"}
    sha256 = hashlib.sha256(content).hexdigest()

    assert (first[0], first[2]) == (0, "")
    assert [{"file": "a.jsonl", "records": 3, "bytes": len(content), "sha256": sha256, "status": "fed"}] == objects(
        first[1]
    )
    assert (again[0], again[2]) == (0, "")
    assert again[1].count("fed before as clinic (3 records), left out; --again feeds it once more") == 2
    assert again[1].endswith("2 files: 0 records, 0 claims; 2 fed before\n")
    assert content.splitlines() == [each.value for each in found]
    assert {b"clinic"} == {each.key for each in found}
    assert [headers] * 3 == [texts(each.headers) for each in found]


async def test_again_feeds_once_more_and_the_journal_names_nothing(feed, topics, reader, tmp_path):
    (tmp_path / "wilhelmina.json").write_bytes(lines(1, "Quackenbush"))
    feed("wilhelmina.json")
    done = feed("wilhelmina.json", "--again")
    journal = (tmp_path / "state" / FILE_NAME).read_bytes()

    assert (0, "wilhelmina.json: 1 record, 1 claim\n", "") == done
    assert 2 == len(await reader.to_end(topics.received))
    assert [] == [name for name in (b"wilhelmina", b"Quackenbush") if name in journal]


async def test_standard_input_and_an_empty_file_are_fed(feed, topics, reader, tmp_path):
    (tmp_path / "empty").touch()
    code, out, err = feed("-", "empty", stdin=lines(2).decode())
    found = await reader.to_end(topics.received)

    assert (code, err) == (0, "")
    assert out == "-: 2 records, 2 claims\nempty: 1 record, 1 claim\n2 files: 3 records, 3 claims\n"
    assert [*lines(2).splitlines(), b""] == [each.value for each in found]
    assert {b"default"} == {each.key for each in found}
    assert all("cs-source" not in texts(each.headers) for each in found)


async def test_a_large_file_comes_in_parts_with_the_events_of_the_whole(
    feed, topics, reader, start_worker, settings, tmp_path
):
    content = large_x12()
    (tmp_path / "a.837").write_bytes(content)
    start_worker(**settings)
    code, out, _ = feed("a.837", "--source", "clinic", "--output", "json")
    sent = objects(out)[0]["records"]
    found = await reader.until(lambda so_far: len(so_far) >= sent, topics.received)
    items = [
        each.identity for part in found for each in items_of(part.value, texts(part.headers).get("cs-first-claim", "1"))
    ]
    await reader.until(lambda so_far: len(event_ids(so_far)) >= len(items), topics.manifests)

    assert code == 0
    assert sent > 1
    assert items == [each.identity for each in read_x12(content)]
    assert len(set(items)) == 3200  # equal claims, told apart by their place


def event_ids(manifests: Sequence[Any]) -> set[str]:
    return {each for manifest in manifests for each in json.loads(manifest.value)["event_ids"]}


def first_claim(part: Any) -> str:
    return texts(part.headers).get("cs-first-claim", "1")


def items_of(value: bytes, first_claim: str = "1") -> list[Any]:
    return [each for each in read_x12(value, int(first_claim)) if not isinstance(each, Warned)]


async def test_a_feed_killed_in_the_middle_goes_on_where_it_was_acknowledged(start, feed, topics, reader, tmp_path):
    content = lines(5_000)
    (tmp_path / "a.jsonl").write_bytes(content)
    with start("a.jsonl", "--rate", "300") as process:
        await reader.until(lambda found: len(found) >= 300, topics.received)
        process.send_signal(signal.SIGKILL)
    killed_at = len(await reader.to_end(topics.received))
    code, out, _ = feed("a.jsonl")
    found = [each.value for each in await reader.to_end(topics.received)]
    said = re.fullmatch(r"a\.jsonl: ([0-9,]+) records, after ([0-9,]+) records? sent before, .*\n", out)
    now, before = (int(each.replace(",", "")) for each in said.groups()) if said else (0, 0)

    assert code == 0
    assert killed_at < 5_000
    assert 0 < before <= killed_at
    assert 5_000 == now + before
    assert len(found) == killed_at + now
    assert set(content.splitlines()) == set(found)
    assert feed("a.jsonl")[1].startswith("a.jsonl: fed before (5,000 records)")


async def test_ctrl_c_stops_with_what_was_acknowledged_in_the_journal(start, feed, topics, reader, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(lines(5_000))
    with start("a.jsonl", "--rate", "50", "--output", "json") as process:
        await reader.until(lambda found: len(found) >= 50, topics.received)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    (stopped,) = objects(out)
    stood = len(await reader.to_end(topics.received))
    (went_on,) = objects(feed("a.jsonl", "--output", "json")[1])

    assert (process.returncode, err) == (130, "")
    assert ("stopped", stood) == (stopped["status"], stopped["records"])
    assert ("fed", 5_000 - stood) == (went_on["status"], went_on["records"])
    assert 5_000 == len(await reader.to_end(topics.received))


async def test_a_record_no_topic_takes_is_left_out_and_named(feed, topics, reader, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(lines(1) + b'{"claim_id": "' + b"x" * (17 << 20) + b'"}\n' + lines(1, "D"))
    code, out, err = feed("a.jsonl", "--output", "json")

    assert (code, objects(out)[0]["status"], objects(out)[0]["records"]) == (3, "incomplete", 2)
    assert re.search(r"a\.jsonl, byte [0-9,]+: a record of 17,825,809 bytes is more than a record can be", err)
    assert 2 == len(await reader.to_end(topics.received))


@pytest.mark.parametrize(
    ("arguments", "variables", "code", "words"),
    [
        (("a",), {"CLAIMSTREAM_BROKER__PREFIX": "nowhere."}, 2, "has no topic nowhere.claims.received; create it with"),
        (("a",), {"CLAIMSTREAM_BROKER__BOOTSTRAP": f"127.0.0.1:{free_port()}"}, 3, "no Kafka broker answers at"),
        (("b",), {}, 3, "b: there is no such file"),
        (
            ("a", "--source", "x"),
            {"CLAIMSTREAM_SOURCES": "clinic"},
            2,
            "--source x is none of CLAIMSTREAM_SOURCES (clinic)",
        ),
        (("a", "--source", "\t"), {}, 2, "--source is no name"),
        (("a",), {"CLAIMSTREAM_STATE__DIR": "a"}, 3, "CLAIMSTREAM_STATE__DIR"),
        (("a", "--prefix", "/"), {}, 2, "prefix"),
    ],
)
def test_trouble_is_one_sentence(feed, tmp_path, arguments, variables, code, words):
    (tmp_path / "a").write_bytes(lines(1))
    ended = feed(*arguments, **variables)

    assert (code, "") == (ended[0], ended[1])
    assert words in ended[2]
    assert 1 == ended[2].count("\n")
