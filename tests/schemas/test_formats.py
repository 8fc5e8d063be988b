import json
from decimal import Decimal

import pytest
from pydantic import ValidationError

from schemas.base import money_text
from schemas.codec import KINDS, Kind, content_type, parse_content_type
from schemas.decision import OUTCOMES, Checks
from schemas.manifest import Manifest, ManifestRejection, ManifestWarning
from schemas.purge import Purge
from schemas.rejection import REJECTION_CODES, Rejection
from schemas.withdrawal import Withdrawal
from streams.generated_files import files


@pytest.mark.parametrize(
    ("amount", "text"),
    [("100", "100.00"), ("100.5", "100.50"), ("100.25", "100.25"), ("3.125", "3.125"), (".5", "0.50"), ("-7", "-7.00")],
)
def test_money_has_two_decimals_at_least(amount: str, text: str) -> None:
    assert text == money_text(Decimal(amount))


def test_money_that_was_given_with_an_exponent_is_written_without() -> None:
    assert "1000.00" == money_text(Decimal("1E+3"))
    assert "0.0000001" == money_text(Decimal("1E-7"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_content_type_says_its_kind_and_version(kind: Kind) -> None:
    header = content_type(kind)

    assert f"application/vnd.claimstream.{kind}+json;v=1" == header
    assert (kind, 1) == parse_content_type(header)
    assert (kind, 7) == parse_content_type(content_type(kind, 7))


@pytest.mark.parametrize(
    ("header", "parsed"),
    [
        ("application/vnd.claimstream.claim+json", ("claim", 1)),
        ("Application/VND.claimstream.Claim+JSON; v=2", ("claim", 2)),
        ("application/vnd.claimstream.colour+json;v=1", ("colour", 1)),
        ("application/vnd.claimstream.claim+json;v=9999", ("claim", 9999)),
        ("application/vnd.claimstream.claim+json;v=10000", ("claim", 0)),
        ("application/vnd.claimstream.claim+json;v=two", ("claim", 0)),
        ("application/vnd.claimstream.claim+json;v=²", ("claim", 0)),
        ("application/vnd.claimstream.claim+json;charset=utf-8", ("claim", 0)),
        ("application/vnd.claimstream.claim+xml;v=1", None),
        ("application/json", None),
        ("", None),
    ],
)
def test_a_content_type_is_read(header: str, parsed: tuple[str, int] | None) -> None:
    assert parsed == parse_content_type(header)


def test_outcomes_stand_from_mild_to_bad() -> None:
    assert ("accepted", "flagged", "denied-risk") == OUTCOMES


def test_the_ledger_names_its_list_of_passes_pass() -> None:
    checks = Checks(fail=("CODE-03",), passed=("CODE-04",), bypassed=(), not_checked=())

    assert {"fail": ["CODE-03"], "pass": ["CODE-04"], "bypassed": [], "not_checked": []} == json.loads(
        checks.model_dump_json()
    )
    assert checks == Checks.model_validate_json(checks.model_dump_json())


def test_a_manifest_is_read_back_from_its_json() -> None:
    manifest = Manifest(
        position="claims.received:0:7",
        source="default",
        format="x12",
        sha256="0" * 64,
        items=2,
        part=1,
        parts=1,
        event_ids=("e" * 64,),
        rejections=(
            ManifestRejection(
                index=1, event_id="f" * 64, rejection=Rejection(code="truncated", message="send it whole", at="")
            ),
        ),
        warnings=(ManifestWarning(message="a wrong count", at="SE01"),),
        unknown_fields=3,
    )

    assert manifest == Manifest.model_validate_json(manifest.model_dump_json())


def test_a_withdrawal_says_which_decision_of_which_event_another_one_supersedes() -> None:
    withdrawal = Withdrawal(decision_id="1" * 64, event_id="2" * 64, superseded_by="3" * 64)

    assert {"decision_id": "1" * 64, "event_id": "2" * 64, "superseded_by": "3" * 64} == json.loads(
        withdrawal.model_dump_json()
    )
    assert withdrawal == Withdrawal.model_validate_json(withdrawal.model_dump_json())


@pytest.mark.parametrize("text", ["{}", '{"requested_at": null}', '{"requested_at": " "}'])
def test_a_request_to_purge_says_when_it_was_made(text: str) -> None:
    assert "2026-06-15T00:00:00Z" == Purge(requested_at=" 2026-06-15T00:00:00Z ").requested_at
    with pytest.raises(ValidationError, match="requested_at"):
        Purge.model_validate_json(text)


def test_rejection_codes_are_a_closed_list_of_words() -> None:
    assert len(set(REJECTION_CODES)) == len(REJECTION_CODES)
    assert all(code.replace("-", "").isalnum() and code == code.lower() for code in REJECTION_CODES)


def test_the_generated_schemas_are_current() -> None:
    assert [] == [path.name for path, text in files().items() if not path.is_file() or path.read_text() != text]
