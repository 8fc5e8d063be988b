"""SOS-04 rendering-taxonomy-not-eligible: the specialty of the clinician is not among those trained for it.

Why: coverage asks for a clinician trained in interventional pain procedures.
Fires: the taxonomy of the rendering provider, of the line else of the claim, is in no list of those covered.
Not: a clinician whose taxonomy is not given; one that is malformed (CLM-16) is not checked.
Source: multi-MAC LCD text on epidural steroid injections, provider qualifications.
"""

from collections.abc import Iterator, Sequence

from validators.claim.shapes import is_taxonomy
from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown
from validators.sources import MULTI_MAC_LCD, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Look up who rendered each injection."""
    for line in lines:
        own = context.claim.service_lines[line.index].rendering_provider
        clinician = own or context.claim.rendering_provider
        if clinician is None or not clinician.taxonomy:
            continue
        if not is_taxonomy(clinician.taxonomy):
            yield RULE.unknown("claim.rendering_provider.taxonomy")
        elif clinician.taxonomy not in context.parameter(RULE.id, "taxonomies", line.service_date):
            within = f"/service_lines/{line.index}" if own else ""
            yield RULE.finding(
                f"{line.code} is rendered under taxonomy {clinician.taxonomy}, which is not a covered specialty",
                line,
                at=f"{within}/rendering_provider/taxonomy",
                observed={"taxonomy": clinician.taxonomy},
            )


RULE = Rule(
    id="SOS-04",
    name="rendering-taxonomy-not-eligible",
    severity="flag",
    needs=(Needs.CLAIM,),
    codes=ESI,
    carc="8",
    rarc=("N95",),
    suggestion="check the credential clause",
    citation=section(MULTI_MAC_LCD, "provider qualifications"),
    parameters=("taxonomies",),
    check=check,
)
