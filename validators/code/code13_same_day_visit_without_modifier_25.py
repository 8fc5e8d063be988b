"""CODE-13 same-day-visit-without-modifier-25: a visit is billed beside the injection as if it were part of it.

Why: the decision to inject and the usual work around it are part of the injection.
Fires: an evaluation and management line (99202-99499) that is column 2 of the injection with indicator 1 has its date
and rendering provider.
Not: 24, 25 or 57 says that the visit was separate; new patients (99202-99205), which have no pair.
Source: NCCI procedure-to-procedure edits, practitioner table, injections over visits.
"""

from collections.abc import Iterator, Sequence

from validators.code.ncci import edits
from validators.codes import VISITS
from validators.context import Context
from validators.lines import Line
from validators.rule import Bypass, Found, Needs, Rule
from validators.sources import NCCI_PRACTITIONER, section

SEPARATE_VISIT = frozenset({"24", "25", "57"})


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Bypass]:
    """Look for the injection of each visit's date and provider."""
    for visit in lines:
        injection = _injection_over(visit, context)
        if injection is None:
            continue
        if not SEPARATE_VISIT.isdisjoint(visit.modifiers):
            yield RULE.bypass("modifier")
            continue
        yield RULE.finding(
            f"{visit.code} is billed beside {injection.code} of the same provider on {visit.service_date} "
            "without modifier 24, 25 or 57",
            visit,
            observed={"procedure_code": visit.code, "injection": injection.code},
            expected={"modifier_one_of": [*sorted(SEPARATE_VISIT)]},
        )


def _injection_over(visit: Line, context: Context) -> Line | None:
    ncci, claim_type = edits(context), context.claim.claim_type
    for line in context.esi_lines:
        if (
            line.service_date == visit.service_date
            and line.rendering_npi == visit.rendering_npi
            and ncci.indicator(line.code, visit.code, line.service_date, claim_type) == "1"
        ):
            return line
    return None


RULE = Rule(
    id="CODE-13",
    name="same-day-visit-without-modifier-25",
    severity="deny",
    needs=(Needs.CLAIM,),
    codes=VISITS,
    carc="97",
    rarc=("N20",),
    suggestion="add 25 only if the visit was significant and separate; else remove it",
    citation=section(NCCI_PRACTITIONER, "ESI primaries over E/M, indicator 1"),
    tables=("ncci",),
    check=check,
)
