"""CODE-16 bilateral-transforaminal-not-on-one-line: two sides of a first level stand in units or on two lines.

Why: 64479 and 64483 have a unit of one and the bilateral indicator 1: both sides are one line with modifier 50.
Fires: a line of one of them has more than one unit, or a date has exactly one right and one left line of it.
Not: a surgery center's facility claim, which bills each side on a line of its own.
Source: NCCI medically unlikely edits, practitioner table, 64479 and 64483.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from validators.code.first_levels import are_right_and_left
from validators.codes import ADD_ON_OF, PRIMARY
from validators.context import Context
from validators.lines import BOTH_SIDES, Line, services
from validators.rule import Found, Needs, Rule
from validators.sources import MEDICALLY_UNLIKELY, section

ONE = Decimal(1)


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Look for two sides of each first level and date."""
    if len(lines) == 1 and lines[0].units <= ONE:
        return
    if context.role == "asc-facility":
        return
    for (code, on), group in services(lines).items():
        if are_right_and_left(group):
            yield RULE.finding(
                f"{code} has an RT and an LT line on {on}; both sides are one line with modifier 50 and one unit",
                *group,
                observed={"procedure_code": code, "lines": 2},
                expected={"lines": 1, "modifier": "50", "units": "1"},
            )
            continue
        for line in group:
            if line.units > ONE:
                yield RULE.finding(
                    f"{code} has {line.units:f} units on {on}; one level is one unit, on both sides with modifier 50",
                    line,
                    suggestion=_fix(line),
                    at=line.at("units"),
                    observed={"procedure_code": code, "units": f"{line.units:f}"},
                    expected={"units": "1"},
                )


def _fix(line: Line) -> str:
    """What more than one unit may have meant: of a line of no side it is not known."""
    if line.sides == BOTH_SIDES:
        return "one unit: modifier 50 says both sides"
    if line.sides <= BOTH_SIDES:
        return f"one unit; report a further level on this side with {ADD_ON_OF[line.code]}"
    return f"one unit: for both sides with modifier 50; report a further level with {ADD_ON_OF[line.code]}"


RULE = Rule(
    id="CODE-16",
    name="bilateral-transforaminal-not-on-one-line",
    severity="deny",
    needs=(Needs.CLAIM,),
    codes=PRIMARY,
    carc="151",
    rarc=("N362",),
    suggestion="one line, modifier 50, one unit",
    citation=section(MEDICALLY_UNLIKELY, "64479, 64483: 1 unit, MAI 2"),
    check=check,
)
