"""The rules in force: the catalogue with its packs and reference data, ready to be applied."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from schemas.decision import RulesetVersion
from validators.parameters import Parameter
from validators.payers import Payers
from validators.reference import Reference
from validators.rule import Rule

Feed = Literal["none", "partial", "complete"]
EncounterNeed = Literal["optional", "required"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What the packs say of a rule: who it is for, its dates of service, its parameters (base and by payer key)."""

    scope: frozenset[str] | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    by_payer: Mapping[str, Mapping[str, Parameter]] = field(default_factory=dict)

    def in_effect(self, day: date) -> bool:
        """Whether the rule looks at services of `day`."""
        return (self.starts_on is None or self.starts_on <= day) and (self.ends_on is None or day <= self.ends_on)


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
    diagnosis_tiers: Mapping[str, frozenset[str]]
    reference: Reference
    feeds: Mapping[str | None, Feed] = field(default_factory=dict)
    encounter_needs: Mapping[str | None, EncounterNeed] = field(default_factory=dict)
    state: StateTerms = StateTerms()

    def authorizations_feed(self, payer_key: str) -> Feed:
        """Whether the payer's authorizations are sent to this stream: none, some or all of them."""
        return self.feeds.get(payer_key) or self.feeds.get(None) or "none"

    def encounters_required(self, payer_key: str) -> bool:
        """Whether a session of this payer without its encounter facts has to be looked at by a person."""
        return (self.encounter_needs.get(payer_key) or self.encounter_needs.get(None)) == "required"

    def parameter(self, rule_id: str, name: str, payer_key: str, on: date) -> Any:
        """The value of a rule's parameter on a date, the payer's own before the base one; None when not known."""
        terms = self.terms[rule_id]
        own = terms.by_payer.get(payer_key, {}).get(name)
        return (own or terms.parameters[name]).on(on)

    def scope(self, rule_id: str) -> frozenset[str] | None:
        """The payer keys and lines of business the rule is for; None for all."""
        return self.terms[rule_id].scope
