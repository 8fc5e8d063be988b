from typing import Any

import pytest

from tests.validators.building import DAY, Write, refusal
from validators.loading import load_ruleset
from validators.pack import Pack, PackError, PackFile
from validators.pack_kinds import require_kinds

TABLE = "required, codes, excluded_places_of_service"
A_NUMBER = "write a whole number, as 2"
A_CODE = 'write each code in quotes and capitals, of 5 characters, as "62320"'
A_LIST = 'write a list of codes, as ["62320"]'


def pack(rule_id: str, name: str, *values: str) -> str:
    said = ", ".join(f"{{from: {day}, value: {value}}}" for day, value in zip(("null", DAY), values, strict=False))
    return f"rules: {{{rule_id}: {{parameters: {{{name}: {{values: [{said}]}}}}}}}}"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("two", "two"),
        ('"2"', '"2"'),
        ('["2"]', "a list"),
        ("{a: 1}", "a group of keys"),
        ("2026-01-01", "2026-01-01"),
        ("true", "true"),
        ("-1", "-1"),
        ("-1.5", "-1.5"),
        ("2.5", "2.5"),
        (".nan", "nan"),
    ],
)
@pytest.mark.parametrize("of", ["", "payer: aetna\n"])
def test_where_a_whole_number_is_built_in_nothing_else_stands(overlay: Write, of: str, value: str, said: str) -> None:
    key = "rules.LVL-01.parameters.max_levels"

    assert f"pack overlay/site.yaml, key {key}, value from null: {said} stands here; {A_NUMBER}" == refusal(
        overlay(of + pack("LVL-01", "max_levels", value))
    )


def test_a_value_of_another_kind_is_named_by_its_first_day(overlay: Write) -> None:
    assert (
        f"pack overlay/site.yaml, key rules.LVL-01.parameters.max_levels, value from {DAY}: two stands here; {A_NUMBER}"
    ) == refusal(overlay(pack("LVL-01", "max_levels", "3", "two")))


@pytest.mark.parametrize(
    ("rule_id", "name", "value", "said"),
    [
        ("GUID-03", "carc", "50", '50 stands here; write text, as "50"'),
        ("AUTH-17", "referral_required", '"no"', "no stands here; write true or false"),
        ("AUTH-17", "referral_required", "1", "1 stands here; write true or false"),
        ("AUTH-02", "states", "TX", 'TX stands here; write a list of codes, as ["NJ"]'),
        (
            "AUTH-02",
            "states",
            "[tx]",
            'tx stands here; write each code in quotes and capitals, of 2 characters, as "NJ"',
        ),
        ("AUTH-02", "codes", "[62321]", "62321 stands here; " + A_CODE.replace("62320", "62321")),
        ("AUTH-02", "codes", '["62321", "6232*"]', '"6232*" stands here; ' + A_CODE.replace("62320", "62321")),
        ("SOS-02", "drug_codes", '["J*9"]', 'J*9 stands here; write each code in quotes and capitals, as "J*"'),
        ("SOS-02", "drug_codes", '[""]', 'empty text stands here; write each code in quotes and capitals, as "J*"'),
        ("DRUG-07", "single_dose_ndcs", "[[]]", "an empty list stands here; write each code in quotes and capitals"),
        ("DRUG-07", "single_dose_ndcs", "none", "none stands here; write a list of codes"),
        (
            "AUTH-01",
            "prior_authorization",
            "true",
            f"true stands here; write the keys {TABLE}, each with its value",
        ),
    ],
)
def test_what_is_of_another_kind_than_built_in_is_answered_with_that_kind(
    overlay: Write, rule_id: str, name: str, value: str, said: str
) -> None:
    key = f"rules.{rule_id}.parameters.{name}"

    assert f"pack overlay/site.yaml, key {key}, value from null: {said}" == refusal(overlay(pack(rule_id, name, value)))


@pytest.mark.parametrize(
    ("value", "key", "said"),
    [
        (
            '{required: "no", codes: [], excluded_places_of_service: []}',
            "required",
            "no stands here; write true or false",
        ),
        ("{require: true}", "require", f"there is no such key here; write one of {TABLE}; did you mean required?"),
        ("{1: true}", "1", f"there is no such key here; write one of {TABLE}"),
        ("{required: true}", "codes", f"it is missing; write all of {TABLE}"),
        (
            '{required: true, codes: ["62323"]}',
            "excluded_places_of_service",
            f"it is missing; write all of {TABLE}",
        ),
        (
            '{required: true, codes: "62323", excluded_places_of_service: []}',
            "codes",
            f'"62323" stands here; {A_LIST}',
        ),
        (
            "{required: true, codes: null, excluded_places_of_service: []}",
            "codes",
            f"nothing stands here; {A_LIST}",
        ),
        (
            '{required: true, codes: ["6232"], excluded_places_of_service: []}',
            "codes",
            f'"6232" stands here; {A_CODE}',
        ),
        (
            "{required: true, codes: [62323], excluded_places_of_service: []}",
            "codes",
            f"62323 stands here; {A_CODE}",
        ),
    ],
)
def test_what_is_wrong_inside_a_group_of_keys_is_told_by_the_inner_key(
    overlay: Write, value: str, key: str, said: str
) -> None:
    where = f"rules.AUTH-01.parameters.prior_authorization.{key}"

    assert f"pack overlay/site.yaml, key {where}, value from null: {said}" == refusal(
        overlay(f"payer: aetna\n{pack('AUTH-01', 'prior_authorization', value)}")
    )


@pytest.mark.parametrize(
    ("rule_id", "name", "value", "held"),
    [
        ("LVL-01", "max_levels", "0", 0),
        ("LVL-01", "max_levels", "null", None),
        ("GUID-03", "carc", "'96'", "96"),
        ("AUTH-17", "referral_required", "true", True),
        ("AUTH-02", "codes", "[]", frozenset()),
        ("AUTH-02", "codes", '["64483"]', frozenset({"64483"})),
        ("DRUG-07", "single_dose_ndcs", '["00641036725", "0641*"]', ["00641036725", "0641*"]),
        ("SOS-02", "drug_codes", '["A4*", "*"]', ["*", "A4*"]),
        ("AUTH-01", "prior_authorization", "null", None),
        ("AUTH-01", "prior_authorization", "{required: null}", {"required": None}),
        ("AUTH-01", "prior_authorization", "{required: false}", {"required": False}),
        (
            "AUTH-01",
            "prior_authorization",
            '{required: null, codes: ["62323"], excluded_places_of_service: []}',
            {"required": None, "codes": frozenset({"62323"}), "excluded_places_of_service": frozenset()},
        ),
    ],
)
def test_what_is_of_the_kind_that_is_built_in_holds(
    overlay: Write, rule_id: str, name: str, value: str, held: Any
) -> None:
    value_held = load_ruleset(overlay(pack(rule_id, name, value))).parameter(rule_id, name, (), DAY)

    assert held == (list(value_held) if isinstance(held, list) else value_held)


def of_values(*values: Any) -> Pack:
    given = {"values": [{"from": DAY.replace(year=2000 + i), "value": value} for i, value in enumerate(values)]}
    return Pack("a.yaml", PackFile.model_validate({"rules": {"LVL-01": {"parameters": {"max_levels": given}}}}))


@pytest.mark.parametrize(
    ("built_in", "value"),
    [
        ([None], "two"),
        ([], "two"),
        ([2, 2.5], 0.5),
        ([2, 2.5], 3),
        ([{"weeks": None}], {"weeks": "two"}),
        ([{"weeks": 2}, {"days": 3}], {"weeks": 2}),
    ],
)
def test_a_value_is_as_free_as_the_examples_leave_it(built_in: list[Any], value: Any) -> None:
    require_kinds([of_values(*built_in)] if built_in else [], [of_values(value)])


@pytest.mark.parametrize(
    ("built_in", "value", "said"),
    [
        ([2, 2.5], "two", "two stands here; write a number, as 2"),
        ([2.5], -0.5, "-0.5 stands here; write a number, as 2.5"),
    ],
)
def test_a_number_may_be_decimal_where_a_built_in_one_is(built_in: list[Any], value: Any, said: str) -> None:
    with pytest.raises(PackError) as refused:
        require_kinds([of_values(*built_in)], [of_values(value)])

    assert str(refused.value).endswith(said)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([2, "two"], "two stands here; write a whole number, as 2"),
        ([["62323"], 62323], '62323 stands here; write a list of codes, as ["62323"]'),
        (
            [["62323", 62321]],
            '62321 stands here; write each code in quotes and capitals, of 5 characters, as "62323"',
        ),
        ([{"weeks": 2}, 2], "2 stands here; write the keys weeks, each with its value"),
    ],
)
def test_built_in_values_are_of_the_kind_of_their_first(values: list[Any], said: str) -> None:
    packs = [of_values(*values)]
    with pytest.raises(PackError) as refused:
        require_kinds(packs, packs)

    assert str(refused.value).endswith(said)
