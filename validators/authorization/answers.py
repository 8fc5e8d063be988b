"""Conditions that may be undecidable: two of them together, the contrary of one, and whether a list holds a code."""

from collections.abc import Collection
from datetime import date

from validators.context import Context

Answer = bool | str
"""Whether a condition holds; where that cannot be told, the input that is missing."""


def both(first: Answer, second: Answer) -> Answer:
    """Whether both hold: not when either does not, whatever is missing for the other."""
    if first is False or second is False:
        return False
    return second if first is True else first


def contrary(answer: Answer) -> Answer:
    """Whether the condition does not hold."""
    return answer if isinstance(answer, str) else not answer


def is_listed(code: str, context: Context, rule_id: str, name: str, on: date) -> Answer:
    """Whether the list that is a rule's parameter on a date holds the code."""
    codes: Collection[str] | None = context.parameter(rule_id, name, on)
    return f"parameter.{name}" if codes is None else code in codes
