"""CODE-04 add-on-with-primary-of-other-region: an add-on level stands beside the first level of the other region.

Why: 64480 adds to 64479 (cervical or thoracic), 64484 to 64483 (lumbar or sacral); the pair was mixed up.
Fires: the only primary of the same provider and date is that of the other region.
Source: NCCI add-on code edits, type 1 primaries.
"""

from collections.abc import Iterator, Sequence

from validators.code.add_on_primaries import primaries_beside
from validators.codes import ADD_ON, ADD_ON_OF, PRIMARY, PRIMARY_OF
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import ADD_ON_EDITS, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Compare the region of each add-on line with that of the primaries beside it."""
    for line in lines:
        primary = PRIMARY_OF[line.code]
        (other,) = PRIMARY - {primary}
        if primaries_beside(line, context) == {other}:
            yield RULE.finding(
                f"{line.code} is billed beside {other} on {line.service_date}; {line.code} adds a level to {primary}",
                line,
                suggestion=f"if the levels are of the region of {other}, bill {ADD_ON_OF[other]}; else {primary} first",
                observed={"procedure_code": line.code, "primary": other},
                expected={"primary": primary},
            )


RULE = Rule(
    id="CODE-04",
    name="add-on-with-primary-of-other-region",
    severity="deny",
    needs=(Needs.CLAIM, Needs.HISTORY),
    codes=ADD_ON,
    carc="107",
    rarc=("N122",),
    suggestion="use the add-on of the primary's region",
    citation=section(ADD_ON_EDITS, "type 1 primaries"),
    check=check,
)
