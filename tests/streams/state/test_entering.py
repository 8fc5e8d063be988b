import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.agents.validate import from_log
from streams.deciding import Decider
from streams.state import changelog
from streams.state.patients import Patients
from tests.streams.state.in_memory import EVENTS, logged
from tests.validators.building import DAY, a_claim, arrived, nobody, ruleset


def said(patients: Patients) -> dict[bytes, dict[bytes, object]]:
    return {
        token: {e: changelog.said_by_log(v, with_body=True) for e, v in patients.values_of(token).items()}
        for token in patients.tokens()
    }


@given(st.lists(st.integers(0, len(EVENTS) - 1), max_size=12))
@settings(deadline=None)
def test_what_is_entered_without_judging_is_what_deciding_leaves_but_for_decisions(played: list[int]) -> None:
    taken, entered = nobody(), nobody()
    for position, number in enumerate(played):
        record = from_log(logged(EVENTS[number], position, DAY))
        Decider(ruleset()).take(record.arrived, record.moment, taken)
        Decider(ruleset()).enter(record.arrived, record.moment, entered)

    assert said(taken) == said(entered)


def test_entering_evaluates_no_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("streams.deciding.evaluate", never)
    patients, record = nobody(), from_log(logged(arrived(a_claim()), 0, DAY))
    Decider(ruleset()).enter(record.arrived, record.moment, patients)
    (values,) = (patients.values_of(token) for token in patients.tokens())

    assert [("claim", True)] == [changelog.kept_of(value)[1:] for value in values.values()]
