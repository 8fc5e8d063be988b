from decimal import Decimal

import pytest

from validators.wording import dollars, dotted, in_units, one_of


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("1850", "$1,850.00"),
        ("0", "$0.00"),
        ("-3", "-$3.00"),
        ("1e6", "$1,000,000.00"),
        ("9.999", "$9.999"),
        ("Infinity", "$Infinity"),
    ],
)
def test_money_is_shown_as_people_write_it(amount: str, shown: str) -> None:
    assert shown == dollars(Decimal(amount))


@pytest.mark.parametrize(("code", "shown"), [("M5416", "M54.16"), ("I10", "I10"), ("", ""), ("~DF.4579C", "~DF.4579C")])
def test_a_diagnosis_is_shown_with_its_dot(code: str, shown: str) -> None:
    assert shown == dotted(code)


@pytest.mark.parametrize(
    ("units", "shown"),
    [("1", "1 unit"), ("1.00", "1 unit"), ("0", "0 units"), ("1.50", "1.5 units"), ("120", "120 units")],
)
def test_units_are_counted_in_words(units: str, shown: str) -> None:
    assert shown == in_units(Decimal(units))


@pytest.mark.parametrize(("words", "shown"), [(["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c")])
def test_what_there_is_to_choose_from_is_listed(words: list[str], shown: str) -> None:
    assert shown == one_of(words)
