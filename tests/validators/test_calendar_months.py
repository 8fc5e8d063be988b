from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validators.calendar_months import months_after, months_before


@pytest.mark.parametrize(
    ("day", "months", "earlier"),
    [
        (date(2026, 6, 20), 24, date(2024, 6, 20)),
        (date(2026, 1, 31), 1, date(2025, 12, 31)),
        (date(2026, 3, 31), 1, date(2026, 2, 28)),
        (date(2028, 2, 29), 12, date(2027, 2, 28)),
        (date(2028, 3, 31), 1, date(2028, 2, 29)),
        (date(2026, 12, 31), 3, date(2026, 9, 30)),
        (date(2, 1, 1), 12, date(1, 1, 1)),
        (date(1, 12, 31), 12, date.min),
        (date(1, 12, 31), 1, date(1, 11, 30)),
        (date.max, 1, date(9999, 11, 30)),
    ],
)
def test_a_day_some_months_earlier_is_the_same_day_or_the_last_of_its_month(
    day: date, months: int, earlier: date
) -> None:
    assert earlier == months_before(day, months)


@given(st.dates(), st.integers(1, 120))
def test_later_days_look_back_to_later_days(day: date, months: int) -> None:
    following = date.fromordinal(min(day.toordinal() + 1, date.max.toordinal()))

    assert months_before(day, months) <= months_before(following, months)
    assert months_before(day, months) < day or day < date(2, 1, 1)


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2026, 6, 15), 12, date(2027, 6, 15)),
        (date(2026, 6, 15), 0, date(2026, 6, 15)),
        (date(2026, 11, 30), 1, date(2026, 12, 30)),
        (date(2026, 12, 31), 2, date(2027, 2, 28)),
        (date(2027, 12, 31), 2, date(2028, 2, 29)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(9999, 11, 30), 1, date(9999, 12, 30)),
        (date(9999, 12, 1), 1, date.max),
    ],
)
def test_a_day_some_months_later_is_the_same_day_or_the_last_of_its_month(day: date, months: int, later: date) -> None:
    assert later == months_after(day, months)
