import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from schemas.rejection import REJECTION_CODES
from streams.cli import cli

pytestmark = pytest.mark.shared

FOLDERS = [
    "claims_csv",
    "fhir_bad_json",
    "fhir_claim",
    "fhir_preauth_response",
    "fhir_synthea",
    "fhir_wrong_kind",
    "json_fuzz",
    "x12_278",
    "x12_837p",
    "x12_837p_bad",
    "x12_wrong_kind",
]


def lines_by_file(path: Path) -> dict[str, list[dict]]:
    result = CliRunner().invoke(cli, ["check", str(path), "--output", "json"])
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in (0, 1)
    found: dict[str, list[dict]] = {}
    for text in result.stdout.splitlines():
        line = json.loads(text)
        found.setdefault(line["input"]["file"], []).append(line)
    return found


def code_of(line: dict) -> str:
    return line["rejection"]["code"] if line["outcome"] == "rejected" else "decided"


def test_every_folder_of_samples_is_known(shared):
    assert sorted(path.name for path in (shared / "samples").iterdir() if path.is_dir()) == FOLDERS


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_gives_a_line_of_a_closed_list(shared, folder):
    found = lines_by_file(shared / "samples" / folder)
    files = sorted(str(path) for path in (shared / "samples" / folder).rglob("*") if path.is_file())

    assert sorted(found) == files
    assert {code_of(line) for lines in found.values() for line in lines} <= {"decided", *REJECTION_CODES}
    for lines in found.values():
        assert [line["input"]["index"] for line in lines] == list(range(len(lines)))


def test_the_claims_of_the_837p_samples_are_decided(shared):
    found = lines_by_file(shared / "samples" / "x12_837p")
    codes = Counter(code_of(line) for lines in found.values() for line in lines)

    assert codes["decided"] >= 80, codes


@pytest.mark.parametrize("folder", ["json_fuzz", "fhir_bad_json", "claims_csv", "x12_278", "fhir_wrong_kind"])
def test_what_holds_no_claim_is_decided_nowhere(shared, folder):
    found = lines_by_file(shared / "samples" / folder)

    assert [name for name, lines in found.items() for line in lines if code_of(line) == "decided"] == []


def test_broken_json_is_never_taken_for_another_fault_of_ours(shared):
    found = lines_by_file(shared / "samples" / "json_fuzz" / "JSONTestSuite_parsing")
    codes = Counter(code_of(line) for lines in found.values() for line in lines)

    of_json = {"malformed-json", "wrong-type", "missing-field", "duplicate-key", "not-a-number", "not-utf8", "too-deep"}
    assert set(codes) <= of_json | {"empty", "unknown-format"}
