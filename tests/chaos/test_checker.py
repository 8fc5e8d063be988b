"""The checker on trial: a scenario without a fault is clean, and each planted violation is found."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import pytest
from prometheus_client import CollectorRegistry

from streams.agents.intake import Intake
from streams.agents.validate import Validate
from streams.deciding import Decider
from streams.demo.feeding import headers_of
from streams.demo.generator import SOURCES, feed
from streams.metrics import Metrics
from streams.sealing import Seal
from streams.state.changelog import decode, encode, parse_key
from streams.state.entry import Entry, Moment
from streams.state.patients import Patients
from streams.tokens import Tokens
from streams.topic_layout import Layout, Topics
from tests.chaos.accounts import Account, Found, Record
from tests.chaos.checker import KEY, account_of_intake, account_of_validate
from tests.streams.agents.fakes import FakeChunk, FakeOutbox, FakeRecord, Output
from validators.loading import load_ruleset

RULESET = load_ruleset()
TOPICS = Topics("chaos.")
LAYOUT = Layout(partitions=1, received_partitions=1, side_partitions=1)
OUTCOMES = ("accepted", "flagged", "denied-risk")
AUTHORIZATION = b"""{"payer_id": "MEDICARE", "member_id": "1EG4TE5MK73", "authorization_number": "A1",
 "status": "approved", "services": [{"procedure_code": "64483"}]}"""
CLAIM = b"""{"claim_id": "LATE-1", "claim_type": "professional", "total_charge": "900.00", "place_of_service": "11",
 "payer": {"id": "EXCIGNA", "line_of_business": "commercial"}, "subscriber": {"member_id": "M1"},
 "billing_provider": {"npi": "1234567893"}, "diagnoses": [{"code": "M5416"}], "service_lines": [{"line_number": 1,
 "procedure_code": "62323", "charge": "900.00", "units": "1", "service_date_from": "2026-06-15"}],
 "authorizations": [{"number": "A2"}]}"""
ENCOUNTER = b"""{"payer_id": "EXCIGNA", "member_id": "M1", "service_date": "2026-06-15", "guidance": "none"}"""


@dataclass
class OneStore:
    patients: Patients = field(default_factory=lambda: Patients(Seal(KEY), RULESET.state))

    def of(self, _partition: int) -> Patients:
        return self.patients


def placed(outputs: Sequence[Output], topic: str) -> list[FakeRecord]:
    return [
        FakeRecord(each.value, tuple(each.headers.items()), each.key, topic, 0, offset)
        for offset, each in enumerate(each for each in outputs if each.topic == topic)
    ]


@pytest.fixture(scope="module")
def clean() -> Found:
    return asyncio.run(worked())


async def worked() -> Found:
    """What a worker without any fault makes of 300 claims, some of them broken, some met twice, and of late facts."""
    received = [
        FakeRecord(each.value, tuple(headers_of(each)), b"clinic", TOPICS.received, 0, offset)
        for offset, each in enumerate(feed(5, 300))
    ]
    received += [replace(received[0], offset=len(received))]
    for late in (CLAIM, ENCOUNTER, AUTHORIZATION):
        received += [FakeRecord(late, (), b"clinic", TOPICS.received, 0, len(received))]
    metrics = Metrics(CollectorRegistry())
    tokens = Tokens(b"a key", RULESET.payers)
    sources = frozenset(SOURCES)
    read, judged = FakeOutbox(), FakeOutbox()
    await Intake(TOPICS, LAYOUT, tokens, sources, RULESET.version.sha256, "w", metrics).work(
        FakeChunk(received, 0), read
    )
    log = placed(read.outputs, TOPICS.patient_events)
    await Validate(TOPICS, Decider(RULESET), OneStore(), metrics).work(FakeChunk(log, 0), judged)
    return Found(
        received=received,
        received_dead=placed(read.outputs, TOPICS.received_dlt),
        manifests=placed(read.outputs, TOPICS.manifests),
        log=log,
        log_dead=[],
        decisions={outcome: placed(judged.outputs, TOPICS.outcome(outcome)) for outcome in OUTCOMES},
        changelog=placed(judged.outputs, TOPICS.state_changelog),
    )


def accounts(found: Found) -> tuple[Account, Account]:
    return account_of_intake(found, SOURCES), account_of_validate(found, RULESET)


def counts(account: Account) -> dict[str, int]:
    found = {name: len(getattr(account, name)) for name in ("lost", "contradictory", "wrong")}
    return {name: count for name, count in (found | {"duplicates": account.duplicates}).items() if count}


def without(records: Sequence[Record], number: int) -> list[Record]:
    return [each for place, each in enumerate(records) if place != number]


def body_changed(record: Record, **changes: object) -> Record:
    return replace(record, value=json.dumps(json.loads(record.value) | changes).encode())


def accepted_changed(found: Found, change: Callable[[Sequence[Record]], Sequence[Record]]) -> Found:
    return replace(found, decisions={**found.decisions, "accepted": change(found.decisions["accepted"])})


def dead_letter(original: Record, topic: str) -> FakeRecord:
    place = zip(("topic", "partition", "offset"), (original.topic, original.partition, original.offset), strict=True)
    said = {f"dlt-original-{name}": str(where) for name, where in place} | {"dlt-exception-code": "unprocessable"}
    return FakeRecord(original.value, tuple((name, text.encode()) for name, text in said.items()), None, topic, 0, 0)


def test_what_a_worker_without_a_fault_leaves_is_clean(clean):
    intake, validate = accounts(clean)

    assert [{}, {}] == [counts(intake), counts(validate)]
    assert intake.records > 300
    assert validate.records == len(clean.log)


def test_an_item_missing_from_the_log_is_lost_for_intake(clean):
    last = len(clean.log) - 4  # the repeat of the first record: nothing later depends on it

    intake, validate = accounts(replace(clean, log=without(clean.log, last)))

    assert {"lost": 1} == counts(intake)
    assert {"wrong": 1} == counts(validate)  # its decision has nothing to be about


def test_a_dead_letter_that_is_missing_is_lost(clean):
    assert {"lost": 1} == counts(account_of_intake(replace(clean, received_dead=clean.received_dead[1:]), SOURCES))


def test_a_record_that_stands_twice_in_the_log_is_a_duplicate(clean):
    again = replace(clean.log[3], offset=len(clean.log))

    intake, validate = accounts(replace(clean, log=[*clean.log, again]))

    assert {"duplicates": 1} == counts(intake)
    assert {"lost": 1} == counts(validate)  # this position has no decision of its own


def test_two_bodies_of_one_event_in_the_log_are_contradictory(clean):
    other = body_changed(clean.log[0], claim_id="another")

    assert {"contradictory": 1} == counts(account_of_intake(replace(clean, log=[other, *clean.log[1:]]), SOURCES))


def test_a_log_record_that_nothing_received_accounts_for_was_never_wanted(clean):
    headers = tuple((name, b"elsewhere:0:0" if name == "cs-origin" else text) for name, text in clean.log[0].headers)
    strange = replace(clean.log[0], headers=headers, offset=len(clean.log))

    assert {"wrong": 1} == counts(account_of_intake(replace(clean, log=[*clean.log, strange]), SOURCES))


@pytest.mark.parametrize(
    "change",
    [
        lambda manifests: manifests[1:],
        lambda manifests: [body_changed(manifests[0], event_ids=["f" * 64]), *manifests[1:]],
    ],
)
def test_a_manifest_that_is_missing_or_incomplete_is_wrong(clean, change):
    assert {"wrong": 1} == counts(account_of_intake(replace(clean, manifests=change(clean.manifests)), SOURCES))


def test_two_bodies_of_one_manifest_are_contradictory(clean):
    manifests = [*clean.manifests, body_changed(clean.manifests[0], items=77)]

    assert {"contradictory": 1} == counts(account_of_intake(replace(clean, manifests=manifests), SOURCES))


def test_a_record_put_aside_whole_accounts_for_all_its_items(clean):
    origin = f"{TOPICS.received}:0:0"
    letter = dead_letter(clean.received[0], TOPICS.received_dlt)
    letter = replace(letter, headers=(*letter.headers, *dlt_sha256(clean.received[0])))
    log = [each for each in clean.log if dict(each.headers)["cs-origin"] != origin.encode()]
    manifests = [each for each in clean.manifests if json.loads(each.value)["position"] != origin]
    found = replace(clean, received_dead=[*clean.received_dead, letter], log=log, manifests=manifests)

    assert {} == counts(account_of_intake(found, SOURCES))
    twice = replace(found, received_dead=[*found.received_dead, letter])
    assert {"duplicates": 1} == counts(account_of_intake(twice, SOURCES))
    spoiled = replace(found, received_dead=[*clean.received_dead, replace(letter, value=b"other bytes")])
    assert {"wrong": 1} == counts(account_of_intake(spoiled, SOURCES))


def dlt_sha256(original: Record) -> tuple[tuple[str, bytes], ...]:
    return (("dlt-sha256", hashlib.sha256(original.value).hexdigest().encode()),)


def test_a_position_without_a_decision_is_lost(clean):
    assert {"lost": 1} == counts(account_of_validate(accepted_changed(clean, lambda each: each[1:]), RULESET))


def test_a_decision_repeated_for_one_position_is_a_duplicate(clean):
    repeated = accepted_changed(clean, lambda each: [*each, each[4], each[4], each[7]])

    assert {"duplicates": 3} == counts(account_of_validate(repeated, RULESET))


def test_two_bodies_for_one_event_are_contradictory_and_one_of_them_is_not_what_the_log_says(clean):
    other = body_changed(clean.decisions["accepted"][0], total_charge="0.01")
    split = accepted_changed(clean, lambda each: [*each, other])

    assert {"contradictory": 2, "duplicates": 1} == counts(account_of_validate(split, RULESET))


def test_one_wrong_body_is_found_by_the_recount(clean):
    spoiled = accepted_changed(clean, lambda each: [body_changed(each[0], amount_at_risk="1.00"), *each[1:]])

    contradictory = account_of_validate(spoiled, RULESET).contradictory

    event = json.loads(clean.decisions["accepted"][0].value)["event_id"]

    assert [f"event {event} revision 0 is not decided as the log says"] == [
        each for each in contradictory if "as the log says" in each
    ]


def revised(found: Found) -> tuple[str, int, str]:
    """Where the one revision stands: outcome, place there, event."""
    ((outcome, place, event),) = (
        (outcome, place, body["event_id"])
        for outcome, records in found.decisions.items()
        for place, body in enumerate(json.loads(each.value) for each in records)
        if body.get("revision")
    )
    return outcome, place, event


def test_a_revision_that_is_missing_is_lost(clean):
    outcome, place, event = revised(clean)
    decisions = {**clean.decisions, outcome: without(clean.decisions[outcome], place)}

    assert [f"revision 1 of event {event}"] == account_of_validate(replace(clean, decisions=decisions), RULESET).lost


def test_a_withdrawal_is_wanted_once_where_the_outcome_changed(clean):
    _, _, event = revised(clean)
    ((outcome, place),) = (
        (outcome, place)
        for outcome, records in clean.decisions.items()
        for place, each in enumerate(records)
        if "superseded_by" in json.loads(each.value)
    )
    records = clean.decisions[outcome]
    gone = replace(clean, decisions={**clean.decisions, outcome: without(records, place)})
    twice = replace(clean, decisions={**clean.decisions, outcome: [*records, records[place]]})

    assert json.loads(records[place].value)["event_id"] == event
    assert {"lost": 1} == counts(account_of_validate(gone, RULESET))
    assert {"duplicates": 1} == counts(account_of_validate(twice, RULESET))


def test_a_body_of_another_ruleset_is_not_judged_by_this_one(clean):
    ruleset = {"version": "1999.1", "sha256": "0" * 64}
    older = accepted_changed(clean, lambda each: [body_changed(one, ruleset=ruleset) for one in each])

    assert {} == counts(account_of_validate(older, RULESET))


@pytest.mark.parametrize(
    "header",
    [("cs-position", b"chaos.claims.patient-events:0:999999"), ("cs-position", b"chaos.claims.patient-events:0:1")],
)
def test_a_decision_about_a_position_it_does_not_belong_to_is_wrong(clean, header):
    def change(records):
        moved = tuple(header if name == header[0] else (name, text) for name, text in records[5].headers)
        return [*records, replace(records[5], headers=moved)]

    assert account_of_validate(accepted_changed(clean, change), RULESET).wrong


def test_a_decision_on_the_topic_of_another_outcome_is_wrong(clean):
    accepted = clean.decisions["accepted"]
    decisions = {**clean.decisions, "accepted": accepted[1:], "flagged": [*clean.decisions["flagged"], accepted[0]]}

    assert {"wrong": 1} == counts(account_of_validate(replace(clean, decisions=decisions), RULESET))


def test_what_intake_did_not_write_must_be_put_aside(clean):
    garbage = FakeRecord(b"{}", (), b"k", TOPICS.patient_events, 0, len(clean.log))
    found = replace(clean, log=[*clean.log, garbage])
    letter = dead_letter(garbage, TOPICS.patient_events_dlt)
    letter = replace(letter, headers=(*letter.headers, *dlt_sha256(garbage)))

    assert {"lost": 1} == counts(account_of_validate(found, RULESET))
    assert {} == counts(account_of_validate(replace(found, log_dead=[letter]), RULESET))


def test_an_entry_missing_from_the_state_is_found(clean):
    assert {"wrong": 1} == counts(account_of_validate(replace(clean, changelog=clean.changelog[1:]), RULESET))


def entry_changed(record: Record, change: Callable[[Entry], Entry]) -> Record:
    seal, (_, event) = Seal(KEY), parse_key(record.key)
    return replace(record, value=encode(change(decode(event, record.value, seal)), seal))


def moved(entry: Entry) -> Entry:
    return entry._replace(moment=Moment(9999, entry.arrived_on))


def received_long_ago(entry: Entry) -> Entry:
    return entry._replace(received_on=date(1999, 1, 1))


def test_an_entry_of_the_state_with_another_position_or_other_facts_is_found(clean):
    for change in (moved, received_long_ago):
        changelog = [entry_changed(clean.changelog[0], change), *clean.changelog[1:]]

        assert {"wrong": 1} == counts(account_of_validate(replace(clean, changelog=changelog), RULESET))


def test_the_last_entry_of_an_event_counts_and_other_records_of_the_changelog_do_not(clean):
    note = FakeRecord(b"{}", (), b"partitions", TOPICS.state_changelog, 0, 0)
    spoiled_before = entry_changed(clean.changelog[0], moved)

    assert {} == counts(
        account_of_validate(replace(clean, changelog=[note, spoiled_before, *clean.changelog]), RULESET)
    )
