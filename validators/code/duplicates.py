"""Lines that repeat another exactly, on this claim or an earlier one: CODE-26 reports them, CODE-23 leaves them out."""

from collections.abc import Mapping
from datetime import date

from validators.context import Context

Service = tuple[str, frozenset[str], date, str]
"""Code, modifiers, date and rendering NPI of a line."""


EARLIER = "an earlier claim"
"""What a line repeats that is not on this claim."""


def duplicates(context: Context) -> Mapping[int, str]:
    """By index of the line that comes later, what it repeats, in words.

    Against earlier claims of the person where it is known which of them this one replaces.
    """
    earlier = frozenset() if context.relation.unresolved else _earlier(context)
    if not earlier and len(context.codes) == len(context.lines):
        return {}
    found: dict[int, str] = {}
    seen: dict[Service, int] = {}
    for line in context.lines:
        service = (line.code, line.modifiers, line.service_date, line.rendering_npi)
        if service in seen:
            found[line.index] = f"line {seen[service]}"
        elif service in earlier:
            found[line.index] = EARLIER
        seen.setdefault(service, line.number)
    return found


def _earlier(context: Context) -> frozenset[Service]:
    npi = context.claim.billing_provider.npi
    return frozenset(
        line.service for past, line in context.earlier_lines if past.billing_npi == npi and past.role == context.role
    )
