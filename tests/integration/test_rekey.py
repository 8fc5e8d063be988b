"""`claimstream rekey` on real Kafka: the log of one prefix into another, where workers decide everything anew."""

import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiokafka import ConsumerRecord

from streams import headers as h
from streams.demo.feeding import Sent, send
from streams.demo.generator import SOURCES, feed
from streams.topics import Layout, Topics, apply_topics
from tests.integration.stateful import (
    PARTITIONS,
    Operator,
    a_claim,
    an_authorization,
    an_encounter,
    bodies,
    settings_of,
)

CLAIMS = 300
NEW_PARTITIONS = 3
KNOWN = ",".join((*SOURCES, "clinic"))


@pytest.fixture
def layout() -> Layout:
    return Layout(partitions=PARTITIONS, received_partitions=PARTITIONS)


@pytest.fixture
def old(kafka, topics, reader, token_key_file) -> Iterator[Operator]:
    """Whoever runs the old prefix."""
    found = Operator(kafka.bootstrap, topics, settings_of(token_key_file, CLAIMSTREAM_SOURCES=KNOWN), reader)
    yield found
    found.kill()


@pytest.fixture
def new_key_file(tmp_path) -> Path:
    path: Path = tmp_path / "new.key"
    path.write_bytes(b"another key that only these tests have")
    return path


@pytest.fixture
async def new(kafka, topics, reader, new_key_file) -> AsyncIterator[Operator]:
    """Whoever runs the new one, with another key and other partitions."""
    names = Topics(f"{topics.prefix}new.")  # its topics go with those of the old prefix
    await apply_topics(kafka.bootstrap, names, Layout(partitions=NEW_PARTITIONS, received_partitions=PARTITIONS))
    partitions = {"CLAIMSTREAM_BROKER__PARTITIONS": str(NEW_PARTITIONS)}
    found = Operator(kafka.bootstrap, names, settings_of(new_key_file, CLAIMSTREAM_SOURCES=KNOWN) | partitions, reader)
    yield found
    found.kill()


@pytest.fixture
def rekey(old, new):
    async def run(*arguments: object, code: int = 0, **settings: str):
        return await new.json("rekey", "--from-prefix", old.topics.prefix, *arguments, code=code, **settings)

    return run


@pytest.fixture
def work(start_worker):
    """Decide everything there is under a prefix, then end."""

    async def run(operator: Operator, *topics: str, **settings: str) -> None:
        prefix = {"CLAIMSTREAM_BROKER__PREFIX": operator.topics.prefix}
        worker = start_worker(**(prefix | operator.settings | settings))
        await operator.all_done(*topics)
        assert 0 == worker.terminate()

    return run


@pytest.fixture
async def fed(old, work) -> Operator:
    """Under the old prefix a feed of claims, and members with facts that came before and after their claims."""
    await send(list(feed(seed=31, claims=CLAIMS)), old.bootstrap, old.topics.received, Sent())
    for number in range(5):
        member = f"M{number}"
        await old.send(
            an_authorization("A-1", member),
            a_claim("PT-1", member, authorizations=[{"number": "A-1", "kind": "prior_authorization"}]),
            a_claim("PT-2", member, "64483", on="2026-05-15"),
            an_encounter(member, guidance="none"),
            an_authorization("A-1", member, status="voided", version=2),
            a_claim("PT-1", member, frequency_code="8"),
        )
    await work(old)
    return old


def told(records: list[ConsumerRecord]) -> dict[tuple[str, int], dict[str, Any]]:
    """Every decision by event and revision, without what names the patient and hashes of that."""
    of_patient = ("patient_token", "decision_id", "supersedes")
    return {
        (body["event_id"], body["revision"]): {name: value for name, value in body.items() if name not in of_patient}
        for body in bodies(records)
    }


def by_event(records: list[ConsumerRecord]) -> dict[str, ConsumerRecord]:
    return {h.texts(record.headers)[h.EVENT_ID]: record for record in records}


def without(headers: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: text for name, text in headers.items() if name not in names}


async def test_under_another_key_and_other_partitions_all_is_decided_as_before(fed, new, work, rekey):
    before, log = await fed.decisions(), await fed.log()
    done = await rekey()
    await work(new, new.topics.patient_events)
    after, copied = await new.decisions(), await new.log()

    (summary,) = done.lines
    assert (len(log), len(log), True) == tuple(summary[name] for name in ("records", "copied", "finished"))
    assert any(body["revision"] for body in bodies(before))
    assert told(before) == told(after)
    tokens = [{body["patient_token"] for body in bodies(records)} for records in (before, after)]
    assert len(tokens[0]) == len(tokens[1])
    assert set() == tokens[0] & tokens[1]
    assert [record.value for record in sorted(log, key=_event)] == [r.value for r in sorted(copied, key=_event)]
    assert set(range(NEW_PARTITIONS)) == {record.partition for record in copied}
    was, now = by_event(log), by_event(copied)
    for event, record in now.items():
        headers, of_old = h.texts(record.headers), h.texts(was[event].headers)
        assert without(of_old, h.PERSON) == without(headers, h.PERSON, h.REKEYED_FROM)
    assert 0 == (await new.json("state", "verify")).lines[-1]["differences"]

    await new("audit", "conserve")
    assert "decided" in (await new("trace", "PT-1")).out

    again = await rekey()
    assert (0, len(log)) == (again.lines[0]["copied"], again.lines[0]["copied_before"])
    assert len(copied) == len(await new.log())


def _event(record: ConsumerRecord) -> tuple[str, int]:
    return h.texts(record.headers)[h.EVENT_ID], record.timestamp


async def test_two_payer_ids_of_one_member_become_one_history(old, new, work, rekey):
    for payer in ("EXPLAN", "EXPLAN-2"):
        await old.send(a_claim(f"PT-{payer}", payer={"id": payer, "filing_indicator": "CI"}))
    await work(old)
    joined = {"CLAIMSTREAM_PAYER_ALIASES": "EXPLAN-2=EXPLAN"}
    await rekey(**joined)
    await work(new, new.topics.patient_events, **joined)
    before, after = [{body["claim_id"]: body for body in bodies(await each.decisions())} for each in (old, new)]

    assert 2 == len({body["patient_token"] for body in before.values()})
    assert 1 == len({body["patient_token"] for body in after.values()})
    failed = [sum("CODE-26" in body["checks"]["fail"] for body in each.values()) for each in (before, after)]
    assert [0, 1] == failed  # of two of one millisecond, as these may be, that of the lower partition comes first

    refused = await rekey(code=2)
    assert "CLAIMSTREAM_PAYER_ALIASES" in refused.err
    assert "was written with other settings" in refused.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
async def test_a_run_that_is_stopped_or_killed_goes_on_where_it_was(fed, new, reader, rekey, number):
    running = new.start("rekey", "--from-prefix", fed.topics.prefix, "--rate", 60, "--output", "json")
    await reader.until(lambda found: len(found) >= 40, new.topics.patient_events)
    running.send_signal(number)
    ended = await new.ended(running)
    partly = await new.log()
    done = await rekey()
    log, copied = await fed.log(), await new.log()

    assert 40 <= len(partly) < len(log)
    if number == signal.SIGKILL:
        assert -signal.SIGKILL == ended.code
    else:
        assert (130, False, len(partly)) == (ended.code, ended.lines[0]["finished"], ended.lines[0]["copied"])
        assert "claimstream: rekey was stopped; the same command goes on with what is left\n" == ended.err
    assert len(log) == len(copied) == len(partly) + done.lines[0]["copied"]
    places = [h.texts(record.headers)[h.REKEYED_FROM] for record in copied]
    assert len(log) == len(set(places))
    times = {
        f"{each.topic}:{each.partition}:{each.offset}": (each.timestamp, each.partition, each.offset) for each in log
    }
    for partition in range(NEW_PARTITIONS):
        order = [times[place] for place, each in zip(places, copied, strict=True) if each.partition == partition]
        assert sorted(order) == order


async def test_what_was_purged_stays_behind(fed, new, work, rekey, start_worker):
    token = next(body["patient_token"] for body in bodies(await fed.decisions()) if body["claim_id"] == "PT-1")
    start_worker(**fed.settings)
    await fed("state", "purge", token, "--apply")
    hidden = [each for each in await fed.log() if each.key == token.encode() and b"requested_at" not in each.value]
    done = await rekey()

    assert (len(hidden), 1) == (done.lines[0]["purged"], done.lines[0]["purges"])
    assert set(by_event(hidden)).isdisjoint(by_event(await new.log()))


async def test_what_cannot_be_rekeyed_is_refused_in_one_sentence(fed, new, rekey, producer):
    prefix, settings = fed.topics.prefix, {"CLAIMSTREAM_BROKER__PARTITIONS": "5"}
    for arguments, changed, words in (
        (("--from-prefix", new.topics.prefix), {}, "set CLAIMSTREAM_BROKER__PREFIX, or --prefix, to that of the new"),
        (("--from-prefix", prefix), settings, "has 3 partitions instead of 5"),
        (("--from-prefix", prefix), {"CLAIMSTREAM_TOKEN_KEY_FILE": ""}, "CLAIMSTREAM_TOKEN_KEY_FILE is not set"),
        (("--from-prefix", "nowhere."), {}, "topic nowhere.claims.patient-events does not exist"),
        (("--from-prefix", prefix, "--prefix", "nowhere."), {}, "nowhere.claims.received does not exist"),
    ):
        refused = await new("rekey", *arguments, code=2, **changed)
        assert words in refused.err
        assert ("", 1) == (refused.out, refused.err.count("\n"))
    await producer.send_and_wait(new.topics.patient_events, b"not ours", partition=1)
    refused = await rekey(code=2)
    assert f"{new.topics.patient_events}:1:0 was not written by a rekey of {fed.topics.patient_events}" in refused.err
    assert 1 == len(await new.log())
