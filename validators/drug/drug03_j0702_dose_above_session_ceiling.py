"""DRUG-03 j0702-dose-above-session-ceiling: more betamethasone is billed than a session may have.

Why: coverage allows at most 12 mg of betamethasone a session, 2 units of J0702.
Fires: the units of J0702 on a day with an injection are above the bound; lines of discarded drug (JW) do not count.
Not: a service before the bound is in force (not checked).
Source: multi-MAC LCD text on epidural steroid injections, steroid ceiling per session.
"""

from collections.abc import Iterator, Sequence

from validators.context import Context
from validators.drug.session_dose import above_ceiling
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown
from validators.sources import MULTI_MAC_LCD, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Add the units of each day up."""
    return above_ceiling(RULE, lines, context)


RULE = Rule(
    id="DRUG-03",
    name="j0702-dose-above-session-ceiling",
    severity="flag",
    needs=(Needs.CLAIM,),
    codes=frozenset({"J0702"}),
    carc="151",
    suggestion="at most 12 mg per session",
    citation=section(MULTI_MAC_LCD, "steroid ceiling per session"),
    parameters=("max_units",),
    weighs_unknown=True,
    check=check,
)
