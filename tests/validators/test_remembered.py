import pytest

from tests.validators.building import a_claim, decided, line
from validators.context import Context
from validators.loading import load_ruleset
from validators.once import once
from validators.parameters import nearest
from validators.remembered import Remembered

CLAIMS = [
    a_claim(service_lines=[line("62323")]),
    a_claim(service_lines=[line("62321", "50")]),
    a_claim(service_lines=[line("64483", "RT")], payer={"id": "EXAETNA", "line_of_business": "commercial"}),
    a_claim(service_lines=[line("62323", units="2")]),
    a_claim(service_lines=[line("64483", "26")], payer={"id": "EXUHC", "line_of_business": "commercial"}),
]


def test_what_is_remembered_of_claims_alike_is_bounded_and_changes_no_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [decided(claim).decision for claim in CLAIMS]
    monkeypatch.setattr("validators.remembered.AT_MOST", 1)
    forgetful = load_ruleset()

    assert wanted == [decided(claim, rules=forgetful).decision for claim in CLAIMS]
    assert wanted == [decided(claim, rules=forgetful).decision for claim in CLAIMS]


def test_no_more_is_remembered_than_is_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("validators.remembered.AT_MOST", 2)
    remembered: Remembered[str, int] = Remembered()
    held: list[dict[str, int]] = []
    for key in "abca":
        remembered[key] = len(held)
        held.append(dict(remembered))

    assert [{"a": 0}, {"a": 0, "b": 1}, {"c": 2}, {"c": 2, "a": 3}] == held


def test_a_parameter_that_no_layer_gives_is_an_error_of_ours() -> None:
    with pytest.raises(KeyError, match="bound"):
        nearest({None: {}}, "bound", ("humana",))


def test_what_is_worked_out_once_tells_what_it_is() -> None:
    assert isinstance(Context.codes, once)
    assert "The procedure codes of its lines." == Context.codes.__doc__
