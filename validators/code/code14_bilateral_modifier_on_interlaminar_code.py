"""CODE-14 bilateral-modifier-on-interlaminar-code: modifier 50 stands on a code that has no sides.

Why: the fee schedule gives 62320-62327 the bilateral indicator 9: the concept does not apply.
Fires: a line of 62320-62327 carries modifier 50.
Source: Medicare physician fee schedule, bilateral indicator 9.
"""

from collections.abc import Iterator, Sequence
from datetime import date

from schemas.decision import Citation
from validators.codes import EPIDURAL
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule


def check(lines: Sequence[Line], _context: Context) -> Iterator[Found]:
    """Look for modifier 50."""
    for line in lines:
        if "50" in line.modifiers:
            yield RULE.finding(
                f"{line.code} carries modifier 50, but an interlaminar or caudal injection has no sides",
                line,
                at=f"/service_lines/{line.index}/modifiers",
                observed={"modifier": "50"},
                expected={"none_of": ["50"]},
            )


RULE = Rule(
    id="CODE-14",
    name="bilateral-modifier-on-interlaminar-code",
    severity="deny",
    needs=(Needs.CLAIM,),
    codes=EPIDURAL,
    carc="4",
    rarc=("N823",),
    suggestion="remove modifier 50",
    citation=Citation(
        document="Medicare physician fee schedule indicators",
        section="bilateral indicator 9",
        effective=date(2024, 7, 1),
        confidence="found",
    ),
    check=check,
)
