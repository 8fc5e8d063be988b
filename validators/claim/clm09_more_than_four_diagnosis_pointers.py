"""CLM-09 more-than-four-diagnosis-pointers: a line points to more diagnoses than the form takes.

Why: a line has four places for pointers; a claim with more is returned.
Fires: a line has more pointers than the bound.
Source: 837P 005010X222A1 guide, SV107.
"""

from collections.abc import Iterator, Sequence

from validators.claim.sound import sound_form
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import CLAIM_GUIDE, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Count the pointers of each line."""
    for line in lines:
        count = len(context.claim.service_lines[line.index].diagnosis_pointers)
        bound = context.parameter(RULE.id, "max", line.service_date)
        if count > bound:
            yield RULE.finding(
                f"{line.code} points to {count} diagnoses; a line points to at most {bound}",
                line,
                suggestion=f"remove {count - bound} of the {count} pointers",
                at=line.at("diagnosis_pointers"),
                observed={"diagnosis_pointers": str(count)},
                expected={"at_most": str(bound)},
            )


RULE = Rule(
    id="CLM-09",
    name="more-than-four-diagnosis-pointers",
    severity="deny",
    needs=(Needs.CLAIM,),
    carc="16",
    rarc=("M76",),
    suggestion="at most 4",
    citation=section(CLAIM_GUIDE, "SV107"),
    parameters=("max",),
    every_claim=True,
    look=sound_form,
    check=check,
)
