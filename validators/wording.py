"""How messages write money, units, diagnoses and choices."""

from collections.abc import Sequence
from decimal import Decimal


def dollars(amount: Decimal) -> str:
    """Money for people: `$1,850.00`, below zero `-$3.00`; of parts of a cent all that there are."""
    exponent = amount.as_tuple().exponent
    decimals = max(2, -exponent) if isinstance(exponent, int) else 2
    return f"{'-' * (amount < 0)}${abs(amount):,.{decimals}f}"


def in_units(units: Decimal) -> str:
    """A number of units: `1 unit`, `1.5 units`."""
    return f"{units.normalize():f} unit{'s' * (units != 1)}"


def one_of(words: Sequence[str]) -> str:
    """What there is to choose from: `a, b or c`."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def dotted(code: str) -> str:
    """An ICD-10-CM code with its dot; what is no code as it is."""
    return f"{code[:3]}.{code[3:]}" if len(code) > 3 and code.isalnum() else code
