"""The rules in force: the catalogue with its packs and reference data, ready to be applied."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

from schemas.claim import Payer
from schemas.decision import Confidence, RulesetVersion, Severity
from validators.pack import Effect, EncounterNeed, Feed, Stage
from validators.parameters import Layered, Layers, nearest
from validators.payers import Payers
from validators.plan import Plan, Standing
from validators.reference import Reference
from validators.remembered import Remembered
from validators.rule import Rule

MEDICARE = frozenset({"medicare_ffs", "medicare_advantage"})
"""The lines of business for which the local coverage determinations hold."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the packs say of a rule: who it is for, its dates of service, its parameters and severities by layer."""

    scope: frozenset[str] | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    stage: Stage = "stable"
    secondary_payers: bool = False
    parameters: Layered = field(default_factory=dict)
    severities: Mapping[str | None, Severity] = field(default_factory=dict)

    def in_effect(self, day: date) -> bool:
        """Whether the rule looks at services of `day`."""
        return (self.starts_on is None or self.starts_on <= day) and (self.ends_on is None or day <= self.ends_on)

    def is_for(self, layers: Layers) -> bool:
        """Whether the scope names one of the layers of a claim, or everybody."""
        return self.scope is None or not self.scope.isdisjoint(layers)

    def severity(self, layers: Layers) -> Severity | None:
        """What the packs put in place of the rule's own severity."""
        return next((self.severities[layer] for layer in (*layers, None) if layer in self.severities), None)


class Override(NamedTuple):
    """A rule switched off, softened or tried, for services of some days; `on` None is everybody, `source` None all."""

    rule: str
    effect: Effect
    severity: Severity
    on: str | None
    source: str | None
    starts_on: date
    until: date
    reason: str
    owner: str

    def in_effect(self, day: date) -> bool:
        """Whether services of `day` are meant."""
        return self.starts_on <= day <= self.until


class Lcd(NamedTuple):
    """The local coverage determination of a state of service, and its contractor's billing article."""

    lcd: str
    article: str
    contractor: str
    jurisdiction: str
    starts_on: date | None
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class StateTerms:
    """How far back state reaches, both counted from the day a record arrives.

    What arrived more than `look_back_months` ago is seen by nothing; a claim can be decided anew for `revision_days`.
    """

    look_back_months: int = 24
    revision_days: int = 30


@dataclass(frozen=True)
class Ruleset:
    """Rules, their terms, payers, tables of codes and reference data. `version.sha256` covers all of them."""

    version: RulesetVersion
    rules: tuple[Rule, ...]
    terms: Mapping[str, Terms]
    payers: Payers
    diagnosis_tiers: Layered
    reference: Reference
    lcds: Mapping[str, Lcd] = field(default_factory=dict)
    overrides: Sequence[Override] = ()
    feeds: Mapping[str | None, Feed] = field(default_factory=dict)
    encounter_needs: Mapping[str | None, EncounterNeed] = field(default_factory=dict)
    state: StateTerms = StateTerms()

    @cached_property
    def vintages(self) -> Mapping[str, str]:
        """Reference table to vintage, as a decision shows it."""
        return self.reference.vintages()

    @cached_property
    def _plans(self) -> dict[Standing, Plan]:
        return {}

    @cached_property
    def _plans_known(self) -> Remembered[tuple[str | bool | None, ...], Plan]:
        return Remembered()

    def plan(self, payer: Payer, service_state: str | None, source: str, *, all_rules_apply: bool) -> Plan:
        """What applies to claims of a payer, state of service and source; worked out once for each there is."""
        named = source if source in self.sources_named else None
        key = (
            payer.id,
            payer.filing_indicator,
            payer.line_of_business,
            payer.sequence,
            service_state,
            named,
            all_rules_apply,
        )
        plan = self._plans_known.get(key)
        if plan is None:
            standing = self._standing(payer, service_state, named, all_rules_apply=all_rules_apply)
            plan = self._plans.get(standing) or Plan.of(self, standing)
            self._plans_known[key] = self._plans[standing] = plan
        return plan

    def _standing(
        self, payer: Payer, service_state: str | None, source: str | None, *, all_rules_apply: bool
    ) -> Standing:
        line_of_business = self.payers.line_of_business(payer)
        return Standing(
            payer_key=self.payers.key(payer, line_of_business),
            line_of_business=line_of_business,
            lcd=self.lcds.get(service_state or "") if line_of_business in MEDICARE else None,
            source=source,
            all_rules_apply=all_rules_apply,
            is_primary=payer.sequence == "primary",
        )

    def authorizations_feed(self, payer_key: str) -> Feed:
        """Whether the payer's authorizations are sent to this stream: none, some or all of them."""
        return self.feeds.get(payer_key) or self.feeds.get(None) or "none"

    def encounters_required(self, payer_key: str) -> bool:
        """Whether a session of this payer without its encounter facts has to be looked at by a person."""
        return (self.encounter_needs.get(payer_key) or self.encounter_needs.get(None)) == "required"

    @cached_property
    def sources_named(self) -> frozenset[str]:
        """The sources of claims of which an override is."""
        return frozenset(each.source for each in self.overrides if each.source is not None)

    def parameter(self, rule_id: str, name: str, layers: Layers, on: date) -> Any:
        """The value of a rule's parameter on a date, of the nearest layer; None when not known."""
        return nearest(self.terms[rule_id].parameters, name, layers).on(on)
