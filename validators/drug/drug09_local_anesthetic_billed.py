"""DRUG-09 local-anesthetic-billed: the local anesthetic of the injection is billed by itself.

Why: numbing the skin, and what is mixed into the injection, are part of it.
Fires: a local anesthetic line has the date of an injection line.
Source: NCCI procedure-to-procedure edits (J2001); Medicare practice on local anesthesia.
"""

from collections.abc import Iterator, Sequence

from validators.codes import LOCAL_ANESTHETICS
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import NCCI_PRACTITIONER, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Look for an injection on the date of each line."""
    for line in lines:
        if line.service_date in context.injection_days:
            yield RULE.finding(
                f"{line.code}, a local anesthetic, is billed with the injection on {line.service_date}",
                line,
                suggestion=f"remove the {line.code} line: it is included in the injection",
                observed={"procedure_code": line.code},
            )


RULE = Rule(
    id="DRUG-09",
    name="local-anesthetic-billed",
    severity="deny",
    needs=(Needs.CLAIM,),
    codes=LOCAL_ANESTHETICS,
    carc="97",
    rarc=("M15",),
    suggestion="included in the injection",
    citation=section(NCCI_PRACTITIONER, "J2001; Medicare practice on local anesthesia"),
    check=check,
)
