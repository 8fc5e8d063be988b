"""GUID-02 unguided-code-for-pain: an injection without imaging is billed for back or radicular pain.

Why: coverage of pain injections asks for fluoroscopy or CT; the covered codes are the ones with imaging.
Fires: a line of 62320 or 62322 points to a diagnosis of a pain tier.
Not: cisternography on the claim, a post-operative pain diagnosis, or an encounter that says post-operative or pump
trial (an absent encounter does not say so).
Source: multi-MAC LCD text on epidural steroid injections.
"""

from collections.abc import Iterator, Sequence

from validators.codes import CISTERNOGRAPHY, GUIDED_TWIN, INTERLAMINAR
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import MULTI_MAC_LCD, section

UNGUIDED = INTERLAMINAR & frozenset(GUIDED_TWIN)
OTHER_PURPOSES = frozenset({"postoperative", "pump_trial"})


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Look for a pain diagnosis among those each line points to."""
    if any(context.lines_with({CISTERNOGRAPHY})):
        return
    for line in lines:
        session = context.encounter(line)
        other_purpose = session is not None and session.purpose in OTHER_PURPOSES
        if not context.pain_diagnoses(line) or other_purpose or context.points_to("post_operative", line):
            continue
        twin = GUIDED_TWIN[line.code]
        yield RULE.finding(
            f"{line.code}, the code without imaging, is billed for pain on {line.service_date}",
            line,
            suggestion=f"if fluoroscopy or CT was used recode to {twin}; otherwise it is not covered",
            observed={"procedure_code": line.code},
            expected={"one_of": [twin]},
        )


RULE = Rule(
    id="GUID-02",
    name="unguided-code-for-pain",
    severity="deny",
    needs=(Needs.CLAIM,),
    codes=UNGUIDED,
    carc="50",
    rarc=("N115",),
    suggestion="if fluoroscopy or CT was used recode to 62321/62323; otherwise it is not covered",
    citation=section(MULTI_MAC_LCD, "imaging required; covered codes name the guided ones"),
    bypassed_by=("GUID-04",),
    check=check,
)
