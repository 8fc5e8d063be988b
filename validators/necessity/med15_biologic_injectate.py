"""MED-15 biologic-injectate: platelet-rich plasma, amniotic or another biologic is billed with the injection.

Why: biologics are not covered, and the injection they were given with is at risk with them.
Fires: a biologic line has the date of an injection line; on both.
Source: multi-MAC LCD text on epidural steroid injections, biologics not covered.
"""

from collections.abc import Iterator, Sequence

from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import MULTI_MAC_LCD, section

BIOLOGICS = frozenset({"0232T", "P9020", *(f"Q{number}" for number in range(4100, 4300))})


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Look for an injection on the date of each biologic."""
    for on in sorted(context.injection_days.intersection(line.service_date for line in lines)):
        biologics = list(dict.fromkeys(line.code for line in lines if line.service_date == on))
        several = len(biologics) > 1
        yield RULE.finding(
            f"{', '.join(biologics)}, {'biologics, are' if several else 'a biologic, is'} billed with the injection on "
            f"{on}",
            *(line for line in context.lines if line.service_date == on and line.code in ESI | BIOLOGICS),
            suggestion="remove them; the whole claim is at risk" if several else None,
            observed={"procedure_codes": [*biologics]},
        )


RULE = Rule(
    id="MED-15",
    name="biologic-injectate",
    severity="deny",
    needs=(Needs.CLAIM,),
    codes=BIOLOGICS,
    carc="55",
    rarc=("N115",),
    suggestion="remove it; the whole claim is at risk",
    citation=section(MULTI_MAC_LCD, "biologics not covered"),
    check=check,
)
