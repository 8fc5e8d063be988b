import os
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from schemas.claim import Provider
from streams.demo.generator import SOURCES, feed
from streams.demo.injections import DEFECTS
from streams.demo.practices import PAYERS
from streams.intake.items import Rejected
from tests.streams.demo.judging import Judged, claims, judge

REPOSITORY = Path(__file__).parents[3]
CLAIMS = 6000
DIGEST = """
import hashlib
from streams.demo.generator import feed
print(hashlib.sha256(b"".join(b"%r" % (tuple(record),) for record in feed(7, 800))).hexdigest())
"""


@pytest.fixture(scope="module")
def judged() -> Judged:
    return judge(feed(3, CLAIMS))


def digest_in_a_process_of_its_own(hash_seed: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", DIGEST],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout


def test_the_same_seed_gives_the_same_bytes_whatever_the_hash_seed() -> None:
    assert digest_in_a_process_of_its_own("1") == digest_in_a_process_of_its_own("2")


def test_another_seed_gives_another_feed() -> None:
    assert list(feed(1, 50)) == list(feed(1, 50))
    assert list(feed(1, 50)) != list(feed(2, 50))


@pytest.mark.parametrize("wanted", [0, 1, 2, 37, 2000])
def test_a_feed_holds_exactly_the_items_asked_for(wanted: int) -> None:
    assert sum(record.items for record in feed(5, wanted)) == wanted


def test_intake_finds_in_each_record_what_the_record_says_it_holds(judged: Judged) -> None:
    assert [record.items for record, _ in judged.items] == [len(found) for _, found in judged.items]


def test_one_or_two_in_a_hundred_items_cannot_be_read_for_every_cause_there_is(judged: Judged) -> None:
    causes = Counter(item.rejection.code for _, found in judged.items for item in found if isinstance(item, Rejected))

    assert 0.01 <= causes.total() / CLAIMS <= 0.025
    assert causes.keys() == {
        "malformed-json", "missing-field", "not-a-claim", "not-a-number", "not-utf8", "truncated", "unknown-format",
        "wrong-type",
    }  # fmt: skip


def test_a_bad_claim_in_a_file_leaves_the_others_readable(judged: Judged) -> None:
    rejected_of = {
        len(found): sum(isinstance(item, Rejected) for item in found)
        for record, found in judged.items
        if record.value.startswith(b"ISA") and any(isinstance(item, Rejected) for item in found)
    }

    assert max(rejected_of) > 5
    assert set(rejected_of.values()) == {1}


def test_only_files_that_were_cut_off_are_warned_about(judged: Judged) -> None:
    assert judged.warnings
    assert {record.value.rstrip().endswith(b"~") for record, _ in judged.warnings} == {False}


def test_about_one_item_in_a_hundred_comes_again_byte_for_byte(judged: Judged) -> None:
    seen: dict[bytes, str] = {}
    repeated = 0
    for record, _ in judged.items:
        assert (record.value in seen) == record.repeated
        assert seen.setdefault(record.value, record.source) == record.source
        repeated += record.items * record.repeated

    assert 0.004 <= repeated / CLAIMS <= 0.02


def test_a_third_of_the_claims_is_in_scope_and_most_of_those_are_clean(judged: Judged) -> None:
    in_scope = [decision for decision in judged.first.values() if decision.in_scope]

    assert 0.30 <= len(in_scope) / len(judged.first) <= 0.40
    assert sum(decision.outcome == "accepted" for decision in in_scope) > len(in_scope) / 2


def test_all_three_outcomes_are_clearly_there_and_accepted_is_the_rule(judged: Judged) -> None:
    shares = Counter(decision.outcome for decision in judged.first.values())
    total = len(judged.first)

    assert shares["accepted"] / total > 0.6
    assert shares["flagged"] / total > 0.03
    assert shares["denied-risk"] / total > 0.05


def test_claims_out_of_scope_are_accepted(judged: Judged) -> None:
    assert {decision.outcome for decision in judged.first.values() if not decision.in_scope} == {"accepted"}


def test_each_defect_of_the_feed_is_found(judged: Judged) -> None:
    fired = {found.rule for decision in judged.first.values() for found in decision.findings}

    assert {defect.rule for defect in DEFECTS} <= fired


def test_both_formats_every_source_and_every_payer_are_there(judged: Judged) -> None:
    records = [record for record, _ in judged.items]

    assert {record.source for record in records} == set(SOURCES)
    assert {claim.payer.id for claim in claims(judged)} == {payer.id for payer in PAYERS}
    assert {record.value[:3] == b"ISA" for record in records} == {True, False}
    assert {
        None, "application/edi-x12", "application/vnd.claimstream.claim+json;v=1"
    } == {record.content_type for record in records}  # fmt: skip


def test_replacements_name_the_original_and_resubmissions_keep_the_number(judged: Judged) -> None:
    numbers = Counter(claim.claim_id for claim in claims(judged) if claim.frequency_code == "1")
    replacements = [claim for claim in claims(judged) if claim.frequency_code == "7"]

    assert len(replacements) > CLAIMS / 500
    assert all(claim.original_reference for claim in replacements)
    assert max(numbers.values()) >= 2


def test_some_patients_are_not_the_subscriber(judged: Judged) -> None:
    dependents = [claim for claim in claims(judged) if claim.patient is not None]

    assert len(dependents) > CLAIMS / 50
    assert {claim.subscriber.relationship for claim in dependents} == {"spouse", "child"}


def test_claims_are_what_a_careful_sender_makes(judged: Judged) -> None:
    for claim in claims(judged):
        lines = claim.service_lines
        assert claim.total_charge == sum((line.charge for line in lines), Decimal(0)) > 0
        assert [line.line_number for line in lines] == list(range(1, len(lines) + 1))
        assert claim.received_on is None or claim.received_on > max(line.service_date_from for line in lines)
        assert {line.service_date_from.year for line in lines} == {2026}
        assert all(1 <= pointer <= len(claim.diagnoses) for line in lines for pointer in line.diagnosis_pointers)
        assert len({diagnosis.code for diagnosis in claim.diagnoses}) == len(claim.diagnoses)
        assert claim.who.birth_date is not None
        assert lines[0].service_date_from.year - claim.who.birth_date.year >= 18


def test_every_npi_has_a_right_check_digit(judged: Judged) -> None:
    numbers = set()
    for claim in claims(judged):
        providers: list[Provider | None] = [claim.billing_provider, claim.rendering_provider, claim.service_facility]
        numbers |= {provider.npi for provider in providers if provider is not None}

    assert all(number is not None and len(number) == 10 and luhn_is_right(f"80840{number}") for number in numbers)
    assert len(numbers) > 50


def luhn_is_right(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def test_every_diagnosis_is_billable_but_those_billed_without_their_last_digit(judged: Judged, shared: Path) -> None:
    billable = set((shared / "reference" / "icd10cm_billable_2026apr.txt").read_text().split())

    assert {"M4806", "M5136", "M545"} == {
        diagnosis.code for claim in claims(judged) for diagnosis in claim.diagnoses
    } - billable
