"""CODE-12 bypass-modifier-on-same-region-approaches: a modifier separates two approaches that coverage pays once.

Why: NCCI opens the pair to 59 and the X modifiers, but Medicare covers one approach a region and session.
Fires: a line of 62320-62327 and one of 64479-64484 form an active NCCI pair of indicator 1 on one date by one provider,
and one of the two carries 59, XE, XP, XS or XU.
Not: without such a modifier (CODE-10).
Source: multi-MAC LCD text on epidural steroid injections, one approach per region and session.
"""

from collections.abc import Iterator, Sequence

from validators.code.modifiers import named
from validators.code.ncci import Pair, approaches
from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import MULTI_MAC_LCD, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Look for pairs of the two approaches that a modifier separates."""
    if len(lines) == 1 and not context.earlier_lines:
        return
    seen: set[tuple[int, str]] = set()
    for pair in approaches(lines, context):
        line = pair.line
        if not pair.is_separated or (line.index, pair.other) in seen:
            continue
        seen.add((line.index, pair.other))
        where = " of an earlier claim" if pair.earlier else ""
        yield RULE.finding(
            f"{line.code} is billed with {pair.other}{where} on {line.service_date} under {named(pair.separators)}; "
            "one approach per region and session is covered",
            line,
            at=_carrying(pair, context),
            observed={"procedure_codes": [pair.column1, pair.column2], "modifiers": [*pair.separators]},
            expected={"at_most_one_of": [pair.column1, pair.column2]},
        )


def _carrying(pair: Pair, context: Context) -> str | None:
    """Where the modifiers stand of the first line that carries one; None when an earlier claim does."""
    on = pair.line.service_date
    others = (line for line in context.esi_lines if line.code == pair.other and line.service_date == on)
    carriers = (line for line in (pair.line, *others) if not line.modifiers.isdisjoint(pair.separators))
    return next((line.at("modifiers") for line in carriers), None)


RULE = Rule(
    id="CODE-12",
    name="bypass-modifier-on-same-region-approaches",
    severity="deny",
    needs=(Needs.CLAIM, Needs.HISTORY),
    codes=ESI,
    carc="151",
    rarc=("M80",),
    suggestion="remove the modifier and one of the two procedures",
    citation=section(MULTI_MAC_LCD, "one approach per region and session"),
    tables=("ncci",),
    check=check,
)
