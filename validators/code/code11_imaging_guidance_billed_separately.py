"""CODE-11 imaging-guidance-billed-separately: guidance is billed beside an injection that includes it.

Why: 62321, 62323, 62325, 62327 and 64479-64484 include their imaging; 77003 is an add-on with no injection as primary.
Fires: an imaging line has the date of an injection line.
Not: it carries 59 or an X modifier and a procedure that guidance may be billed beside, a primary of 77003, stands on
that date.
Source: NCCI procedure-to-procedure edits, practitioner table, all twelve codes over the imaging codes.
"""

from collections.abc import Iterator, Sequence

from validators.codes import GUIDED_TWIN, IMAGING, NCCI_X_MODIFIERS
from validators.context import Context
from validators.lines import Line
from validators.rule import Bypass, Found, Needs, Rule
from validators.sources import NCCI_PRACTITIONER, section

GUIDANCE = "77003"
"""Fluoroscopy of the spine: an add-on of the procedures that imaging may be billed beside."""


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Bypass]:
    """Look for an injection on the date of each imaging line."""
    for line in lines:
        injections = [other.code for other in context.esi_lines if other.service_date == line.service_date]
        if not injections:
            continue
        if not NCCI_X_MODIFIERS.isdisjoint(line.modifiers) and _separate_procedure_on(line, context):
            yield RULE.bypass("modifier")
            continue
        injection = injections[0]
        twin = GUIDED_TWIN.get(injection)
        yield RULE.finding(
            f"{line.code} is billed beside {injection} on {line.service_date}; guidance is part of the injection",
            line,
            suggestion=f"remove {line.code} and bill {twin}, the code with imaging, instead of {injection}"
            if twin
            else f"remove the {line.code} line",
            observed={"procedure_code": line.code, "injection": injection},
        )


def _separate_procedure_on(line: Line, context: Context) -> bool:
    add_ons = context.ruleset.reference.add_ons
    assert add_ons is not None, "the engine keeps rules asleep whose tables are not loaded"
    return any(other.service_date == line.service_date for other in context.lines_with(add_ons.primaries[GUIDANCE]))


RULE = Rule(
    id="CODE-11",
    name="imaging-guidance-billed-separately",
    severity="deny",
    needs=(Needs.CLAIM,),
    codes=IMAGING,
    carc="97",
    rarc=("M15",),
    suggestion="remove the imaging line; guidance is part of the injection",
    citation=section(
        NCCI_PRACTITIONER,
        "all twelve codes over the imaging codes, indicator 1; 77003 is an add-on without an ESI primary",
    ),
    tables=("add_ons",),
    check=check,
)
