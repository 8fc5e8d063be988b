import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from streams.intake.items import ReadClaim, Rejected
from streams.intake.reading import format_of, read_record

pytestmark = pytest.mark.shared

NOT_READ = {
    # Examples of HL7 and Microsoft: dental, vision and pharmacy claims are neither professional nor institutional.
    "google__fhir__Claim-100150.json": ("unknown-value", "Claim.type"),
    "google__fhir__Claim-100151.json": ("unknown-value", "Claim.type"),
    "google__fhir__Claim-100152.json": ("unknown-value", "Claim.type"),
    "google__fhir__Claim-660150.json": ("unknown-value", "Claim.type"),
    "google__fhir__Claim-760150.json": ("unknown-value", "Claim.type"),
    "google__fhir__Claim-760151.json": ("unknown-value", "Claim.type"),
    "microsoft__fhir-server__claim-example.json": ("unknown-value", "Claim.type"),
    # The insurer and the Coverage are on a server, not in the file.
    "google__fhir__Claim-860150.json": ("missing-field", "Claim.insurer"),
    "google__fhir__Claim-960150.json": ("missing-field", "Claim.insurer"),
    # The Coverage has no subscriberId, and the provider is on a server.
    "google__fhir__Claim-MED-00050.json": ("missing-field", "Claim.contained[1].subscriberId"),
    # CMS gives neither insurer nor Coverage.
    "CMSgov__beneficiary-fhir-data__claimFissRead.json": ("missing-field", "Claim.insurer"),
    "CMSgov__beneficiary-fhir-data__claimMcsRead.json": ("missing-field", "Claim.insurer"),
}


def rows(folder: Path) -> list[tuple[str, bytes, int]]:
    """Each file of a folder with its bytes and the number of Claims the manifest says are in it."""
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as lines:
        return [
            (row["file"], (folder / row["file"]).read_bytes(), json.loads(row.get("resources") or "{}").get("Claim", 0))
            for row in csv.DictReader(lines)
        ]


def outcomes(content: bytes) -> list[tuple[str, str]]:
    found = [item for item in read_record(content) if isinstance(item, ReadClaim | Rejected)]
    return [(item.rejection.code, item.rejection.at) if isinstance(item, Rejected) else ("read", "") for item in found]


@pytest.mark.parametrize("folder", ["fhir_claim", "fhir_synthea"])
def test_every_claim_of_the_samples_is_read_or_rejected(shared, folder):
    for name, content, claims in rows(shared / "samples" / folder):
        assert len(outcomes(content)) == claims, name
        assert format_of(content) == "fhir"


def test_the_claims_of_others_lack_what_the_contract_asks_for_and_requests_are_no_claims(shared):
    for name, content, _ in rows(shared / "samples" / "fhir_claim"):
        (found,) = outcomes(content)
        if name in NOT_READ:
            assert found == NOT_READ[name], name
        else:
            assert found[0] == "not-a-claim", name
            assert found[1].endswith(".use"), name


def test_the_claims_of_synthea_have_no_number_and_no_coverage(shared):
    ((_, content, _),) = rows(shared / "samples" / "fhir_synthea")

    assert {code for code, _ in outcomes(content)} == {"missing-field"}
    assert {at.rpartition("resource.")[2] for _, at in outcomes(content)} == {"identifier[0].value"}


@pytest.mark.parametrize("folder", ["fhir_wrong_kind", "fhir_preauth_response"])
def test_other_resources_are_no_claims(shared, folder):
    codes = Counter(code for _, content, _ in rows(shared / "samples" / folder) for code, _ in outcomes(content))

    assert set(codes) == {"not-a-claim"}


def test_what_is_broken_is_rejected(shared):
    for name, content, _ in rows(shared / "samples" / "fhir_bad_json"):
        (found,) = outcomes(content)
        assert found[0] in {"malformed-json", "duplicate-key", "not-a-claim"}, name
