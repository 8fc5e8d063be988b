"""MED-17 post-operative-pain-exception: the injection is for pain after surgery, so the diagnosis list is waived.

Why: the limits on diagnoses are lifted then; the session still counts against the yearly number.
Fires: a line of 62321, 62323 or 64479-64484 points to G89.12 or G89.18, or the encounter says post-operative.
Not: a line that does not say so, without an encounter that tells the purpose (not checked).
Source: MAC billing article A58993 and its siblings, diagnosis limits lifted.
"""

from collections.abc import Iterator, Sequence

from validators.context import Context
from validators.lines import Line
from validators.necessity.exceptions import POST_OPERATIVE_CODES, is_post_operative
from validators.rule import Found, Needs, Rule, Unknown
from validators.sources import DIAGNOSIS_LIMITS


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Ask the diagnoses and the session of each line."""
    for line in lines:
        holds = is_post_operative(line, context)
        if holds:
            yield RULE.finding(
                f"{line.code} on {line.service_date} is for post-operative pain; no diagnosis of the list is needed",
                line,
                observed={"procedure_code": line.code},
            )
        elif holds is None:
            yield RULE.unknown("encounter.purpose")


RULE = Rule(
    id="MED-17",
    name="post-operative-pain-exception",
    severity="info",
    needs=(Needs.CLAIM, Needs.ENCOUNTER),
    codes=POST_OPERATIVE_CODES,
    suggestion="the diagnosis list is waived; the session still counts",
    citation=DIAGNOSIS_LIMITS,
    check=check,
)
