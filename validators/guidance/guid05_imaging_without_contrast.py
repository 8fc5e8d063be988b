"""GUID-05 imaging-without-contrast: the injection was imaged, but no contrast showed where it went.

Why: coverage asks for contrast with fluoroscopy or CT, unless an allergy or pregnancy forbids it.
Fires: the encounter says fluoroscopy or CT and contrast not used, and no allergy or pregnancy is recorded.
Not: an encounter that does not say (not checked).
Source: multi-MAC LCD text on epidural steroid injections, contrast.
"""

from collections.abc import Iterator, Sequence

from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown
from validators.sources import MULTI_MAC_LCD, section

IMAGED = frozenset({"fluoroscopy", "ct"})


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Ask the session of each line for imaging and contrast."""
    for line in lines:
        session = context.encounter(line)
        guidance = session.guidance if session else None
        contrast = session.contrast_used if session else None
        if contrast or (guidance is not None and guidance not in IMAGED) or context.contrast_exception(line):
            continue
        if guidance is None:
            yield RULE.unknown("encounter.guidance")
        elif contrast is None:
            yield RULE.unknown("encounter.contrast_used")
        else:
            yield RULE.finding(
                f"{line.code} on {line.service_date} was imaged without contrast, and no exception is recorded",
                line,
                observed={"guidance": guidance, "contrast_used": False},
                expected={"contrast_used": True},
            )


RULE = Rule(
    id="GUID-05",
    name="imaging-without-contrast",
    severity="deny",
    needs=(Needs.CLAIM, Needs.ENCOUNTER),
    codes=ESI,
    carc="50",
    rarc=("N115",),
    suggestion="document the exception or expect denial",
    citation=section(MULTI_MAC_LCD, "contrast"),
    bypassed_by=("GUID-06",),
    check=check,
)
