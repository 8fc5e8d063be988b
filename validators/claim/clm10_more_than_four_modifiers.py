"""CLM-10 more-than-four-modifiers: a line carries more modifiers than the form takes.

Why: a line has four places for modifiers; a claim with more is returned.
Fires: a line has more modifiers than the bound.
Source: 837P 005010X222A1 guide, SV101.
"""

from collections.abc import Iterator, Sequence

from validators.claim.sound import sound_form
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import CLAIM_GUIDE, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Count the modifiers of each line."""
    for line in lines:
        count = len(context.claim.service_lines[line.index].modifiers)
        bound = context.parameter(RULE.id, "max", line.service_date)
        if count > bound:
            yield RULE.finding(
                f"{line.code} carries {count} modifiers; a line takes at most {bound}",
                line,
                suggestion=f"remove {count - bound} of the {count} modifiers",
                at=line.at("modifiers"),
                observed={"modifiers": str(count)},
                expected={"at_most": str(bound)},
            )


RULE = Rule(
    id="CLM-10",
    name="more-than-four-modifiers",
    severity="deny",
    needs=(Needs.CLAIM,),
    carc="4",
    rarc=("N519",),
    suggestion="at most 4",
    citation=section(CLAIM_GUIDE, "SV101"),
    parameters=("max",),
    every_claim=True,
    look=sound_form,
    check=check,
)
