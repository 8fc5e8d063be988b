"""How messages write money and diagnoses."""

from decimal import Decimal


def dollars(amount: Decimal) -> str:
    """Money for people: `$1,850.00`, below zero `-$3.00`."""
    return f"{'-' * (amount < 0)}${abs(amount):,.2f}"


def dotted(code: str) -> str:
    """An ICD-10-CM code with its dot."""
    return f"{code[:3]}.{code[3:]}" if len(code) > 3 else code
