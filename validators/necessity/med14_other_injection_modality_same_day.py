"""MED-14 other-injection-modality-same-day: another kind of spinal injection shares the day.

Why: coverage asks for one modality a session, so that what helped is known.
Fires: a facet, sacroiliac, sympathetic or trigger point injection has the date of an epidural one; where the payer asks
for the same region, only then, and trigger points have none. A Medicare plan of such a payer goes by Medicare's text.
Not: all of them are facet injections and a diagnosis of the claim is a synovial cyst.
Source: multi-MAC LCD text on epidural steroid injections, no mixing of blocks.
"""

from collections.abc import Iterator, Sequence

from validators.codes import Region
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.ruleset import MEDICARE
from validators.sources import MULTI_MAC_LCD, section
from validators.wording import one_of

FACET = frozenset({"64490", "64491", "64492", "64633", "64634", "64493", "64494", "64495", "64635", "64636"})
SACROILIAC = frozenset({"27096", "G0260", "64451"})
SYMPATHETIC = frozenset({"64510", "64520"})
TRIGGER_POINT = frozenset({"20552", "20553"})
KINDS = {"facet": FACET, "sacroiliac": SACROILIAC, "sympathetic": SYMPATHETIC, "trigger point": TRIGGER_POINT}
MODALITIES = FACET | SACROILIAC | SYMPATHETIC | TRIGGER_POINT
CERVICAL_THORACIC = frozenset({"64490", "64491", "64492", "64633", "64634", "64510"})
REGION_OF: dict[str, Region | None] = {
    code: "cervical_thoracic" if code in CERVICAL_THORACIC else None if code in TRIGGER_POINT else "lumbar_sacral"
    for code in MODALITIES
}


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Look for an epidural injection on the date of each other one."""
    for on in sorted(context.injection_days.intersection(line.service_date for line in lines)):
        others = [line for line in lines if line.service_date == on]
        injections = [line for line in context.esi_lines if line.service_date == on]
        if context.line_of_business not in MEDICARE and context.parameter(RULE.id, "same_region_only", on):
            others = [line for line in others if REGION_OF[line.code] in {each.region for each in injections}]
            injections = [line for line in injections if line.region in {REGION_OF[each.code] for each in others}]
        if not others or _is_for_a_cyst(others, context):
            continue
        modalities, epidurals = (list(dict.fromkeys(line.code for line in each)) for each in (others, injections))
        yield RULE.finding(
            f"{', '.join(modalities)} beside {', '.join(epidurals)} on {on}; one modality a session is covered",
            *sorted((*injections, *others), key=lambda line: line.index),
            suggestion=f"bill only one kind of injection: {one_of(_kinds(epidurals, modalities))}",
            observed={"procedure_codes": [*epidurals, *modalities]},
        )


def _kinds(epidurals: Sequence[str], modalities: Sequence[str]) -> Sequence[str]:
    """The kinds that are billed, each with its codes."""
    others = ((kind, [code for code in modalities if code in codes]) for kind, codes in KINDS.items())
    return [f"{kind} ({', '.join(codes)})" for kind, codes in (("epidural", epidurals), *others) if codes]


def _is_for_a_cyst(others: Sequence[Line], context: Context) -> bool:
    cysts = context.diagnoses_listed("synovial_cyst", others[0].service_date)
    return all(line.code in FACET for line in others) and any(code in cysts for code in context.diagnoses)


RULE = Rule(
    id="MED-14",
    name="other-injection-modality-same-day",
    severity="deny",
    needs=(Needs.CLAIM,),
    codes=MODALITIES,
    carc="50",
    rarc=("N115",),
    suggestion="one modality per session",
    citation=section(MULTI_MAC_LCD, "no mixing of blocks"),
    parameters=("same_region_only",),
    check=check,
)
