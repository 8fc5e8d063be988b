import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from schemas.claim import Claim, Person
from tests.validators.strategies import claims

SMALLEST: dict[str, Any] = {
    "claim_id": "EX-1",
    "claim_type": "professional",
    "total_charge": "100.00",
    "payer": {"id": "EXMEDICARE"},
    "subscriber": {"member_id": "1EG4TE5MK73"},
    "billing_provider": {"npi": "1234567893"},
    "diagnoses": [{"code": "M54.16"}],
    "service_lines": [
        {
            "line_number": 1,
            "procedure_code": "62323",
            "charge": "100.00",
            "units": "1",
            "service_date_from": "2026-06-15",
        }
    ],
}
REQUIRED = [
    ("claim_id",),
    ("claim_type",),
    ("total_charge",),
    ("payer", "id"),
    ("subscriber", "member_id"),
    ("billing_provider", "npi"),
    ("diagnoses",),
    ("service_lines",),
    *(("service_lines", 0, name) for name in SMALLEST["service_lines"][0]),
]
NOTHING = object()


def claim_with(*path: str | int, value: Any) -> dict[str, Any]:
    """The smallest claim with a value at a place; NOTHING takes the place out."""
    claim: dict[str, Any] = json.loads(json.dumps(SMALLEST))
    place: Any = claim
    for step in path[:-1]:
        place = place[step]
    if value is NOTHING:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return claim


def read(fields: Mapping[str, Any]) -> Claim:
    return Claim.model_validate_json(json.dumps(fields))


def refused(fields: Mapping[str, Any]) -> tuple[Any, ...]:
    with pytest.raises(ValidationError) as error:
        read(fields)
    return error.value.errors()[0]["loc"]


def test_the_required_fields_make_a_claim() -> None:
    claim = read(SMALLEST)
    (line,) = claim.service_lines

    assert ("1", "default", False, "primary") == (
        claim.frequency_code,
        claim.source,
        claim.test,
        claim.payer.sequence,
    )
    assert ((), (), None) == (line.modifiers, line.diagnosis_pointers, line.service_date_to)
    assert (Decimal("100.00"), Decimal(1), date(2026, 6, 15)) == (line.charge, line.units, line.service_date_from)


@pytest.mark.parametrize("path", REQUIRED, ids=lambda path: "/".join(map(str, path)))
@pytest.mark.parametrize("value", [NOTHING, None], ids=["absent", "null"])
def test_a_required_field_is_required(path: tuple[str | int, ...], value: object) -> None:
    assert path == refused(claim_with(*path, value=value))


@pytest.mark.parametrize("path", [("claim_id",), ("payer", "id"), ("diagnoses", 0, "code")], ids=str)
def test_a_required_text_is_more_than_white_space(path: tuple[str | int, ...]) -> None:
    assert path == refused(claim_with(*path, value="  "))


def test_a_diagnosis_code_is_more_than_a_dot() -> None:
    assert ("diagnoses", 0, "code") == refused(claim_with("diagnoses", 0, "code", value="."))


@pytest.mark.parametrize("name", ["diagnoses", "service_lines"])
def test_one_diagnosis_and_one_line_are_the_least(name: str) -> None:
    assert (name,) == refused(claim_with(name, value=[]))


def optional_fields() -> list[tuple[str | int, ...]]:
    roots: list[tuple[tuple[str | int, ...], Any]] = [
        ((), Claim),
        (("payer",), Claim.model_fields["payer"].annotation),
        (("subscriber",), Claim.model_fields["subscriber"].annotation),
        (("billing_provider",), Claim.model_fields["billing_provider"].annotation),
        (("service_lines", 0), type(read(SMALLEST).service_lines[0])),
    ]
    return [(*at, name) for at, model in roots for name, field in model.model_fields.items() if not field.is_required()]


@pytest.mark.parametrize("path", optional_fields(), ids=lambda path: "/".join(map(str, path)))
def test_an_optional_field_that_is_null_reads_as_one_that_is_absent(path: tuple[str | int, ...]) -> None:
    assert read(SMALLEST) == read(claim_with(*path, value=None))


@pytest.mark.parametrize("path", [("frequency_code",), ("source",)], ids=str)
def test_an_empty_text_reads_as_the_default(path: tuple[str | int, ...]) -> None:
    assert read(SMALLEST) == read(claim_with(*path, value=" "))


def test_an_authorization_whose_number_was_left_empty_is_none() -> None:
    given = [{"number": ""}, {"number": None, "kind": "referral"}, {"number": " "}, {"number": "A1"}]

    assert ["A1"] == [each.number for each in read(claim_with("authorizations", value=given)).authorizations]


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ([{"kind": "referral"}], ("authorizations", 0, "number")),
        ([{"number": 5}], ("authorizations", 0, "number")),
        (["A1"], ("authorizations", 0)),
        ("A1", ("authorizations",)),
    ],
)
def test_an_authorization_that_is_none_is_refused(given: object, path: tuple[str | int, ...]) -> None:
    assert path == refused(claim_with("authorizations", value=given))


def test_the_kind_of_an_authorization_that_is_null_is_prior_authorization() -> None:
    claim = read(
        claim_with("authorizations", value=[{"number": "A1", "kind": None}, {"number": "R1", "kind": "referral"}])
    )

    assert ["prior_authorization", "referral"] == [each.kind for each in claim.authorizations]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("claim_id",), 7),
        (("claim_type",), "dental"),
        (("test",), "true"),
        (("test",), 1),
        (("total_charge",), 100),
        (("total_charge",), 100.0),
        (("total_charge",), "1,000.00"),
        (("total_charge",), "1e3"),
        (("total_charge",), "NaN"),
        (("total_charge",), ""),
        (("total_charge",), "."),
        (("total_charge",), "1234567890123"),
        (("total_charge",), "0.1234567"),
        (("total_charge",), "١٢"),
        (("payer", "sequence"), "fourth"),
        (("payer", "line_of_business"), "Medicare"),
        (("subscriber", "relationship"), "18"),
        (("service_lines", 0, "line_number"), "1"),
        (("service_lines", 0, "line_number"), 1.5),
        (("service_lines", 0, "units"), 1),
        (("service_lines", 0, "service_date_from"), "20260615"),
        (("service_lines", 0, "service_date_from"), "2026-02-30"),
        (("service_lines", 0, "service_date_from"), "2026-06-15T00:00:00"),
        (("service_lines", 0, "service_date_from"), 1781481600),
    ],
    ids=str,
)
def test_a_wrong_type_or_an_unknown_enumeration_value_is_refused(path: tuple[str | int, ...], value: object) -> None:
    assert path == refused(claim_with(*path, value=value))[: len(path)]


@pytest.mark.parametrize(("path", "value"), [(("modifiers", 0), 50), (("diagnosis_pointers", 0), "1")], ids=str)
def test_a_wrong_type_inside_a_list_is_refused_at_its_place(path: tuple[str, int], value: object) -> None:
    assert ("service_lines", 0, *path) == refused(claim_with("service_lines", 0, path[0], value=[value]))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("frequency_code",), "Z"),
        (("place_of_service",), "00"),
        (("type_of_bill",), "999"),
        (("billing_provider", "npi"), "not an NPI"),
        (("diagnoses",), [{"code": f"M541{digit}"} for digit in "0123456789"] * 2),
        (("service_lines", 0, "units"), "0"),
        (("service_lines", 0, "units"), "-1.5"),
        (("service_lines", 0, "modifiers"), ["59", "LT", "RT", "??", "76"]),
        (("service_lines", 0, "diagnosis_pointers"), [0, -1, 99, 1, 2]),
        (("service_lines", 0, "service_date_from"), "0001-01-01"),
        (("service_lines", 0, "service_date_from"), "9999-12-31"),
        (("service_lines", 0, "line_number"), -3),
    ],
    ids=str,
)
def test_what_a_rule_judges_is_read_as_it_is(path: tuple[str | int, ...], value: object) -> None:
    claim = read(claim_with(*path, value=value))

    assert claim == Claim.model_validate_json(claim.model_dump_json())


def test_an_unknown_field_is_ignored() -> None:
    assert read(SMALLEST) == read({**SMALLEST, "colour": "red", "payer": {"id": "EXMEDICARE", "city": "x"}})


def test_codes_are_upper_case_without_white_space_and_diagnoses_without_their_dot() -> None:
    line = {
        **SMALLEST["service_lines"][0],
        "procedure_code": " j1100 ",
        "modifiers": [" xu"],
        "place_of_service": " 24",
    }
    claim = read({**SMALLEST, "diagnoses": [{"code": " m54.16 "}], "service_lines": [line]})
    (read_line,) = claim.service_lines

    assert ("J1100", ("XU",), "24") == (read_line.procedure_code, read_line.modifiers, read_line.place_of_service)
    assert "M5416" == claim.diagnoses[0].code


def test_the_person_treated_is_the_patient_or_else_the_subscriber() -> None:
    assert read(SMALLEST).subscriber == read(SMALLEST).who
    assert Person(first_name="KIM") == read({**SMALLEST, "patient": {"first_name": "KIM"}}).who


def test_a_claim_cannot_be_changed() -> None:
    claim = read(SMALLEST)

    with pytest.raises(ValidationError):
        claim.claim_id = "EX-2"  # type: ignore[misc]


@given(claims)
@settings(deadline=None)
def test_any_claim_is_read_back_from_its_json(claim: Claim) -> None:
    assert claim == Claim.model_validate_json(claim.model_dump_json())
