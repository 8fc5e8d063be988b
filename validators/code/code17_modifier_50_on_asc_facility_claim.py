"""CODE-17 modifier-50-on-asc-facility-claim: a surgery center bills both sides on one line.

Why: Medicare pays a surgery center by line: each side is one line, with RT or LT.
Fires: the claim is a surgery center's and a line of 64479-64484 carries modifier 50.
Source: MAC billing article A58777, ASC requirements.
"""

from collections.abc import Iterator, Sequence
from datetime import date

from schemas.decision import Citation
from validators.codes import TRANSFORAMINAL
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule

BILATERAL = frozenset({"50"})


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Ask who bills."""
    if context.role != "asc-facility":
        return
    for line in lines:
        yield RULE.finding(
            f"{line.code} carries modifier 50 on a surgery center's facility claim, which bills an RT and an LT line",
            line,
            at=line.at("modifiers"),
            observed={"modifiers": ["50"]},
            expected={"lines": [["RT"], ["LT"]]},
        )


RULE = Rule(
    id="CODE-17",
    name="modifier-50-on-asc-facility-claim",
    severity="flag",
    needs=(Needs.CLAIM,),
    codes=TRANSFORAMINAL,
    modifiers=BILATERAL,
    carc="4",
    rarc=("N519",),
    suggestion="two lines, RT and LT, one unit each",
    citation=Citation(
        document="MAC billing article A58777 (L39054)",
        section="ASC requirements",
        effective=date(2021, 12, 5),
        confidence="second-hand",
    ),
    check=check,
)
