"""LVL-09 documented-side-does-not-match-modifier: the side that is billed is not the side that was treated.

Why: modifier, note and diagnosis are of one injection.
Fires: the encounter names other sides than a transforaminal line, and than all such lines of the session together; or,
where no encounter names any, every pointed diagnosis that has a side names the other one than RT or LT of the line.
Not: without an encounter's sides a line is else not checked: diagnoses that agree with it do not speak for the note.
Source: CPT code definitions, paraphrased, laterality.
"""

from collections.abc import Collection, Iterator, Sequence

from schemas.encounter import Side
from validators.codes import SIDE_MODIFIERS, TRANSFORAMINAL
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown
from validators.sources import CPT_DEFINITIONS, section

OPPOSITE = {"right": "left", "left": "right"}


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Compare the sides of each line with those of its session, else with those of its diagnoses."""
    for line in lines:
        session = context.encounter(line)
        if session is not None and session.sides is not None:
            documented = _documented(session.sides)
            together = {side for other in lines if context.encounter(other) is session for side in other.sides}
            if documented not in (line.sides, together):
                yield _finding(line, "the record says", documented)
        elif side := _other_side_of_diagnoses(line, context):
            yield _finding(line, "its diagnoses say", {side})
        else:
            yield RULE.unknown("encounter.sides")


def _documented(sides: Sequence[Side]) -> frozenset[str]:
    return frozenset(each for side in sides for each in (OPPOSITE if side == "both" else (side,)))


def _other_side_of_diagnoses(line: Line, context: Context) -> str | None:
    """The side that is not the line's, where all of its pointed diagnoses that have a side name that one."""
    side, *others = line.sides
    if others or context.points_to(f"{side}_side", line):
        return None
    return OPPOSITE[side] if context.points_to(f"{OPPOSITE[side]}_side", line) else None


def _finding(line: Line, says: str, documented: Collection[str]) -> Found:
    return RULE.finding(
        f"{line.code} on {line.service_date} is billed as {_named(line.sides)}, but {says} {_named(documented)}",
        line,
        at=line.at("modifiers"),
        observed={"sides": [*sorted(line.sides)]},
        expected={"sides": [*sorted(documented)]},
    )


def _named(sides: Collection[str]) -> str:
    return " and ".join(sorted(sides)) or "no side"


RULE = Rule(
    id="LVL-09",
    name="documented-side-does-not-match-modifier",
    severity="deny",
    needs=(Needs.CLAIM, Needs.ENCOUNTER),
    codes=TRANSFORAMINAL,
    modifiers=SIDE_MODIFIERS,
    carc="16",
    rarc=("N823",),
    suggestion="make modifier, note and diagnosis agree",
    citation=section(CPT_DEFINITIONS, "laterality"),
    check=check,
)
