import pytest

from tests.validators.building import a_claim, decided, line
from validators.context import Context
from validators.loading import load_ruleset
from validators.once import once
from validators.parameters import nearest

CLAIMS = [
    a_claim(service_lines=[line("62323")]),
    a_claim(service_lines=[line("62321", "50")]),
    a_claim(service_lines=[line("64483", "RT")], payer={"id": "EXAETNA", "line_of_business": "commercial"}),
    a_claim(service_lines=[line("62323", units="2")]),
    a_claim(service_lines=[line("64483", "26")], payer={"id": "EXUHC", "line_of_business": "commercial"}),
]


def test_what_is_remembered_of_claims_alike_is_bounded_and_changes_no_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [decided(claim).decision for claim in CLAIMS]
    monkeypatch.setattr("validators.plan.REMEMBERED", 1)
    monkeypatch.setattr("validators.ruleset.REMEMBERED", 1)
    forgetful = load_ruleset()

    assert wanted == [decided(claim, rules=forgetful).decision for claim in CLAIMS]
    assert wanted == [decided(claim, rules=forgetful).decision for claim in CLAIMS]


def test_a_parameter_that_no_layer_gives_is_an_error_of_ours() -> None:
    with pytest.raises(KeyError, match="bound"):
        nearest({None: {}}, "bound", ("humana",))


def test_what_is_worked_out_once_tells_what_it_is() -> None:
    assert isinstance(Context.codes, once)
    assert "The procedure codes of its lines." == Context.codes.__doc__
