"""Which rules look at a claim of a payer, and which of them its codes wake: worked out once for all claims alike."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

from schemas.claim import Claim, LineOfBusiness
from schemas.decision import Severity
from validators.parameters import Layers, Parameter, nearest
from validators.remembered import Remembered
from validators.rule import Look, Passes, Rule

if TYPE_CHECKING:
    from validators.context import Context
    from validators.ruleset import Lcd, Override, Ruleset, Terms

TIERS = "diagnosis_tiers"
"""Where a plan keeps the lists of diagnoses, among the parameters of rules."""

Wakes = tuple[frozenset[str] | None, frozenset[str] | None]
"""Codes and modifiers a line has one of each of to wake a rule; None: any line."""

Hindrance = Literal["claim", "payer", "secondary"]


class Standing(NamedTuple):
    """What decides which rules look at a claim, its codes and dates aside. `source` only where an override names it."""

    payer_key: str
    line_of_business: LineOfBusiness
    lcd: "Lcd | None"
    source: str | None
    all_rules_apply: bool
    is_primary: bool

    @property
    def layers(self) -> Layers:
        """Whose values the claim goes by, nearest first."""
        lcd = () if self.lcd is None else (self.lcd.lcd,)
        return (self.payer_key, *lcd, self.line_of_business)


@dataclass(frozen=True, slots=True)
class Step:
    """A rule as it applies to claims of one standing.

    `is_dated`: it looks at services of some days only; `is_trial`: what it finds is information only; `is_plain`: it
    is asked on every date and nothing stands in its way; `takes_all`: nor do its codes; `unsure`: its parameters that
    are not known on some days, on which it is not asked; `missing`: its tables that are not loaded.
    """

    rule: Rule
    terms: "Terms"
    severity: Severity
    overrides: "tuple[Override, ...]"
    is_dated: bool
    is_trial: bool
    is_plain: bool
    takes_all: bool
    unsure: Sequence[tuple[str, Parameter]]
    missing: Sequence[str]
    wakes: Wakes


class Steps(NamedTuple):
    """Rules in order; `are_sleepless` when all of them look at every claim, whatever its codes."""

    steps: tuple[Step, ...]
    are_sleepless: bool

    @classmethod
    def of(cls, steps: Iterable[Step]) -> Self:
        """These steps."""
        listed = tuple(steps)
        return cls(listed, all(step.rule.codes is None and step.rule.modifiers is None for step in listed))


@dataclass(frozen=True, slots=True)
class Plan:
    """The rules for claims of one standing, in order; `ids` of those for every date, and the others `dated`.

    Where `passes` says that a claim passes the rules that share that look, only those `left` are asked.
    """

    standing: Standing
    by_id: Mapping[str, Step]
    every: Steps
    left: Steps
    passes: Passes
    ids: tuple[str, ...]
    dated: tuple[tuple[str, "Terms"], ...]
    parameters: Mapping[tuple[str, str], Parameter]
    _awake: Remembered[tuple[frozenset[str], frozenset[str], bool], tuple[Step, ...]] = field(
        default_factory=Remembered
    )
    _dated_on: Remembered[frozenset[date], tuple[str, ...]] = field(default_factory=Remembered)
    _passed: Remembered[tuple[tuple[str, ...], frozenset[str]], tuple[str, ...]] = field(default_factory=Remembered)

    @classmethod
    def of(cls, ruleset: "Ruleset", standing: Standing) -> Self:
        """The plan of a standing."""
        layers = standing.layers
        groups = [(rule_id, terms.parameters) for rule_id, terms in ruleset.terms.items()]
        groups.append((TIERS, ruleset.diagnosis_tiers))
        parameters = {
            (group, name): nearest(layered, name, layers) for group, layered in groups for name in layered.get(None, {})
        }
        steps = tuple(_steps(ruleset, standing, parameters))
        dated = tuple((step.rule.id, step.terms) for step in steps if step.is_dated)
        without = {rule_id for rule_id, _ in dated}
        look = _look(steps)
        return cls(
            standing=standing,
            by_id={step.rule.id: step for step in steps},
            every=Steps.of(steps),
            left=Steps.of(step for step in steps if step.rule.look is None or not step.is_plain),
            passes=look(parameters, ruleset.reference) if look else _nothing_passes,
            ids=tuple(sorted(step.rule.id for step in steps if step.rule.id not in without)),
            dated=dated,
            parameters=parameters,
        )

    def lifts(self, rule_id: str, on: date) -> bool:
        """Whether other rules may hang on what a rule finds in services of a day: it is asked, and not just tried."""
        step = self.by_id.get(rule_id)
        if step is None or step.is_trial:
            return False
        return step.is_plain or (
            step.terms.in_effect(on)
            and not any(each.effect != "soften" and each.in_effect(on) for each in step.overrides)
        )

    def awake(self, context: "Context") -> tuple[Step, ...]:
        """The rules that procedure codes and modifiers of a claim wake, but those a look tells it passes."""
        passes = self.passes(context.claim)
        asked = self.left if passes else self.every
        if asked.are_sleepless:
            return asked.steps
        key = (context.codes, context.modifiers, passes)
        found = self._awake.get(key)
        if found is None:
            found = self._awake[key] = tuple(
                step for step in asked.steps if _wakes(step.rule, context.codes, context.modifiers)
            )
        return found

    def passed(self, said: Iterable[str], context: "Context") -> tuple[str, ...]:
        """The ids, sorted, of the rules that look at services of a claim's dates and said nothing."""
        dated = self._dated(context.service_days) if self.dated else ()
        heard = frozenset(said)
        found = self._passed.get((dated, heard))
        if found is None:
            found = self._passed[dated, heard] = tuple(sorted({*self.ids, *dated} - heard))
        return found

    def _dated(self, days: frozenset[date]) -> tuple[str, ...]:
        """The rules for some dates only that look at services of one of these days."""
        found = self._dated_on.get(days)
        if found is None:
            found = self._dated_on[days] = tuple(
                rule_id for rule_id, terms in self.dated if any(terms.in_effect(day) for day in days)
            )
        return found


def _nothing_passes(_claim: Claim) -> bool:
    return False


def _look(steps: Iterable[Step]) -> Look | None:
    """The look that rules of a plan share: there is one at most."""
    looks = {step.rule.look for step in steps} - {None}
    if len(looks) > 1:
        raise ValueError("rules of two looks: a plan takes one look at a claim; let them share it")
    return looks.pop() if looks else None


def _wakes(rule: Rule, codes: frozenset[str], modifiers: frozenset[str]) -> bool:
    return (rule.codes is None or not rule.codes.isdisjoint(codes)) and (
        rule.modifiers is None or not rule.modifiers.isdisjoint(modifiers)
    )


def hindrance(rule: Rule, terms: "Terms", standing: Standing) -> Hindrance | None:
    """What keeps a rule from looking at claims of a standing: what they are, their payer, or that it pays second."""
    if not (rule.every_claim or standing.all_rules_apply):
        return "claim"
    if not terms.is_for(standing.layers):
        return "payer"
    if rule.primary_payer_only and not standing.is_primary and not terms.secondary_payers:
        return "secondary"
    return None


def _steps(ruleset: "Ruleset", standing: Standing, parameters: Mapping[tuple[str, str], Parameter]) -> Iterable[Step]:
    layers, reference = standing.layers, ruleset.reference
    for rule in ruleset.rules:
        terms = ruleset.terms[rule.id]
        if hindrance(rule, terms, standing) is not None:
            continue
        overrides = tuple(
            each
            for each in ruleset.overrides
            if each.rule == rule.id
            and (each.on is None or each.on in layers)
            and each.source in (None, standing.source)
        )
        is_dated = terms.starts_on is not None or terms.ends_on is not None
        unsure = [
            (name, parameter)
            for name in rule.parameters
            if not (rule.weighs_unknown or (parameter := parameters[rule.id, name]).is_known_always)
        ]
        missing = reference.missing(rule.tables)
        is_plain = not (is_dated or overrides or unsure or missing)
        yield Step(
            rule=rule,
            terms=terms,
            severity=terms.severity(layers) or rule.severity,
            overrides=overrides,
            is_dated=is_dated,
            is_trial=terms.stage == "trial",
            is_plain=is_plain,
            takes_all=is_plain and rule.codes is None and rule.modifiers is None,
            unsure=unsure,
            missing=missing,
            wakes=(rule.codes, rule.modifiers),
        )
