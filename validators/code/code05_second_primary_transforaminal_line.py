"""CODE-05 second-primary-transforaminal-line: the first transforaminal level is billed more than once.

Why: 64479 and 64483 are the first level of a region and date, of one unit; each further level is 64480 or 64484.
Fires: a date has several lines of one of them, on each after the first; modifiers 59, 76 and 77 do not cure it.
Not: exactly one right and one left line (CODE-16); a line that repeats another exactly (CODE-26).
Source: NCCI medically unlikely edits, practitioner table, 64479 and 64483.
"""

from collections.abc import Iterator, Sequence

from validators.code.first_levels import are_right_and_left
from validators.codes import ADD_ON_OF, PRIMARY
from validators.context import Context
from validators.lines import BOTH_SIDES, Line, services
from validators.rule import Found, Needs, Rule
from validators.sources import MEDICALLY_UNLIKELY, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Look for more than one line of a first level on a date."""
    if len(lines) == 1:
        return
    for (code, on), (first, *others) in services(lines).items():
        if are_right_and_left((first, *others)):
            continue
        for line in others:
            yield RULE.finding(
                f"{code} is the first level, and line {first.number} bills it on {on} already",
                line,
                suggestion=_fix(first, line, context),
                observed={"procedure_code": code, "lines": 1 + len(others)},
                expected={"lines": 1},
            )


def _fix(first: Line, line: Line, context: Context) -> str:
    further = f"report each further level with {ADD_ON_OF[line.code]}"
    if first.sides == BOTH_SIDES or first.sides | line.sides != BOTH_SIDES:
        return further
    if context.role == "asc-facility":
        return f"bill the first level on one line a side; {further}"
    return f"bill both sides of the first level on one line with modifier 50; {further}"


RULE = Rule(
    id="CODE-05",
    name="second-primary-transforaminal-line",
    severity="deny",
    needs=(Needs.CLAIM,),
    codes=PRIMARY,
    carc="151",
    rarc=("N362",),
    suggestion="report each further level with 64480 or 64484",
    citation=section(MEDICALLY_UNLIKELY, "64479, 64483: 1 unit, MAI 2"),
    bypassed_by=("CODE-26",),
    check=check,
)
