"""Pairs of lines that NCCI pays once, column 1, while column 2 denies; of two injections CODE-09, CODE-10, CODE-12."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from validators.codes import EPIDURAL, NCCI_X_MODIFIERS, TRANSFORAMINAL
from validators.context import Context
from validators.lines import Line
from validators.reference import ModifierIndicator, NcciPairs
from validators.rule import Rule, Said, Unknown


@dataclass(frozen=True, slots=True)
class Pair:
    """Two codes on one date by one provider that NCCI pays once.

    `line` is the one on this claim the finding is about: column 2, which denies, where it stands on this claim, else
    column 1 beside an earlier claim's column 2.
    """

    line: Line
    column1: str
    column2: str
    indicator: ModifierIndicator
    earlier: bool
    separators: Sequence[str]
    """The modifiers of the two lines that say the services were separate."""

    @property
    def other(self) -> str:
        """The code that is not the line's."""
        return self.column2 if self.line.code == self.column1 else self.column1

    @property
    def is_separated(self) -> bool:
        """Whether a modifier says so, of a pair that allows one."""
        return self.indicator == "1" and bool(self.separators)


def pairs(lines: Sequence[Line], context: Context, codes: Collection[str]) -> Iterator[Pair]:
    """Every active pair of a woken line with another injection of `codes`, on this claim or an earlier one."""
    for line in lines:
        for other in context.esi_lines:
            if (
                other.code in codes
                and other.service_date == line.service_date
                and (found := _pair(line, other.code, other.modifiers, context, column1=other.code))
            ):
                yield found
        for past in context.same_provider_earlier(line.service_date):
            if past.procedure_code not in codes:
                continue
            for column1 in (past.procedure_code, line.code):
                if found := _pair(line, past.procedure_code, past.modifiers, context, column1=column1, earlier=True):
                    yield found


def approaches(lines: Sequence[Line], context: Context) -> Iterator[Pair]:
    """Every active pair of a transforaminal and an interlaminar line, one of which may be on an earlier claim."""
    transforaminal = [line for line in lines if line.code in TRANSFORAMINAL]
    if len(transforaminal) in (0, len(lines)) and not context.earlier_lines:
        return
    yield from pairs(transforaminal, context, EPIDURAL)
    yield from pairs([line for line in lines if line.code in EPIDURAL], context, TRANSFORAMINAL)


def _pair(
    line: Line, other: str, modifiers: frozenset[str], context: Context, *, column1: str, earlier: bool = False
) -> Pair | None:
    column2 = line.code if column1 == other else other
    indicator = edits(context).indicator(column1, column2, line.service_date, context.claim.claim_type)
    if indicator is None:
        return None
    separators = sorted(NCCI_X_MODIFIERS & (line.modifiers | modifiers))
    return Pair(line, column1, column2, indicator, earlier, separators)


def findings(
    rule: Rule,
    found: Iterable[Pair | Unknown],
    context: Context,
    *,
    separated: str | None = None,
    fix: Callable[[Pair], str] | None = None,
) -> Iterator[Said]:
    """A finding for each line that denies; a bypass where a modifier separates a pair that allows one.

    `separated` is the rule that such pairs are for, where it applies. `fix` says what to do about a pair, in place of
    what the rule suggests.
    """
    seen: set[tuple[int, str, str]] = set()
    for pair in found:
        if isinstance(pair, Unknown):
            yield pair
            continue
        key = (pair.line.index, pair.column1, pair.column2)
        if key in seen:
            continue
        if pair.is_separated:
            on = pair.line.service_date
            yield rule.bypass(separated if separated and context.plan.lifts(separated, on) else "modifier")
            continue
        seen.add(key)
        where = " of an earlier claim" if pair.earlier else ""
        denies = f"{pair.column1} pays and {pair.column2} denies"
        if pair.line.code != pair.column2:  # the line that denies is on an earlier claim
            denies = "only one of the two is paid"
        yield rule.finding(
            f"{pair.line.code} is billed with {pair.other}{where} on {pair.line.service_date}; "
            f"{denies} (NCCI indicator {pair.indicator})",
            pair.line,
            suggestion=fix(pair) if fix else None,
            observed={"procedure_codes": [pair.column1, pair.column2]},
            expected={"at_most_one_of": [pair.column1, pair.column2]},
        )


def edits(context: Context) -> NcciPairs:
    """The table, for rules that name it among theirs."""
    ncci = context.ruleset.reference.ncci
    assert ncci is not None, "the engine keeps rules asleep whose tables are not loaded"
    return ncci
