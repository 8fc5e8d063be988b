"""CLM-02 diagnosis-pointer-to-missing-diagnosis: a line points to a diagnosis the claim does not list.

Why: without its diagnosis the payer cannot tell what the service was for.
Fires: a pointer of a line is below 1 or above the number of diagnoses. Other rules leave such a pointer out.
Source: 837P 005010X222A1 guide, SV107.
"""

from collections.abc import Iterator, Sequence

from validators.claim.sound import sound_form
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import CLAIM_GUIDE, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Compare the pointers of each line with the diagnoses there are."""
    count = len(context.claim.diagnoses)
    for line in lines:
        pointers = context.claim.service_lines[line.index].diagnosis_pointers
        nowhere = [pointer for pointer in pointers if not 1 <= pointer <= count]
        if nowhere:
            yield RULE.finding(
                f"{line.code} points to diagnosis {', '.join(map(str, nowhere))}; the claim lists {count}",
                line,
                at=line.at("diagnosis_pointers"),
                observed={"diagnosis_pointers": [*nowhere]},
                expected={"from": 1, "to": count},
            )


RULE = Rule(
    id="CLM-02",
    name="diagnosis-pointer-to-missing-diagnosis",
    severity="deny",
    needs=(Needs.CLAIM,),
    carc="16",
    rarc=("M76",),
    suggestion="point to an existing diagnosis",
    citation=section(CLAIM_GUIDE, "SV107"),
    every_claim=True,
    look=sound_form,
    check=check,
)
