import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from pydantic import BaseModel, ValidationError

from schemas.authorization import Authorization, AuthorizationStatus, Program
from schemas.claim import AuthorizationKind
from schemas.codec import content_type
from schemas.encounter import Approach, ContrastException, Encounter, Guidance, Purpose
from streams.generated_files import files
from tests.validators.strategies import authorizations_of, encounters_of

AUTHORIZATION: dict[str, Any] = {
    "authorization_number": "A123",
    "payer_id": "MEDICARE",
    "member_id": "1EG4TE5MK73",
    "status": "approved",
}
ENCOUNTER: dict[str, Any] = {"payer_id": "MEDICARE", "member_id": "1EG4TE5MK73", "service_date": "2026-06-15"}
SMALLEST: list[tuple[type[BaseModel], dict[str, Any]]] = [(Authorization, AUTHORIZATION), (Encounter, ENCOUNTER)]
# The examples of the contract, word for word.
FULL_AUTHORIZATION = """
{"authorization_number": "A123", "kind": "prior_authorization", "payer_id": "MEDICARE",
 "member_id": "1EG4TE5MK73", "patient": null, "status": "approved", "decided_on": "2026-06-01",
 "valid_from": "2026-06-01", "valid_to": "2026-09-28",
 "services": [{"procedure_code": "64483", "units": "1"}, {"procedure_code": "64484", "units": "1"}],
 "rendering_npi": null, "facility_npi": null, "visits": 1, "program": "wiser", "version": 2}
"""
FULL_ENCOUNTER = """
{"payer_id": "MEDICARE", "member_id": "1EG4TE5MK73", "patient": null, "service_date": "2026-06-15",
 "procedure_code": null, "approach": "interlaminar", "levels": ["L4-L5"], "sides": ["right"],
 "guidance": "fluoroscopy", "contrast_used": true, "contrast_exception": null,
 "image_views": 2, "needle_position_documented": true,
 "drugs": [{"name": "triamcinolone", "milligrams": "40"}], "purpose": "therapeutic",
 "conservative_care": {"weeks": 6, "kinds": ["physical therapy"], "exception": null},
 "pain_duration_weeks": 10, "pain_scale": "NRS", "pain_before": 7, "pain_after": 3,
 "follow_up_scale": "NRS", "prior_relief_percent": 60, "prior_relief_weeks": 14,
 "imaging": {"kind": "MRI", "performed_on": "2026-03-01", "concordant": true},
 "exam_documented": true, "rehab_program": true, "contraindications": [],
 "anticoagulant": {"taken": false, "plan": null}, "signed": true, "consent": true,
 "series_planned": false, "failed_first_path": false, "long_term_justified": null,
 "not_documented": []}
"""


def read(model: type[BaseModel], fields: Mapping[str, Any]) -> BaseModel:
    return model.model_validate_json(json.dumps(fields))


def refused(model: type[BaseModel], fields: Mapping[str, Any]) -> tuple[Any, ...]:
    with pytest.raises(ValidationError) as error:
        read(model, fields)
    return error.value.errors()[0]["loc"]


def each_field(required: bool) -> list[Any]:
    return [
        pytest.param(model, smallest, name, id=f"{model.__name__}/{name}")
        for model, smallest in SMALLEST
        for name, field in model.model_fields.items()
        if field.is_required() is required
    ]


@pytest.mark.parametrize(("model", "text"), [(Authorization, FULL_AUTHORIZATION), (Encounter, FULL_ENCOUNTER)])
def test_the_example_of_the_contract_is_read_with_all_its_fields(model: type[BaseModel], text: str) -> None:
    example = model.model_validate_json(text)

    assert set(json.loads(text)) == set(model.model_fields)
    assert json.loads(text) == example.model_dump(mode="json")


@pytest.mark.parametrize(("model", "smallest", "name"), each_field(required=True))
def test_a_required_field_is_required(model: type[BaseModel], smallest: dict[str, Any], name: str) -> None:
    absent = {key: value for key, value in smallest.items() if key != name}

    assert (name,) == refused(model, absent) == refused(model, {**smallest, name: None})
    assert (name,) == refused(model, {**smallest, name: " "})


def test_the_required_fields_are_those_without_which_nobody_is_meant() -> None:
    required = [{name for name, field in model.model_fields.items() if field.is_required()} for model, _ in SMALLEST]

    assert [set(AUTHORIZATION), set(ENCOUNTER)] == required


@pytest.mark.parametrize(("model", "smallest", "name"), each_field(required=False))
def test_an_optional_field_that_is_null_reads_as_one_that_is_absent(
    model: type[BaseModel], smallest: dict[str, Any], name: str
) -> None:
    assert read(model, smallest) == read(model, {**smallest, name: None})


@pytest.mark.parametrize(
    ("model", "name", "values"),
    [
        (Authorization, "status", get_args(AuthorizationStatus)),
        (Authorization, "program", get_args(Program)),
        (Authorization, "kind", get_args(AuthorizationKind)),
        (Encounter, "approach", get_args(Approach)),
        (Encounter, "guidance", get_args(Guidance)),
        (Encounter, "contrast_exception", get_args(ContrastException)),
        (Encounter, "purpose", get_args(Purpose)),
    ],
)
def test_an_enumeration_takes_its_values_and_no_other(
    model: type[BaseModel], name: str, values: tuple[str, ...]
) -> None:
    smallest = dict(SMALLEST)[model]

    assert [*values] == [getattr(read(model, {**smallest, name: value}), name) for value in values]
    for wrong in (values[0].upper(), "", "other", 1, True):
        assert (name,) == refused(model, {**smallest, name: wrong})


def test_the_enumerations_are_those_of_the_contract() -> None:
    assert ("approved", "denied", "pended", "voided", "partial") == get_args(AuthorizationStatus)
    assert ("wiser", "opd", "plan") == get_args(Program)
    assert ("interlaminar", "caudal", "transforaminal") == get_args(Approach)
    assert ("fluoroscopy", "ct", "ultrasound", "none") == get_args(Guidance)
    assert ("allergy", "pregnancy") == get_args(ContrastException)
    assert ("therapeutic", "diagnostic", "pump_trial", "postoperative") == get_args(Purpose)


@pytest.mark.parametrize(
    ("model", "path", "value"),
    [
        (Authorization, ("authorization_number",), 123),
        (Authorization, ("member_id",), 1),
        (Authorization, ("valid_from",), "20260601"),
        (Authorization, ("valid_to",), "2026-02-30"),
        (Authorization, ("decided_on",), "2026-06-01T00:00:00"),
        (Authorization, ("version",), "2"),
        (Authorization, ("version",), 2.5),
        (Authorization, ("visits",), True),
        (Authorization, ("services",), {}),
        (Authorization, ("services", 0), "64483"),
        (Authorization, ("services", 0, "procedure_code"), 64483),
        (Authorization, ("services", 0, "procedure_code"), " "),
        (Authorization, ("services", 0, "units"), 1),
        (Authorization, ("patient",), "PAT"),
        (Authorization, ("patient", "birth_date"), "1952-3-4"),
        (Authorization, ("patient", "first_name"), 7),
        (Encounter, ("service_date",), 20260615),
        (Encounter, ("contrast_used",), "false"),
        (Encounter, ("contrast_used",), 0),
        (Encounter, ("levels",), "L4-L5"),
        (Encounter, ("levels", 0), 4),
        (Encounter, ("levels", 0), "L4/L5"),
        (Encounter, ("levels", 0), "lumbar"),
        (Encounter, ("levels", 0), ""),
        (Encounter, ("levels", 0), "4-5"),
        (Encounter, ("levels", 0), "L4-L5-S1"),
        (Encounter, ("levels", 0), "L123"),
        (Encounter, ("sides", 0), "RT"),
        (Encounter, ("image_views",), "2"),
        (Encounter, ("drugs", 0, "milligrams"), 40),
        (Encounter, ("conservative_care", "weeks"), "6"),
        (Encounter, ("imaging", "performed_on"), "2026-13-01"),
        (Encounter, ("anticoagulant", "taken"), "no"),
        (Encounter, ("not_documented", 0), 1),
        (Encounter, ("procedure_code",), 62323),
    ],
    ids=str,
)
def test_a_wrong_type_is_refused_at_its_place(
    model: type[BaseModel], path: tuple[str | int, ...], value: object
) -> None:
    inside = value
    for step in reversed(path[1:]):
        inside = [inside] if isinstance(step, int) else {step: inside}
    if path[:2] == ("services", 0) and len(path) == 3 and path[2] != "procedure_code":
        inside = [{"procedure_code": "64483", path[2]: value}]

    assert path == refused(model, {**dict(SMALLEST)[model], path[0]: inside})


@pytest.mark.parametrize(
    ("name", "fact"), [("contrast_used", False), ("levels", []), ("image_views", 0), ("not_documented", [])]
)
def test_false_an_empty_list_and_zero_are_facts(name: str, fact: object) -> None:
    assert read(Encounter, ENCOUNTER) != read(Encounter, {**ENCOUNTER, name: fact})


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("L4-L5", "L4-L5"),
        (" l4-l5 ", "L4-L5"),
        ("T12-L1", "T12-L1"),
        ("c5-C6", "C5-C6"),
        ("L4-5", "L4-5"),
        ("S1", "S1"),
        ("caudal", "caudal"),
        ("CAUDAL", "caudal"),
        ("Caudal", "caudal"),
    ],
)
def test_a_level_is_kept_in_one_way_of_writing(written: str, kept: str) -> None:
    encounter = Encounter.model_validate_json(json.dumps({**ENCOUNTER, "levels": [written]}))

    assert (kept,) == encounter.levels


def test_codes_are_upper_case_without_white_space() -> None:
    services = [{"procedure_code": " j1100 ", "units": "1.5"}]
    authorization = Authorization.model_validate_json(json.dumps({**AUTHORIZATION, "services": services}))

    assert ("J1100", Decimal("1.5")) == (authorization.services[0].procedure_code, authorization.services[0].units)


def test_days_are_calendar_days() -> None:
    authorization = Authorization.model_validate_json(json.dumps({**AUTHORIZATION, "valid_to": "2028-02-29"}))

    assert date(2028, 2, 29) == authorization.valid_to


@pytest.mark.parametrize(("model", "smallest"), SMALLEST)
def test_an_unknown_field_is_ignored(model: type[BaseModel], smallest: dict[str, Any]) -> None:
    assert read(model, smallest) == read(model, {**smallest, "colour": "red", "patient": None})


@pytest.mark.parametrize(("model", "smallest"), SMALLEST)
def test_a_fact_cannot_be_changed(model: type[BaseModel], smallest: dict[str, Any]) -> None:
    fact = read(model, smallest)

    with pytest.raises(ValidationError):
        fact.member_id = "another"  # type: ignore[attr-defined]


@given(authorizations_of() | encounters_of())
@settings(deadline=None)
def test_any_fact_is_read_back_from_its_json(fact: BaseModel) -> None:
    assert fact == type(fact).model_validate_json(fact.model_dump_json())
    assert fact == type(fact).model_validate_json(fact.model_dump_json(exclude_defaults=True))


@pytest.mark.parametrize(("kind", "model"), [("authorization", Authorization), ("encounter", Encounter)])
def test_a_fact_has_a_schema_and_a_message_on_the_log_of_a_patient(kind: Any, model: type[BaseModel]) -> None:
    generated = {path.name: json.loads(text) for path, text in files().items() if path.suffix == ".json"}
    asyncapi = generated["asyncapi.json"]
    schema = generated[f"{kind}.schema.json"]

    assert set(model.model_fields) == set(schema["properties"])
    assert [name for name, field in model.model_fields.items() if field.is_required()] == schema["required"]
    assert {
        "contentType": content_type(kind),
        "payload": {"$ref": f"./{kind}.schema.json"},
    } == asyncapi["components"]["messages"][kind]
    assert kind in asyncapi["channels"]["patient-events"]["messages"]
