"""LVL-01 more-than-two-transforaminal-levels: more levels are billed in a session than coverage allows.

Why: coverage allows two transforaminal levels a region and session; the MUE of 4 for the add-on code is looser.
Fires: the levels of a region and date, counted per side, are above the bound, or the encounter says transforaminal
and names more levels of one region.
Not: without encounter facts a count within the bound is not checked, because more levels may be documented than billed.
Source: multi-MAC LCD text on epidural steroid injections, levels per session.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

from validators.codes import ADD_ON, TRANSFORAMINAL, Region
from validators.context import Context
from validators.level.transforaminal import documented_levels, level_count
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown
from validators.sources import MULTI_MAC_LCD, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Count the levels of each region and date."""
    sessions: dict[tuple[date, Region], list[Line]] = defaultdict(list)
    for line in lines:
        sessions[line.service_date, line.region].append(line)
    for (on, _), session in sessions.items():
        bound = context.parameter(RULE.id, "max_levels", on)
        count = level_count(session)
        if count <= bound:
            documented = [documented_levels(context.encounter(line), bound) for line in session]
            count = max((Decimal(levels) for levels in documented if isinstance(levels, int)), default=count)
            missing = next((fact for fact in documented if isinstance(fact, str)), None)
            if count <= bound and missing is not None:
                yield RULE.unknown(missing)
        if count <= bound:
            continue
        yield RULE.finding(
            f"{count:f} transforaminal levels of one region on {on}; at most {bound} are covered",
            *([line for line in session if line.code in ADD_ON] or session),
            suggestion=f"bill at most {bound} levels",
            observed={"levels": f"{count:f}"},
            expected={"at_most": str(bound)},
        )


RULE = Rule(
    id="LVL-01",
    name="more-than-two-transforaminal-levels",
    severity="deny",
    needs=(Needs.CLAIM, Needs.ENCOUNTER),
    codes=TRANSFORAMINAL,
    carc="151",
    rarc=("N362",),
    suggestion="bill at most two levels",
    citation=section(MULTI_MAC_LCD, "levels per session"),
    parameters=("max_levels",),
    check=check,
)
