"""SOS-02 drug-billed-by-professional-in-facility: the physician bills a drug that the facility supplied.

Why: in a hospital or surgery center Medicare pays the facility for drugs and contrast.
Fires: a professional claim has a line with a J code or a contrast code in place of service 19, 22 or 24.
Not: the facility's own claim; a drug line without a place of service (not checked).
Source: Medicare facility payment of drugs, packaging.
"""

from collections.abc import Iterator, Sequence

from schemas.decision import Citation
from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Look for drugs, then for where they were given and who bills."""
    for line in lines:
        if line.code in ESI:  # no drug: not worth looking up
            continue
        is_drug, place = line.code in context.parameter(RULE.id, "drug_codes", line.service_date), line.place_of_service
        if not is_drug or context.role != "professional":
            continue
        if place is None:
            yield RULE.unknown("claim.place_of_service")
        elif place in context.parameter(RULE.id, "facility_places", line.service_date):
            yield RULE.finding(
                f"{line.code} is billed by the physician in place of service {place}, where the facility bills drugs",
                line,
                suggestion=f"remove the {line.code} line from the professional claim: the facility bills drugs",
                observed={"procedure_code": line.code, "place_of_service": place},
            )


RULE = Rule(
    id="SOS-02",
    name="drug-billed-by-professional-in-facility",
    severity="deny",
    needs=(Needs.CLAIM,),
    carc="96",
    rarc=("M97",),
    suggestion="the facility bills drugs",
    citation=Citation(document="Medicare facility payment of drugs", section="packaging", confidence="memory-high"),
    parameters=("drug_codes", "facility_places"),
    check=check,
)
