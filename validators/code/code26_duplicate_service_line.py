"""CODE-26 duplicate-service-line: the same service is billed twice.

Why: an exact duplicate is denied as one, whichever claim it comes on.
Fires: two lines agree in date, code, set of modifiers, rendering NPI, billing NPI and role of the claim; both on this
claim, or one on an earlier claim of the person.
Not: between a claim and the one it replaces, voids or resubmits; the same event again is a redelivery. A replacement
whose original is not known, or not one, is not checked against earlier claims.
Source: claim adjudication practice, exact duplicate.
"""

from collections.abc import Iterator, Sequence
from datetime import date

from schemas.decision import Citation
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown

Service = tuple[str, frozenset[str], date, str]
"""Code, modifiers, date and rendering NPI of a line."""


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Compare each line with those before it on this claim and with those of earlier claims."""
    unresolved = context.relation.unresolved
    earlier = frozenset() if unresolved else _earlier(context)
    if unresolved:
        yield RULE.unknown("history.original_claim")
    if not earlier and len(context.codes) == len(context.lines):
        return
    seen: dict[Service, Line] = {}
    for line in lines:
        service = (line.code, line.modifiers, line.service_date, line.rendering_npi)
        twin = seen.setdefault(service, line)
        if twin is not line:
            where = f"line {twin.number}"
        elif service in earlier:
            where = "an earlier claim"
        else:
            continue
        yield RULE.finding(
            f"{line.code} on {line.service_date} repeats {where} with the same modifiers and provider",
            line,
            observed={"procedure_code": line.code},
        )


def _earlier(context: Context) -> frozenset[Service]:
    npi = context.claim.billing_provider.npi
    return frozenset(
        line.service for past, line in context.earlier_lines if past.billing_npi == npi and past.role == context.role
    )


RULE = Rule(
    id="CODE-26",
    name="duplicate-service-line",
    severity="deny",
    needs=(Needs.CLAIM, Needs.HISTORY),
    carc="18",
    suggestion="void one, or send a frequency 7 replacement with the original reference",
    citation=Citation(
        document="Claim adjudication practice", section="exact duplicate", effective=None, confidence="memory-high"
    ),
    check=check,
)
