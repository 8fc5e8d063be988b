"""CODE-18 contradicting-side-modifiers: modifiers of a line name its side in two ways.

Why: 50 is both sides; LT and RT are one each.
Fires: an injection line carries two or three of 50, LT and RT.
Source: Medicare physician fee schedule, bilateral indicator 1.
"""

from collections.abc import Iterator, Sequence

from validators.code.modifiers import indicators, named
from validators.codes import ESI, SIDE_MODIFIERS
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import FEE_SCHEDULE, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Count the forms in which each line names a side."""
    for line in lines:
        if len(line.modifiers & SIDE_MODIFIERS) > 1:
            carried = sorted(line.modifiers & SIDE_MODIFIERS)
            yield RULE.finding(
                f"{line.code} carries {named(carried)}, which name its side in {len(carried)} ways",
                line,
                at=line.at("modifiers"),
                observed={"modifiers": [*carried], "bilateral_indicator": indicators(line, context).bilateral},
                expected={"at_most_one_of": [*sorted(SIDE_MODIFIERS)]},
            )


RULE = Rule(
    id="CODE-18",
    name="contradicting-side-modifiers",
    severity="deny",
    needs=(Needs.CLAIM,),
    codes=ESI,
    modifiers=SIDE_MODIFIERS,
    carc="4",
    rarc=("N519",),
    suggestion="use one form: 50, or LT, or RT",
    citation=section(FEE_SCHEDULE, "bilateral indicator 1").model_copy(update={"confidence": "memory-high"}),
    tables=("fee_schedule",),
    check=check,
)
