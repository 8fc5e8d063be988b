"""LVL-03 two-spinal-regions-same-day: cervical or thoracic and lumbar or sacral injections share a date.

Why: coverage allows one spinal region a date of service, whoever injects.
Fires: injection lines of both regions have the same date, on this claim or an earlier one of the person.
Source: multi-MAC LCD text on epidural steroid injections, one region per session.
"""

from collections.abc import Iterator, Sequence

from validators.codes import ESI, REGION
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import MULTI_MAC_LCD, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Count the regions of each date."""
    for on in sorted({line.service_date for line in lines}):
        bound = context.parameter(RULE.id, "max_regions", on)
        session = [line for line in lines if line.service_date == on]
        earlier = {
            past.procedure_code
            for _, past in context.earlier_lines
            if past.service_date == on and past.procedure_code in ESI
        }
        here = {line.region for line in session}
        regions = here | {REGION[code] for code in earlier}
        if len(regions) <= bound:
            continue
        where = "" if len(here) > bound else ", one of them on an earlier claim"
        yield RULE.finding(
            f"injections in {len(regions)} spinal regions are billed on {on}{where}; at most {bound} is covered",
            *session,
            suggestion=f"bill {bound} region per date of service",
            observed={"regions": [*sorted(regions)]},
            expected={"at_most": str(bound)},
        )


RULE = Rule(
    id="LVL-03",
    name="two-spinal-regions-same-day",
    severity="deny",
    needs=(Needs.CLAIM, Needs.HISTORY),
    codes=ESI,
    carc="50",
    rarc=("N115",),
    suggestion="one region per date of service",
    citation=section(MULTI_MAC_LCD, "one region per session"),
    parameters=("max_regions",),
    check=check,
)
