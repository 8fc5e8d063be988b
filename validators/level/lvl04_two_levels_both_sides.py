"""LVL-04 two-levels-both-sides: two transforaminal levels are injected on both sides in one session.

Why: coverage takes both sides only where that is clinically indicated; four injections at once want a reason.
Fires: a first level and its add-on are both bilateral on one date: modifier 50, or a right and a left line, on each.
Not: Aetna, which allows four injections a session.
Source: multi-MAC LCD text on epidural steroid injections, bilateral only when clinically indicated.
"""

from collections.abc import Iterator, Sequence
from operator import attrgetter

from validators.codes import LEFT_OR_RIGHT, PRIMARY_OF, SIDE_MODIFIERS, TRANSFORAMINAL
from validators.context import Context
from validators.lines import BOTH_SIDES, Line, services
from validators.rule import Found, Needs, Rule
from validators.sources import MULTI_MAC_LCD, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Compare the sides of each add-on with those of its first level."""
    if "50" not in context.modifiers and not context.modifiers >= LEFT_OR_RIGHT:
        return
    billed = services(lines)
    for (code, on), further in billed.items():
        primary = PRIMARY_OF.get(code)
        first = billed.get((primary, on), ()) if primary else ()
        if _are_bilateral(first) and _are_bilateral(further):
            denies = context.plan.by_id[RULE.id].severity == "deny"
            why = "are not covered by this payer" if denies else "want a reason"
            yield RULE.finding(
                f"{primary} and {code} are both billed for both sides on {on}; two levels on both sides {why}",
                *sorted((*first, *further), key=attrgetter("index")),
                suggestion="bill one level on both sides, or two on one side" if denies else None,
                observed={"procedure_codes": [primary, code]},
            )


def _are_bilateral(lines: Sequence[Line]) -> bool:
    return frozenset[str]().union(*(line.sides for line in lines)) >= BOTH_SIDES


RULE = Rule(
    id="LVL-04",
    name="two-levels-both-sides",
    severity="flag",
    needs=(Needs.CLAIM,),
    codes=TRANSFORAMINAL,
    modifiers=SIDE_MODIFIERS,
    carc="151",
    suggestion="document why both sides at two levels, or reduce",
    citation=section(MULTI_MAC_LCD, "bilateral only when clinically indicated"),
    check=check,
)
