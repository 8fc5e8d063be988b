"""Pairs of an injection and another procedure that NCCI pays once: CODE-25 where nothing opens the pair, CODE-27."""

from collections.abc import Collection, Iterator, Sequence

from validators.code.ncci import Pair, edits
from validators.codes import IMAGING, LEFT_OR_RIGHT, LOCAL_ANESTHETICS, NCCI_X_MODIFIERS
from validators.context import Context
from validators.lines import Line
from validators.reference import ModifierIndicator
from validators.rule import Rule, Unknown

SEDATION = ("sedation_coverage", "sedation_bundled")
"""The parameters that list sedation and anesthesia."""

_OF_OTHER_RULES = IMAGING | LOCAL_ANESTHETICS
_ON_EITHER_LINE = NCCI_X_MODIFIERS | {"58", "78", "79"}


def pairs_with_others(
    rule: Rule,
    injections: Sequence[Line],
    context: Context,
    indicator: ModifierIndicator,
    besides: Collection[str] = (),
) -> Iterator[Pair | Unknown]:
    """Every active pair of an indicator of an injection and another procedure of its day.

    Left out is what rules of their own are about: imaging, local anesthetics, sedation and anesthesia, and `besides`.
    """
    ncci, claim_type = edits(context), context.claim.claim_type
    for other in context.lines:
        if other.code not in ncci.others or other.code in _OF_OTHER_RULES or other.code in besides:
            continue
        for injection in injections:
            if injection.service_date != other.service_date:
                continue
            for first, second in ((other, injection), (injection, other)):
                if ncci.indicator(first.code, second.code, other.service_date, claim_type) == indicator:
                    separators = _separators(injection, other)
                    pair = Pair(second, first.code, second.code, indicator, earlier=False, separators=separators)
                    yield from _unless_sedation(rule, other, pair, context)


def _unless_sedation(rule: Rule, other: Line, pair: Pair, context: Context) -> Iterator[Pair | Unknown]:
    """The pair, unless the other procedure is listed as sedation or anesthesia, or a list is not known."""
    listed = {name: context.parameter(rule.id, name, other.service_date) for name in SEDATION}
    missing = [name for name, codes in listed.items() if codes is None]
    if any(other.code in codes for codes in listed.values() if codes is not None):
        return
    if missing:
        yield rule.unknown(f"parameter.{missing[0]}")
    else:
        yield pair


def _separators(injection: Line, other: Line) -> Sequence[str]:
    """An injection of one side may be beside a procedure of the other: a side counts on the other procedure's line."""
    either = _ON_EITHER_LINE & (injection.modifiers | other.modifiers)
    return sorted(either | (LEFT_OR_RIGHT & other.modifiers))
