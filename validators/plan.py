"""Which rules look at a claim of a payer, and which of them its codes wake: worked out once for all claims alike."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, NamedTuple, Self

from schemas.decision import Severity
from validators.parameters import Layers, Parameter, nearest
from validators.rule import Rule

if TYPE_CHECKING:
    from validators.ruleset import Override, Ruleset, Terms

TIERS = "diagnosis_tiers"
"""Where a plan keeps the lists of diagnoses, among the parameters of rules."""

REMEMBERED = 4096
"""How many combinations of codes a plan remembers; real feeds have a few hundred."""


class Standing(NamedTuple):
    """What decides which rules look at a claim, its codes and dates aside. `source` only where an override names it."""

    layers: Layers
    source: str | None
    all_rules_apply: bool
    is_primary: bool


@dataclass(frozen=True, slots=True)
class Step:
    """A rule as it applies to claims of one standing."""

    rule: Rule
    terms: "Terms"
    severity: Severity
    overrides: "tuple[Override, ...]"

    @property
    def is_dated(self) -> bool:
        """Whether it looks at services of some days only."""
        return self.terms.starts_on is not None or self.terms.ends_on is not None

    @property
    def is_trial(self) -> bool:
        """Whether what it finds is information only."""
        return self.terms.stage == "trial"


@dataclass(frozen=True, slots=True)
class Plan:
    """The rules for claims of one standing, in order; `ids` of those for every date, and the others `dated`."""

    steps: tuple[Step, ...]
    ids: tuple[str, ...]
    dated: tuple[tuple[str, "Terms"], ...]
    parameters: Mapping[tuple[str, str], Parameter]
    _awake: dict[tuple[frozenset[str], frozenset[str]], tuple[Step, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, ruleset: "Ruleset", standing: Standing) -> Self:
        """The plan of a standing."""
        steps = tuple(_steps(ruleset, standing))
        dated = tuple((step.rule.id, step.terms) for step in steps if step.is_dated)
        without = {rule_id for rule_id, _ in dated}
        groups = [(rule_id, terms.parameters) for rule_id, terms in ruleset.terms.items()]
        groups.append((TIERS, ruleset.diagnosis_tiers))
        return cls(
            steps=steps,
            ids=tuple(sorted(step.rule.id for step in steps if step.rule.id not in without)),
            dated=dated,
            parameters={
                (group, name): nearest(layered, name, standing.layers)
                for group, layered in groups
                for name in layered.get(None, {})
            },
        )

    def awake(self, codes: frozenset[str], modifiers: frozenset[str]) -> tuple[Step, ...]:
        """The rules that procedure codes and modifiers of a claim wake."""
        key = (codes, modifiers)
        found = self._awake.get(key)
        if found is None:
            if len(self._awake) >= REMEMBERED:
                self._awake.clear()
            found = self._awake[key] = tuple(step for step in self.steps if _wakes(step.rule, codes, modifiers))
        return found

    def applicable(self, days: Iterable[date]) -> Iterable[str]:
        """The ids of the rules that look at services of one of `days`, sorted."""
        if not self.dated:
            return self.ids
        seen = frozenset(days)
        dated = [rule_id for rule_id, terms in self.dated if any(terms.in_effect(day) for day in seen)]
        return sorted((*self.ids, *dated)) if dated else self.ids


def _wakes(rule: Rule, codes: frozenset[str], modifiers: frozenset[str]) -> bool:
    return (rule.codes is None or not rule.codes.isdisjoint(codes)) and (
        rule.modifiers is None or not rule.modifiers.isdisjoint(modifiers)
    )


def _steps(ruleset: "Ruleset", standing: Standing) -> Iterable[Step]:
    for rule in ruleset.rules:
        terms = ruleset.terms[rule.id]
        if not (rule.every_claim or standing.all_rules_apply) or not terms.is_for(standing.layers):
            continue
        if rule.primary_payer_only and not standing.is_primary and not terms.secondary_payers:
            continue
        overrides = tuple(
            each
            for each in ruleset.overrides
            if each.rule == rule.id
            and (each.on is None or each.on in standing.layers)
            and each.source in (None, standing.source)
        )
        yield Step(rule, terms, terms.severity(standing.layers) or rule.severity, overrides)
