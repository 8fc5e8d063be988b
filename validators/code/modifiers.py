"""Modifiers that an injection does not take, as the physician fee schedule has it."""

from collections.abc import Collection

from validators.context import Context
from validators.lines import Line
from validators.reference import FeeScheduleIndicators
from validators.rule import Found, Rule


def indicators(line: Line, context: Context) -> FeeScheduleIndicators:
    """What the fee schedule says of the injection of a line."""
    schedule = context.ruleset.reference.fee_schedule
    assert schedule is not None, "the engine keeps rules asleep whose tables are not loaded"
    return schedule.indicators[line.code]


def misplaced(rule: Rule, line: Line, modifiers: frozenset[str], why: str, **indicator: str) -> Found:
    """A line carries some of `modifiers`, none of which its code takes: `indicator` of the fee schedule says so."""
    carried = sorted(line.modifiers & modifiers)
    return rule.finding(
        f"{line.code} carries {named(carried)}, but {why}",
        line,
        at=line.at("modifiers"),
        observed={"modifiers": [*carried], **indicator},
        expected={"none_of": [*sorted(modifiers)]},
    )


def named(modifiers: Collection[str]) -> str:
    """Modifiers in words."""
    return f"modifier{'s' if len(modifiers) > 1 else ''} {' and '.join(modifiers)}"
