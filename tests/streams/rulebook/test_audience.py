import pytest

from streams.rulebook.audience import Audience, UnknownNameError, audience_of, rule_named
from tests.validators.building import ruleset


@pytest.mark.parametrize(
    ("asked", "layers", "lines_open"),
    [
        ((None,), (), ()),
        (("aetna",), ("aetna", "commercial"), ()),
        (("EXHUMANA",), ("humana", "medicare_advantage"), ()),
        (("EXHUMANA", "commercial"), ("humana", "commercial"), ()),
        (("humana",), ("humana",), ("commercial", "medicare_advantage")),
        (("humana", "medicare_advantage"), ("humana", "medicare_advantage"), ()),
        (("medicare_ffs",), ("medicare_ffs", "medicare_ffs"), ()),
        (("medicare_advantage",), ("default_medicare_advantage", "medicare_advantage"), ()),
        ((None, "medicaid"), ("default_commercial", "medicaid"), ()),
        (("medicare_ffs", None, "fl"), ("medicare_ffs", "L33906", "medicare_ffs"), ()),
        (("humana", "medicare_advantage", "FL"), ("humana", "L33906", "medicare_advantage"), ()),
        (("humana", "commercial", "FL"), ("humana", "commercial"), ()),
        (("medicare_ffs", None, "ZZ"), ("medicare_ffs", "medicare_ffs"), ()),
    ],
)
def test_a_payer_is_named_by_key_by_id_or_by_line_of_business(asked, layers, lines_open):
    audience = audience_of(ruleset(), *asked)

    assert (layers, lines_open) == (audience.layers, audience.lines_open)


@pytest.mark.parametrize("asked", [(None, None, "FL"), ("humana", None, "FL")])
def test_a_state_asks_for_a_line_of_business(asked):
    with pytest.raises(UnknownNameError, match="say which with --line-of-business"):
        audience_of(ruleset(), *asked)


@pytest.mark.parametrize(
    ("given", "nearest"), [("humna", "humana"), ("EXAETN", "EXAETNA"), ("comercial", "commercial")]
)
def test_a_payer_nobody_knows_is_answered_with_the_nearest(given, nearest):
    with pytest.raises(UnknownNameError) as refused:
        audience_of(ruleset(), given)

    assert f"there is no payer {given}; did you mean {nearest}?" == str(refused.value)


@pytest.mark.parametrize(
    ("asked", "may"),
    [
        (Audience(), True),
        (Audience("uhc", "commercial"), False),
        (Audience("uhc"), False),
        (Audience("humana", lines_open=("commercial", "medicare_advantage")), True),
        (Audience("aetna", "commercial"), True),
    ],
)
def test_a_rule_may_be_for_claims_whose_line_of_business_is_open(asked, may):
    assert may == asked.may_be_of(ruleset().terms["LVL-01"])


@pytest.mark.parametrize("given", ["CODE-03", "code-03", "add-on-without-primary", "Add-On-Without-Primary"])
def test_a_rule_is_named_by_id_or_name(given):
    assert "CODE-03" == rule_named(ruleset(), given).id


@pytest.mark.parametrize(
    ("given", "nearest"),
    [("CODE-3", "CODE-03 (add-on-without-primary)"), ("add-on-without", "CODE-03 (add-on-without-primary)")],
)
def test_a_rule_there_is_not_is_answered_with_the_nearest(given, nearest):
    with pytest.raises(UnknownNameError) as refused:
        rule_named(ruleset(), given)

    assert f"there is no rule {given}; did you mean {nearest}?" == str(refused.value)
