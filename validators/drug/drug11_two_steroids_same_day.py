"""DRUG-11 two-steroids-same-day: two steroids are billed with one session.

Why: a session takes one steroid, so a second is likely a slip.
Fires: lines of different steroid codes have the date of an injection line.
Source: plausibility.
"""

from collections.abc import Iterator, Sequence

from schemas.decision import Citation
from validators.codes import STEROIDS
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Count the steroid codes of each day with an injection."""
    for on in sorted(context.injection_days.intersection(line.service_date for line in lines)):
        steroids = [line for line in lines if line.service_date == on]
        codes = list(dict.fromkeys(line.code for line in steroids))
        if len(codes) > 1:
            yield RULE.finding(
                f"{len(codes)} steroid codes are billed with the injection on {on}: {', '.join(codes)}",
                *steroids,
                suggestion="attach why more than one was needed, or remove what was not given",
                observed={"procedure_codes": [*codes]},
            )


RULE = Rule(
    id="DRUG-11",
    name="two-steroids-same-day",
    severity="flag",
    needs=(Needs.CLAIM,),
    codes=STEROIDS,
    suggestion="justify",
    citation=Citation(document="Plausibility", section="one steroid per session", confidence="memory-medium"),
    check=check,
)
