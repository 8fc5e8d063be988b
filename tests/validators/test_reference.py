from datetime import date

import pytest

from tests.validators.building import DAY, ruleset
from validators.reference import Icd10Cm, NcciPairs


@pytest.fixture(scope="module")
def pairs() -> NcciPairs:
    ncci = ruleset().reference.ncci
    assert ncci is not None
    return ncci


@pytest.mark.parametrize(
    ("column1", "column2", "practitioner", "hospital"),
    [
        ("62323", "64483", "1", "1"),
        ("62321", "64479", "1", None),
        ("62325", "64479", "1", "1"),
        ("62321", "62320", "0", None),
        ("62321", "01992", "0", None),
        ("62321", "J2001", "1", None),
        ("62321", "99213", "1", "1"),
        ("64479", "99213", "1", None),
        ("64483", "99213", "1", None),
        ("62321", "99155", "0", "1"),
        ("62321", "99156", "0", "1"),
        ("62321", "64480", "0", "1"),
        ("62321", "77003", "1", "1"),
        ("62321", "62324", None, None),
    ],
)
def test_the_hospital_table_is_the_practitioner_table_with_what_hospitals_may_do(
    pairs: NcciPairs, column1: str, column2: str, practitioner: str | None, hospital: str | None
) -> None:
    assert practitioner == pairs.indicator(column1, column2, DAY, "professional")
    assert hospital == pairs.indicator(column1, column2, DAY, "institutional")


@pytest.mark.parametrize(
    ("code", "first", "last"),
    [("M545", None, date(2021, 9, 30)), ("M5450", date(2021, 10, 1), None), ("M5416", None, None)],
)
def test_a_diagnosis_is_billable_from_its_first_day_to_its_last(
    code: str, first: date | None, last: date | None
) -> None:
    table = ruleset().reference.icd10cm
    assert isinstance(table, Icd10Cm)

    days = [date(2021, 9, 30), date(2021, 10, 1), table.settled_on, date(2026, 6, 15)]
    billable = [(first is None or first <= day) and (last is None or day <= last) for day in days]
    assert billable == [table.billable(code, day) for day in days]
    assert [frozenset() if each else {code} for each in billable] == [table.unbillable({code}, day) for day in days]
