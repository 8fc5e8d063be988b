"""GUID-03 ultrasound-guidance-not-covered: the needle was guided by ultrasound.

Why: coverage asks for fluoroscopy or CT; ultrasound is neither.
Fires: the encounter says ultrasound, and no contrast allergy or pregnancy is recorded.
Not: an encounter that does not say how (not checked). A payer that calls it unproven has a reason code of its own.
Source: multi-MAC LCD text on epidural steroid injections, no imaging or ultrasound.
"""

from collections.abc import Iterator, Sequence

from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown
from validators.sources import MULTI_MAC_LCD, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Ask the session of each line how the needle was guided."""
    for line in lines:
        if context.contrast_exception(line):
            continue
        session = context.encounter(line)
        if session is None or session.guidance is None:
            yield RULE.unknown("encounter.guidance")
        elif session.guidance == "ultrasound":
            yield RULE.finding(
                f"{line.code} on {line.service_date} was guided by ultrasound; fluoroscopy or CT is covered",
                line,
                carc=context.parameter(RULE.id, "carc", line.service_date),
                observed={"guidance": "ultrasound"},
                expected={"guidance": ["fluoroscopy", "ct"]},
            )


RULE = Rule(
    id="GUID-03",
    name="ultrasound-guidance-not-covered",
    severity="deny",
    needs=(Needs.CLAIM, Needs.ENCOUNTER),
    codes=ESI,
    carc="50",
    rarc=("N115",),
    suggestion="ultrasound is neither fluoroscopy nor CT: not payable, and not the code with imaging",
    citation=section(MULTI_MAC_LCD, "no-imaging or ultrasound"),
    bypassed_by=("GUID-04",),
    parameters=("carc",),
    check=check,
)
