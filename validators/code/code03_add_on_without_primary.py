"""CODE-03 add-on-without-primary: an add-on level is billed without its first level.

Why: 64480 and 64484 are payable only beside 64479 and 64483.
Fires: an add-on line has no primary of its region by the same billing provider on the same date.
Not: an add-on whose only primary is of the other region (CODE-04).
Source: NCCI add-on code edits, type 1.
"""

from collections.abc import Iterator, Sequence

from validators.code.add_on_primaries import primaries_beside
from validators.codes import ADD_ON, PRIMARY_OF
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import ADD_ON_EDITS, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Look for the primary of each add-on line."""
    for line in lines:
        primary = PRIMARY_OF[line.code]
        if primary not in primaries_beside(line, context):
            yield RULE.finding(
                f"{line.code} is billed without {primary} on {line.service_date}",
                line,
                suggestion=f"bill the first level as {primary}, or add the missing {primary} line",
                observed={"procedure_code": line.code},
                expected={"one_of": [primary]},
            )


RULE = Rule(
    id="CODE-03",
    name="add-on-without-primary",
    severity="deny",
    needs=(Needs.CLAIM, Needs.HISTORY),
    codes=ADD_ON,
    carc="107",
    rarc=("N122",),
    suggestion="add the missing primary, or recode the first level as the primary code",
    citation=section(ADD_ON_EDITS, "type 1: 64480 needs 64479; 64484 needs 64483"),
    bypassed_by=("CODE-04",),
    check=check,
)
