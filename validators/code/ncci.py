"""Pairs of lines that NCCI pays once; CODE-09 and CODE-10 look at different groups of them."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from validators.codes import NCCI_X_MODIFIERS
from validators.context import Context
from validators.lines import Line
from validators.rule import Bypass, Found, Rule


@dataclass(frozen=True, slots=True)
class Pair:
    """Two codes on one date by one provider that NCCI pays once.

    `line` is the one on this claim the finding is about: column 2, which denies, where it stands on this claim, else
    column 1 beside an earlier claim's column 2.
    """

    line: Line
    column1: str
    column2: str
    indicator: str
    earlier: bool
    separated: bool
    """One of the two carries a modifier that says the services were separate."""


def pairs(lines: Sequence[Line], context: Context, codes: Collection[str]) -> Iterator[Pair]:
    """Every active pair of a woken line with another code of `codes`, on this claim or an earlier one."""
    for line in lines:
        for other in context.lines_with(codes):
            if other.service_date == line.service_date and (
                found := _pair(line, other.code, other.modifiers, context, column1=other.code)
            ):
                yield found
        for past in context.same_provider_earlier(line.service_date):
            if past.procedure_code not in codes:
                continue
            for column1 in (past.procedure_code, line.code):
                if found := _pair(line, past.procedure_code, past.modifiers, context, column1=column1, earlier=True):
                    yield found


def _pair(
    line: Line, other: str, modifiers: frozenset[str], context: Context, *, column1: str, earlier: bool = False
) -> Pair | None:
    column2 = line.code if column1 == other else other
    ncci = context.ruleset.reference.ncci
    assert ncci is not None, "the engine keeps rules asleep whose tables are not loaded"
    indicator = ncci.indicator(column1, column2, line.service_date, context.claim.claim_type)
    if indicator is None:
        return None
    separated = not NCCI_X_MODIFIERS.isdisjoint(line.modifiers | modifiers)
    return Pair(line, column1, column2, indicator, earlier, separated)


def findings(
    rule: Rule, lines: Sequence[Line], context: Context, codes: Collection[str], fix: str
) -> Iterator[Found | Bypass]:
    """A finding for each line that denies; a bypass where a modifier separates a pair that allows one."""
    seen: set[tuple[int, str, str]] = set()
    for pair in pairs(lines, context, codes):
        key = (pair.line.index, pair.column1, pair.column2)
        if key in seen:
            continue
        if pair.separated and pair.indicator == "1":
            yield rule.bypass("modifier")
            continue
        seen.add(key)
        where = " of an earlier claim" if pair.earlier else ""
        other = pair.column2 if pair.line.code == pair.column1 else pair.column1
        yield rule.finding(
            f"{pair.line.code} is billed with {other}{where} on {pair.line.service_date}; "
            f"{pair.column1} pays and {pair.column2} denies (NCCI indicator {pair.indicator})",
            pair.line,
            suggestion=fix,
            observed={"procedure_codes": [pair.column1, pair.column2]},
            expected={"at_most_one_of": [pair.column1, pair.column2]},
        )
