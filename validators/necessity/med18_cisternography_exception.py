"""MED-18 cisternography-exception: the puncture was for imaging of the cisterns, so the diagnosis list is waived.

Why: contrast given for cisternography is no injection for pain; the limits on diagnoses are lifted.
Fires: a line of 62322-62327 on a claim with 78630.
Source: MAC billing article A58993 and its siblings, diagnosis limits lifted.
"""

from collections.abc import Iterator, Sequence

from validators.codes import CISTERNOGRAPHY
from validators.context import Context
from validators.lines import Line
from validators.necessity.exceptions import CISTERNOGRAPHY_CODES, is_cisternography
from validators.rule import Found, Needs, Rule
from validators.sources import DIAGNOSIS_LIMITS


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Look for cisternography on the claim."""
    for line in lines:
        if is_cisternography(line, context):
            yield RULE.finding(
                f"{line.code} on {line.service_date} is billed with {CISTERNOGRAPHY}, cisternography; no diagnosis of "
                "the list is needed",
                line,
                observed={"procedure_codes": [line.code, CISTERNOGRAPHY]},
            )


RULE = Rule(
    id="MED-18",
    name="cisternography-exception",
    severity="info",
    needs=(Needs.CLAIM,),
    codes=CISTERNOGRAPHY_CODES,
    suggestion="the diagnosis list is waived",
    citation=DIAGNOSIS_LIMITS,
    check=check,
)
