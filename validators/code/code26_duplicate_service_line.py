"""CODE-26 duplicate-service-line: the same service is billed twice.

Why: an exact duplicate is denied as one, whichever claim it comes on.
Fires: two lines agree in date, code, set of modifiers, rendering NPI, billing NPI and role of the claim; both on this
claim, or one on an earlier claim of the person.
Not: between a claim and the one it replaces, voids or resubmits; the same event again is a redelivery. A replacement
whose original is not known, or not one, is not checked against earlier claims.
Source: claim adjudication practice, exact duplicate.
"""

from collections.abc import Iterator, Sequence

from schemas.decision import Citation
from validators.code.duplicates import EARLIER, duplicates
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Compare each line with those before it on this claim and with those of earlier claims."""
    if context.relation.unresolved:
        yield RULE.unknown("history.original_claim")
    repeated = context.shared(duplicates)
    for line in lines:
        if line.index in repeated:
            yield RULE.finding(
                f"{line.code} on {line.service_date} repeats {repeated[line.index]} with the same modifiers and "
                "provider",
                line,
                suggestion=None if repeated[line.index] == EARLIER else "remove one of the two lines",
                observed={"procedure_code": line.code},
            )


RULE = Rule(
    id="CODE-26",
    name="duplicate-service-line",
    severity="deny",
    needs=(Needs.CLAIM, Needs.HISTORY),
    carc="18",
    suggestion="void one, or send a frequency 7 replacement with the original reference",
    citation=Citation(document="Claim adjudication practice", section="exact duplicate", confidence="memory-high"),
    check=check,
)
