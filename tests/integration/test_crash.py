"""The worker killed between produce and commit, of intake and of validate: nothing lost, nothing decided twice."""

import json
from collections.abc import Sequence

import pytest
from aiokafka import ConsumerRecord

from streams.agents.validate import from_log
from streams.deciding import Decider
from streams.demo.feeding import Sent, send
from streams.demo.generator import SOURCES, FeedRecord, feed
from streams.intake.arrival import event_id
from streams.intake.items import ReadClaim
from streams.intake.reading import read_record
from streams.topics import Layout, Topics
from tests.validators.building import nobody
from validators.decide import decision_bytes
from validators.loading import load_ruleset

CLAIMS = 10_000
NEVER_COMMIT = {"CLAIMSTREAM_BROKER__COMMIT_INTERVAL_SECONDS": "3600"}


@pytest.fixture
def layout() -> Layout:
    return Layout(partitions=4, received_partitions=4)


@pytest.fixture
def settings() -> dict[str, str]:
    return {"CLAIMSTREAM_BROKER__PARTITIONS": "4", "CLAIMSTREAM_SOURCES": ",".join(SOURCES)}


def events_of(records: Sequence[FeedRecord]) -> set[str]:
    """The event ids of every claim in the feed, worked out from its bytes."""
    return {
        event_id(record.source, item.identity)
        for record in records
        for item in read_record(record.value, record.content_type)
        if isinstance(item, ReadClaim)
    }


def bodies(records: Sequence[ConsumerRecord]) -> dict[str, set[bytes]]:
    found: dict[str, set[bytes]] = {}
    for record in records:
        found.setdefault(json.loads(record.value)["event_id"], set()).add(record.value)
    return found


def recount(log: Sequence[ConsumerRecord]) -> dict[str, set[bytes]]:
    """What each event must be decided as: one pass over each partition, every event once, where it first stood."""
    decider, decided = Decider(load_ruleset()), {}
    for partition in {record.partition for record in log}:
        patients = nobody()
        for record in sorted((each for each in log if each.partition == partition), key=lambda each: each.offset):
            arrived, moment, _ = from_log(record)
            if arrived.event_id in decided:
                continue
            (made,) = decider.take(arrived, moment, patients).decided
            decided[arrived.event_id] = {decision_bytes(made.decision)}
    return decided


def outcome_topics(topics: Topics) -> tuple[str, str, str]:
    return topics.accepted, topics.flagged, topics.denied_risk


async def test_a_worker_killed_between_produce_and_commit_loses_nothing_and_contradicts_nothing(
    topics, start_worker, reader, settings, kafka
):
    records = list(feed(seed=7, claims=CLAIMS))
    wanted = events_of(records)
    group = f"{topics.prefix}claimstream"
    await send(records, kafka.bootstrap, topics.received, Sent())

    intake_killed = start_worker(**settings | NEVER_COMMIT)
    await reader.until(lambda found: len(found) >= CLAIMS // 4, topics.patient_events)
    intake_killed.kill()
    assert 0 == (await reader.committed(group)).get(topics.received, 0)

    validate_killed = start_worker(**settings | NEVER_COMMIT)
    await reader.until(lambda found: len(found) >= CLAIMS // 2, *outcome_topics(topics))
    validate_killed.kill()
    assert 0 == (await reader.committed(group)).get(topics.patient_events, 0)

    survivor = start_worker(**settings)
    await reader.until(lambda found: len(found) >= CLAIMS and wanted <= bodies(found).keys(), *outcome_topics(topics))
    assert 0 == survivor.terminate()

    decided = bodies(await reader.to_end(*outcome_topics(topics)))
    log = await reader.to_end(topics.patient_events)
    ends = await reader.committed(group)
    assert wanted == decided.keys()
    assert {1} == {len(found) for found in decided.values()}
    assert len(log) > len(wanted)  # intake did repeat
    assert recount(log) == decided
    assert len(records) == ends[topics.received]
