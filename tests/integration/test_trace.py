"""The trace on real Kafka: claims that a worker has decided, rejected and never seen, followed by their number."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from streams.embedded_kafka import free_port
from streams.replay.job import outcome_topics
from streams.topics import Layout
from tests.integration.test_audit import Ended
from tests.streams.intake.building import FULL, claim, encoded
from tests.streams.intake.x12.building import CLAIM, LINE, one

DECIDED = ["received", "parsed", "logged", "decided"]
PERSONAL = ("Quackenbush", "Wilhelmina", "1EG4TE5MK73", "Larkspur", "Xylophone", "1950-02-01")


@pytest.fixture
def layout() -> Layout:
    return Layout(partitions=2, received_partitions=2)


@pytest.fixture
def trace(kafka, topics) -> Callable[..., Ended]:
    def run(*arguments: str, output: str = "json") -> Ended:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CLAIMSTREAM_")} | {
            "CLAIMSTREAM_BROKER__BOOTSTRAP": kafka.bootstrap,
            "CLAIMSTREAM_BROKER__PREFIX": topics.prefix,
        }
        done = subprocess.run(
            [sys.executable, "-m", "streams", "trace", *arguments, "--output", output],
            env=environment, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
async def fed(topics, start_worker, producer, reader) -> None:
    """A claim, a resubmission of it, one of another sender, a file with a bad claim, the first once more: decided."""
    start_worker(CLAIMSTREAM_BROKER__PARTITIONS="2", CLAIMSTREAM_BROKER__RECEIVED_PARTITIONS="2")
    first = encoded(FULL)
    bad = [segment for segment in CLAIM if not segment.startswith("HI*")]
    for value, source in (
        (first, b"clinic"),
        (encoded({**FULL, "total_charge": "1850.01"}), b"clinic"),
        (encoded(claim(claim_id="PT-0001", total_charge="7.00")), b"clearinghouse-a"),
        (one(bad + LINE), b"clinic"),
        (first, b"clinic"),
    ):
        await producer.send_and_wait(topics.received, value, partition=0, headers=[("cs-source", source)])
    await reader.until(lambda found: len(found) >= 4, *outcome_topics(topics))


async def test_events_with_one_number_are_followed_apart(trace, fed, topics, reader, producer):
    done = trace("PT-0001")
    by_event: dict[str, list[str]] = {}
    for line in done.lines:
        by_event.setdefault(line["event_id"], []).append(line["step"])
    stands = {f"{each.topic}:{each.partition}:{each.offset}" for each in await reader.to_end(*names_of(topics))}

    assert (0, "") == (done.code, done.err)
    assert [2, 1, 1] == [steps.count("logged") for steps in by_event.values()]
    assert [DECIDED] * 3 == [sorted(set(steps), key=DECIDED.index) for steps in by_event.values()]
    assert {line["position"] for line in done.lines} <= stands
    assert [1, 0, 0] == [line["repeated"] for line in done.lines if line["step"] == "decided"]
    assert [] == [word for word in PERSONAL if word in done.out]

    event_id = next(iter(by_event))
    await producer.send_and_wait(topics.acknowledgements, b"{}", headers=[("cs-event-id", event_id.encode())])
    assert [event_id] == [line["event_id"] for line in trace("PT-0001").lines if line["step"] == "receipt"]


async def test_a_rejected_claim_of_a_file_is_followed_to_its_dead_letter(trace, fed):
    number = CLAIM[0].split("*")[1]
    done, shown = trace(number), trace(number, output="text")
    steps = {line["step"]: line for line in done.lines}

    assert ["received", "parsed", "dead-letter"] == [line["step"] for line in done.lines]
    assert "missing-field" == steps["dead-letter"]["code"]
    assert "missing-field at " in shown.out
    assert "receipt      none yet" in shown.out


async def test_people_read_a_timeline(trace, fed, topics):
    shown = trace("PT-0001", output="text")

    assert (0, "") == (shown.code, shown.err)
    assert shown.out.startswith("claim PT-0001 · 3 events")
    assert "1 more with the same bytes" in shown.out
    assert 3 == shown.out.count("receipt      none yet")
    assert max(map(len, shown.out.splitlines())) <= 80 + len(topics.prefix)
    assert [] == [word for word in PERSONAL if word in shown.out]


async def test_a_number_nobody_sent_is_no_trouble(trace, fed, topics):
    done, shown = trace("PT-9"), trace("PT-0001", "--to", "2026-01-01T00:00:00Z", output="text")

    assert (0, "", "") == done
    assert 0 == shown.code
    assert "no event with this claim number was found in" in shown.out
    assert "the beginning … 2026-01-01T00:00:00.000Z" in " ".join(shown.out.split())


async def test_a_claim_the_worker_has_not_decided_says_so(trace, topics, producer):
    value = b'{"claim_id":"PT-7"}'
    headers = [("content-type", b"application/vnd.claimstream.claim+json;v=1"), ("cs-event-id", b"a" * 64)]
    await producer.send_and_wait(topics.patient_events, value, headers=headers)

    assert ["logged"] == [line["step"] for line in trace("PT-7").lines]
    assert "decided      not yet" in trace("PT-7", output="text").out


def test_what_cannot_be_traced_is_one_sentence(trace, topics):
    for arguments, code, words in (
        (("PT-1", "--prefix", "nowhere."), 2, "topic nowhere.claims.patient-events does not exist"),
        (("PT-1", "--bootstrap", f"127.0.0.1:{free_port()}"), 3, "no Kafka broker answers at"),
    ):
        done = trace(*arguments)

        assert (code, "", 1) == (done.code, done.out, done.err.count("\n"))
        assert words in done.err


def names_of(topics) -> tuple[str, ...]:
    return (topics.received, topics.manifests, topics.patient_events, *outcome_topics(topics))
