"""Whose claims are meant: names given by a person, and the layers of values that such a claim goes by."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from schemas.claim import LineOfBusiness
from validators.parameters import Layers
from validators.payers import Payers
from validators.rule import Rule
from validators.ruleset import MEDICARE, Lcd, Ruleset, Terms


class UnknownNameError(Exception):
    """A name of something that is not there, in a sentence with the nearest that is."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Some claims: of a payer, a line of business, a state of service, a source. What is None is left open.

    `lines_open` are the lines of business of a payer that has several, when it is not said which is meant.
    """

    payer_key: str | None = None
    line_of_business: LineOfBusiness | None = None
    lcd: Lcd | None = None
    source: str | None = None
    lines_open: tuple[LineOfBusiness, ...] = ()

    @property
    def layers(self) -> Layers:
        """Whose values the claims go by, nearest first; of nobody in particular only everybody's."""
        lcd = self.lcd.lcd if self.lcd else None
        return tuple(layer for layer in (self.payer_key, lcd, self.line_of_business) if layer is not None)

    def may_be_of(self, terms: Terms) -> bool:
        """Whether a rule looks at such claims, or at some of them."""
        return not self.layers or terms.is_for((*self.layers, *self.lines_open))


def audience_of(
    ruleset: Ruleset,
    payer: str | None,
    line_of_business: LineOfBusiness | None = None,
    state: str | None = None,
    source: str | None = None,
) -> Audience:
    """The claims that the names mean; `payer` is a payer key, a payer id of a pack, or a line of business.

    Raises UnknownNameError.
    """
    key, lines = _payer(ruleset.payers, payer, line_of_business)
    line = lines[0] if len(lines) == 1 else None
    if state is not None and line is None:
        raise UnknownNameError(
            "a state of service matters to Medicare of either kind alone, and the line of business is open; say which "
            "with --line-of-business"
        )
    lcd = ruleset.lcds.get((state or "").upper()) if line in MEDICARE else None
    return Audience(key, line, lcd, source, () if line else lines)


def _payer(
    payers: Payers, given: str | None, said: LineOfBusiness | None
) -> tuple[str | None, tuple[LineOfBusiness, ...]]:
    """The payer key of a name, and the lines of business its claims can be of."""
    defaults = payers.by_line_of_business
    if given is None:
        return (None, ()) if said is None else (defaults[said], (said,))
    if given in payers.by_id:
        match = payers.by_id[given]
        return match.key, (said or match.line_of_business,)
    lines = {match.line_of_business for match in payers.by_id.values() if match.key == given}
    lines |= {line for line, key in defaults.items() if key == given}
    if lines:
        return given, (said,) if said else tuple(sorted(lines))
    for line, key in defaults.items():
        if given == line:
            return key, (said or line,)
    known = (*defaults, *payers.by_id, *(match.key for match in payers.by_id.values()))
    raise UnknownNameError(f"there is no payer {given}; did you mean {_nearest(given, known)}?")


def rule_named(ruleset: Ruleset, given: str) -> Rule:
    """The rule of an id or a name. Raises UnknownNameError."""
    asked = given.casefold()
    for rule in ruleset.rules:
        if asked in (rule.id.casefold(), rule.name):
            return rule
    raise UnknownNameError(no_rule(ruleset, given))


def no_rule(ruleset: Ruleset, given: str) -> str:
    """The sentence about an id or a name that no rule has."""
    names = {name: rule for rule in ruleset.rules for name in (rule.id.casefold(), rule.name)}
    padded = re.sub(r"-([0-9])$", r"-0\1", given.casefold())  # CODE-3 means CODE-03
    nearest = names[_nearest(padded, names)]
    return f"there is no rule {given}; did you mean {nearest.id} ({nearest.name})?"


def _nearest(given: str, known: Iterable[str]) -> str:
    return difflib.get_close_matches(given, sorted(set(known)), 1, 0)[0]
