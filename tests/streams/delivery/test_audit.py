import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import content_type
from streams.delivery.audit.account import Account, Found
from streams.delivery.audit.rows import ROW_BYTES, Reading, Scope
from streams.delivery.audit.spill import open_spill
from tests.streams.delivery.topic_records import (
    NAMES,
    Letters,
    Made,
    decision,
    event,
    logged,
    manifest,
    received,
    texts,
)

FAR = 1 << 40
A, B, C = event("a"), event("b"), event("c")


def account_of(
    *records: Made,
    read_to: int = FAR,
    log_to: int = FAR,
    window: range = range(FAR),
    whole: bool = True,
    limit: int = 100,
) -> Account:
    committed = {(NAMES.received, 0): read_to, (NAMES.patient_events, 0): log_to}
    scope = Scope(NAMES, {0: window}, committed, whole)
    account = Account(NAMES, whole, limit)
    account.take(row for record in records for row in Reading(scope).rows(record))
    return account


def found(account: Account) -> set[tuple[str, str, str | None]]:
    return {(each.fault, each.position, each.event_id) for each in account.examples}


def counted(account: Account, subject: str) -> tuple[int, int, int, int]:
    each = account.counts[subject]
    assert each.found == each.accounted + each.in_progress + each.unaccounted
    return each.found, each.accounted, each.in_progress, each.unaccounted


def one(claim: str = A) -> list[Made]:
    """A received record with one claim, all its outputs there."""
    record = received(0)
    return [record, manifest(record, [claim]), logged(claim, record, 0), decision(claim, 0)]


def test_what_has_all_its_outputs_is_accounted_for():
    record, letters = received(0), Letters()
    account = account_of(
        record,
        manifest(record, [A], facts=[B], rejected=[C]),
        logged(A, record, 0),
        decision(A, 0, "flagged"),
        logged(B, record, 1, "encounter"),
        letters.of(record, C, code="truncated"),
    )

    assert (0, 0, 0, set()) == (account.unaccounted, account.contradictory, account.strange, found(account))
    assert [(1, 1, 0, 0)] * 4 == [counted(account, each) for each in ("records", "claims", "facts", "rejections")]


def test_a_record_our_own_code_failed_on_has_a_dead_letter_of_its_own():
    record = received(7)

    assert (1, 1, 0, 0) == counted(account_of(record, Letters().of(record)), "records")
    assert {("no-manifest", record.position, None)} == found(account_of(record))


def test_a_claim_our_own_reader_failed_on_is_a_rejection_and_no_account_of_its_record():
    record, letters = received(7), Letters()
    letter = letters.of(record, A, code="unprocessable", of_item=True)

    assert (1, 1, 0, 0) == counted(account_of(record, manifest(record, rejected=[A]), letter), "rejections")
    assert {("no-manifest", record.position, None)} == found(account_of(record, letter))


def test_a_redriven_record_that_fails_again_is_accounted_for_by_its_own_letter():
    first, again, letters = received(3), received(8), Letters()

    assert set() == found(account_of(first, again, letters.of(first), letters.of(again, first=first)))


def test_a_redriven_claim_of_the_log_needs_an_outcome_of_its_own():
    record, listed, log, _ = one()
    again, letters = logged(A, record, 9), Letters()
    failed = [record, listed, log, again, letters.of(log, A)]

    assert {("no-outcome", again.position, A)} == found(account_of(*failed))
    assert set() == found(account_of(*failed, letters.of(again, A, first=log)))


def test_an_account_of_other_bytes_at_the_same_position_is_none():
    before, now = received(0, b"of a topic that was deleted"), received(0)
    account = account_of(now, manifest(before), Letters().of(before))

    assert {("no-manifest", now.position, None)} == found(account)


def test_a_claim_is_missed_where_it_was_last_seen():
    record, listed, log, decided = one()

    assert {("not-logged", record.position, A)} == found(account_of(record, listed))
    assert {("no-outcome", log.position, A)} == found(account_of(record, listed, log))
    assert set() == found(account_of(record, listed, decided))
    assert set() == found(account_of(record, listed, log, Letters().of(log, A)))


def test_a_dead_letter_of_an_earlier_reading_is_no_outcome_of_the_claim_it_became():
    record, listed, log, _ = one()
    letter = Letters().of(received(3), A, code="truncated")

    assert {("no-outcome", log.position, A)} == found(account_of(record, listed, log, letter))


def test_a_rejected_item_that_is_decided_later_counts_once_as_a_claim():
    first, letters = received(9), Letters()
    rejected = [first, manifest(first, rejected=[A]), letters.of(first, A, code="truncated")]
    account = account_of(*rejected, *one())

    assert (0, 0) == (account.unaccounted, account.strange)
    assert (1, 1, 0, 0) == counted(account, "claims")
    assert (0, 0, 0, 0) == counted(account, "rejections")


def test_a_rejected_item_that_is_decided_beyond_the_window_is_accounted_for_without_its_letter():
    record = received(0)

    assert (1, 1, 0, 0) == counted(account_of(record, manifest(record, rejected=[A]), decision(A, 0)), "rejections")


def test_a_withdrawal_is_no_decision():
    record, listed, log, decided = one()
    withdrawn = replace(decided, headers=texts(content_type=content_type("withdrawal"), cs_event_id=A))

    assert {("no-outcome", log.position, A)} == found(account_of(record, listed, log, withdrawn))


def test_what_the_worker_has_not_committed_is_in_progress():
    record, listed, log, decided = one()

    assert (1, 0, 1, 0) == counted(account_of(record, read_to=0), "records")
    assert (1, 0, 1, 0) == counted(account_of(record, listed, read_to=0), "claims")
    assert (1, 0, 1, 0) == counted(account_of(record, listed, log, log_to=0), "claims")
    assert (1, 1, 0, 0) == counted(account_of(record, listed, log, decided, read_to=0, log_to=0), "claims")


def test_a_part_that_is_missing_and_items_that_do_not_add_up_are_told_apart():
    record = received(0)
    first, second = (manifest(record, part=part, parts=2, items=0, offset=part) for part in (0, 1))

    assert {("incomplete-manifest", record.position, None)} == found(account_of(record, first))
    assert set() == found(account_of(record, first, second, first))
    assert {("wrong-items", record.position, None)} == found(account_of(record, manifest(record, items=1)))


def test_two_manifests_that_differ_are_contradictory_and_the_same_one_again_is_not():
    record = received(0)
    account = account_of(record, manifest(record), manifest(record, parts=2))

    assert ({("two-manifests", record.position, None)}, 1, 0) == (
        found(account),
        account.contradictory,
        account.unaccounted,
    )
    assert 1 == account_of(record, manifest(record), manifest(record, items=3)).contradictory
    assert 0 == account_of(record, manifest(record), manifest(record, offset=1)).contradictory


def test_two_bodies_under_one_ruleset_and_revision_are_contradictory():
    record, listed, log, decided = one()
    same = replace(decided, offset=1)
    other = decision(A, 0, "flagged")
    account = account_of(record, listed, log, decided, same, other)

    assert [Found(other.position, "two-decisions", A, decided.position)] == account.examples
    assert (1, 0, 1) == (account.contradictory, account.unaccounted, account.decisions_repeated)


def test_another_revision_or_ruleset_contradicts_nothing():
    revised, rules = decision(A, 1, revision=1), decision(A, 2, ruleset={"sha256": "others", "version": "2"})

    assert 0 == account_of(*one(), revised, rules).contradictory


def test_a_decision_nobody_asked_for_is_strange_where_the_window_can_know():
    stray = decision(B, 8)

    assert {("unknown-event", stray.position, B)} == found(account_of(*one(), stray))
    assert set() == found(account_of(*one(), stray, whole=False))


def test_a_claim_of_the_log_without_manifest_needs_an_outcome_too():
    record, _, log, decided = one()

    assert {("no-manifest", record.position, None), ("no-outcome", log.position, A)} == found(account_of(record, log))
    assert {("no-manifest", record.position, None)} == found(account_of(record, log, decided))
    assert (0, 0, 0, 0) == counted(account_of(log, window=range(5, 9), whole=False), "claims")


def test_what_intake_did_not_write_into_the_log_needs_a_dead_letter():
    foreign = Made(NAMES.patient_events, 0, 3, b"hello")
    letter = Letters().of(foreign)

    assert {("no-outcome", foreign.position, None)} == found(account_of(foreign))
    assert set() == found(account_of(foreign, letter)) | found(account_of(foreign, whole=False))


@pytest.mark.parametrize("topic", [NAMES.manifests, NAMES.received_dlt, NAMES.patient_events_dlt, NAMES.accepted])
def test_what_cannot_be_what_its_topic_holds_is_strange_and_ends_nothing(topic):
    for value in (b"", b"[]", b"nonsense", b'{"position": 7, "event_ids": [], "rejections": []}'):
        stray = Made(topic, 0, 5, value)

        assert {("unreadable", stray.position, None)} == found(account_of(stray, *one()))
    decided = decision("no digits", 5)
    unnamed = replace(decided, headers=texts(content_type=content_type("decision")))
    assert 1 == account_of(unnamed).strange


def test_a_window_asks_only_about_its_own_records():
    record, outside = received(0), received(5)
    records = [record, manifest(record), outside, manifest(outside, [A], facts=[B], rejected=[C])]
    account = account_of(*records, window=range(5), whole=False)

    assert (1, 1, 0, 0) == counted(account, "records")
    assert (0, set()) == (account.unaccounted, found(account))


def test_findings_beyond_the_limit_are_counted():
    account = account_of(*(received(offset) for offset in range(5)), limit=2)

    assert (2, 5, {"no-manifest": 5}) == (len(account.examples), account.unaccounted, account.faults)
    assert {"found": 5, "accounted": 0, "in_progress": 0, "unaccounted": 5} == account.as_object()["records"]


@dataclass
class Item:
    """One item of a feed: what came out of it, and what is told when some of that is gone."""

    kind: str
    event_id: str
    outputs: list[Made]


@dataclass
class Feed:
    records: list[Made] = field(default_factory=list)
    manifests: dict[str, list[Made]] = field(default_factory=dict)
    own_letters: dict[str, Made] = field(default_factory=dict)
    items: list[tuple[Made, Made, Item]] = field(default_factory=list)

    def outputs(self) -> list[Made]:
        parts = [part for parts in self.manifests.values() for part in parts]
        return [*parts, *self.own_letters.values(), *(each for *_, item in self.items for each in item.outputs)]

    def told_without(self, gone: Iterable[Made]) -> set[tuple[str, str, str | None]]:
        """What an audit must report when these outputs are gone."""
        lost, told = {each.position for each in gone}, set[tuple[str, str, str | None]]()
        for record in self.records:
            parts = self.manifests.get(record.position, [])
            left = [part for part in parts if part.position not in lost]
            letter = self.own_letters.get(record.position)
            if letter is None or letter.position in lost:
                if not left:
                    told.add(("no-manifest", record.position, None))
                elif len(left) < len(parts):
                    told.add(("incomplete-manifest", record.position, None))
        for record, part, item in self.items:
            told |= self._told(record, part.position not in lost, item, lost)
        return told

    def _told(self, record: Made, listed: bool, item: Item, lost: set[str]) -> set[tuple[str, str, str | None]]:
        left = [each for each in item.outputs if each.position not in lost]
        by_topic = {each.topic: each for each in left}
        log = by_topic.pop(NAMES.patient_events, None)
        if item.kind == "rejection":
            return {("no-dead-letter", record.position, item.event_id)} if listed and not left else set()
        if not left:
            return {("not-logged", record.position, item.event_id)} if listed else set()
        if by_topic and log is None and not listed and NAMES.patient_events_dlt not in by_topic:
            return {("unknown-event", each.position, item.event_id) for each in by_topic.values()}
        if item.kind == "claim" and log is not None and not by_topic:
            return {("no-outcome", log.position, item.event_id)}
        return set()


@st.composite
def feeds(draw: st.DrawFn) -> Feed:
    """Received records of every kind, with whatever came out of them."""
    made, letters = Feed(), Letters()
    offsets = iter(range(FAR))
    kinds = st.lists(st.sampled_from(["claim", "dead-claim", "fact", "rejection"]), max_size=5)
    for number, parts in enumerate(
        draw(st.lists(st.one_of(st.none(), st.lists(kinds, min_size=1, max_size=3)), max_size=5))
    ):
        record = received(number, str(number).encode())
        made.records.append(record)
        if parts is None:
            made.own_letters[record.position] = letters.of(record)
            continue
        count = sum(kind != "fact" for part in parts for kind in part)
        for index, part in enumerate(parts):
            ids = [(kind, event((number, index, place))) for place, kind in enumerate(part)]
            listed = manifest(
                record,
                [each for kind, each in ids if kind in ("claim", "dead-claim")],
                facts=[each for kind, each in ids if kind == "fact"],
                rejected=[each for kind, each in ids if kind == "rejection"],
                part=index,
                parts=len(parts),
                items=count,
                offset=next(offsets),
            )
            made.manifests.setdefault(record.position, []).append(listed)
            for kind, event_id in ids:
                if kind == "rejection":
                    outputs = [letters.of(record, event_id, code="truncated")]
                else:
                    log = logged(event_id, record, next(offsets), "encounter" if kind == "fact" else "claim")
                    outputs = [log]
                    if kind == "claim":
                        outputs.append(
                            decision(event_id, next(offsets), draw(st.sampled_from(["accepted", "flagged"])))
                        )
                    elif kind == "dead-claim":
                        outputs.append(letters.of(log, event_id))
                made.items.append((record, listed, Item(kind.removeprefix("dead-"), event_id, outputs)))
    return made


@given(feeds(), st.data())
def test_exactly_what_was_removed_is_reported(feed, data):
    outputs = feed.outputs()
    gone = data.draw(st.lists(st.sampled_from(outputs), unique_by=id)) if outputs else []
    left = [each for each in outputs if all(each is not lost for lost in gone)]
    shuffled = [*feed.records, *left]
    data.draw(st.randoms(use_true_random=False)).shuffle(shuffled)
    account = account_of(*shuffled)

    assert feed.told_without(gone) == found(account)
    assert len(account.examples) == account.unaccounted + account.strange
    assert 0 == account.contradictory


def test_rows_come_back_range_by_range_from_memory_and_from_disk():
    scope = Scope(NAMES, {0: range(FAR)}, {}, whole=True)
    rows = [row for offset in range(3000) for row in Reading(scope).rows(received(offset))]
    random.Random(1).shuffle(rows)
    for in_memory_bytes in (1 << 20, ROW_BYTES):
        with open_spill(in_memory_bytes) as spill:
            spill.add(rows)
            ranges = list(spill.ranges())

        assert sorted(rows) == sorted(row for each in ranges for row in each)
        assert [] == [each for each in ranges if len({row[0] for row in each}) > 1]
