"""CLM-08 more-than-twelve-diagnoses: the claim lists more diagnoses than the form takes.

Why: the form has twelve places; a claim with more is returned.
Fires: the claim has more diagnoses than the bound.
Source: 837P 005010X222A1 guide, HI.
"""

from collections.abc import Iterator, Sequence

from validators.claim.sound import sound_form
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import CLAIM_GUIDE, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Count the diagnoses."""
    count = len(context.claim.diagnoses)
    bound = context.parameter(RULE.id, "max", lines[0].service_date)
    if count > bound:
        yield RULE.finding(
            f"the claim lists {count} diagnoses; it takes at most {bound}",
            suggestion=f"remove {count - bound} of the {count} diagnoses",
            at="/diagnoses",
            observed={"diagnoses": str(count)},
            expected={"at_most": str(bound)},
        )


RULE = Rule(
    id="CLM-08",
    name="more-than-twelve-diagnoses",
    severity="deny",
    needs=(Needs.CLAIM,),
    carc="16",
    rarc=("M76",),
    suggestion="at most 12",
    citation=section(CLAIM_GUIDE, "HI"),
    parameters=("max",),
    every_claim=True,
    look=sound_form,
    check=check,
)
