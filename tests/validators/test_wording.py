from decimal import Decimal

import pytest

from validators.wording import dollars, dotted


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
