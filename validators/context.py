"""What a rule sees of a claim besides the claim itself: derived facts, history, parameters and reference data."""

import enum
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple, TypeVar

from schemas.authorization import Authorization
from schemas.claim import Claim, LineOfBusiness
from schemas.encounter import Encounter
from validators.codes import ESI, IN_SCOPE, REGION, Region
from validators.facts import NOTHING_KNOWN, Facts
from validators.history import (
    CHANGES,
    VOID,
    Consumption,
    History,
    PastClaim,
    PastLine,
    Relation,
    Role,
    consumption,
)
from validators.lines import Line, lines_of
from validators.once import once
from validators.parameters import Codes
from validators.plan import TIERS, Plan, Wakes
from validators.ruleset import Lcd, Ruleset

T = TypeVar("T")

ASC_TAXONOMY = "261QA1903X"
PAIN_TIERS = ("T1", "T2", "T3", "T4_axial", "T4_other")


class Unfed(enum.Enum):
    """Says that authorizations are not, or not all, sent: an unknown number is no fact."""

    UNFED = enum.auto()


UNFED = Unfed.UNFED


@dataclass(slots=True)
class Trouble:
    """What kept rules from being evaluated on this claim; the engine notes it, the system rules report it."""

    missing_tables: set[str] = field(default_factory=set)
    errors: list[tuple[str, str]] = field(default_factory=list)


class Event(NamedTuple):
    """What a claim is in its patient's log; `reference` gives the token by which a number is known again there."""

    event_id: str
    position: int
    reference: Callable[[str], str]


@dataclass(eq=False)
class Context:
    """A claim in the light of the ruleset and of the history before it.

    Everything derived is worked out once, when first asked for. `waking` are the lines that wake rules alike.
    """

    claim: Claim
    ruleset: Ruleset
    event: Event
    history: History = field(default_factory=History)
    facts: Facts = NOTHING_KNOWN
    trouble: Trouble | None = None
    waking: dict[Wakes, Sequence[Line]] = field(default_factory=dict)
    _shared: dict[Callable[["Context"], Any], Any] = field(default_factory=dict)

    @property
    def troubled(self) -> Trouble:
        """The note of what keeps rules from being evaluated, to be added to."""
        if self.trouble is None:
            self.trouble = Trouble()
        return self.trouble

    @property
    def service_days(self) -> frozenset[date]:
        """The dates of service of its lines."""
        return frozenset([line.service_date_from for line in self.claim.service_lines])

    @once
    def plan(self) -> Plan:
        """The rules that look at a claim like this."""
        claim = self.claim
        return self.ruleset.plan(claim.payer, self.service_state, claim.source, all_rules_apply=self.all_rules_apply)

    @property
    def line_of_business(self) -> LineOfBusiness:
        """As the claim, its filing indicator or its payer id says."""
        return self.plan.standing.line_of_business

    @property
    def payer_key(self) -> str:
        """The key of the payer's values in the packs."""
        return self.plan.standing.payer_key

    @property
    def lcd(self) -> Lcd | None:
        """The local coverage determination of the state of service, for Medicare of either kind."""
        return self.plan.standing.lcd

    @once
    def diagnoses(self) -> tuple[str, ...]:
        """The diagnoses of the claim, in its order, no dots."""
        return tuple([diagnosis.code for diagnosis in self.claim.diagnoses])

    @once
    def codes(self) -> frozenset[str]:
        """The procedure codes of its lines."""
        return frozenset([line.procedure_code for line in self.claim.service_lines])

    @once
    def modifiers(self) -> frozenset[str]:
        """The modifiers of its lines."""
        return frozenset([modifier for line in self.claim.service_lines for modifier in line.modifiers])

    @once
    def in_scope(self) -> bool:
        """Whether the injection rules are about this claim at all: a line is an injection, of today or once."""
        return not IN_SCOPE.isdisjoint(self.codes)

    @once
    def service_state(self) -> str | None:
        """The state of the service facility, else of the billing provider."""
        for provider in (self.claim.service_facility, self.claim.billing_provider):
            if provider is not None and provider.address is not None and provider.address.state:
                return provider.address.state
        return None

    @property
    def all_rules_apply(self) -> bool:
        """Whether more than the claim and system rules look at it: in scope and not a void."""
        return self.in_scope and self.claim.frequency_code != VOID

    @once
    def role(self) -> Role:
        """Who bills (definitions: claim roles)."""
        if self.claim.claim_type == "institutional":
            return "hospital-facility"
        if any(line.place_of_service == "24" for line in self.lines) and (
            self.claim.billing_provider.taxonomy == ASC_TAXONOMY
            or any("SG" in line.modifiers for line in self.esi_lines)
        ):
            return "asc-facility"
        return "professional"

    @once
    def lines(self) -> tuple[Line, ...]:
        """The service lines in claim order."""
        return tuple(lines_of(self.claim, self.diagnoses))

    @once
    def esi_lines(self) -> tuple[Line, ...]:
        """The lines with an injection code in force today."""
        return tuple(self.lines_with(ESI))

    @once
    def injection_days(self) -> frozenset[date]:
        """The dates of service of the injections."""
        return frozenset(line.service_date for line in self.esi_lines)

    def lines_with(self, codes: Collection[str]) -> Iterator[Line]:
        """The lines of this claim with one of `codes`."""
        return (line for line in self.lines if line.code in codes)

    @once
    def past(self) -> PastClaim:
        """The claim as history keeps it; its numbers are tokens."""
        claim, (event_id, position, reference) = self.claim, self.event

        def token(number: str | None) -> str | None:
            return reference(number) if number else None

        return PastClaim(
            event_id=event_id,
            position=position,
            role=self.role,
            source=claim.source,
            billing_npi=claim.billing_provider.npi,
            claim_ref=token(claim.claim_id),
            original_ref=token(claim.original_reference),
            frequency_code=claim.frequency_code,
            in_scope=self.in_scope,
            lines=tuple(
                PastLine(
                    line.code,
                    line.modifiers,
                    line.service_date,
                    line.rendering_npi,
                    line.units,
                    token(line.authorization_number),
                )
                for line in self.lines
            ),
        )

    @once
    def relation(self) -> Relation:
        """How this claim stands to the earlier ones: what it replaces, voids or resubmits."""
        if self.history.is_empty and self.claim.frequency_code not in CHANGES:
            return Relation()
        return self.history.relate(self.past)

    @once
    def earlier_lines(self) -> tuple[tuple[PastClaim, PastLine], ...]:
        """The lines of earlier claims of the person that count, with their claims."""
        if self.history.is_empty:
            return ()
        return tuple(self.history.lines_seen_by(self.past, self.relation))

    def same_provider_earlier(self, service_date: date) -> Iterator[PastLine]:
        """Lines of earlier claims of the person, of the same billing NPI and service date."""
        npi = self.claim.billing_provider.npi
        return (
            line for past, line in self.earlier_lines if past.billing_npi == npi and line.service_date == service_date
        )

    def prior_sessions(self, region: Region, on: date) -> frozenset[date]:
        """The days before `on` on which the person had an injection of the region, on this claim or an earlier one."""
        earlier = ((line.procedure_code, line.service_date) for _, line in self.earlier_lines)
        here = ((line.code, line.service_date) for line in self.esi_lines)
        return frozenset(day for code, day in (*earlier, *here) if day < on and REGION.get(code) == region)

    def consumed(self, line: Line) -> Consumption:
        """What earlier claims have used of the authorization a line cites; of none nothing."""
        cited = self.past.lines[line.index].authorization
        return consumption(
            (past, earlier)
            for past, earlier in self.earlier_lines
            if cited is not None and earlier.authorization == cited and earlier.procedure_code in ESI
        )

    def encounter(self, line: Line) -> Encounter | None:
        """What is known of the session of a line; None when nothing is."""
        return self.facts.encounter(line.code, line.service_date) if self.facts.encounters else None

    def contrast_exception(self, line: Line) -> bool:
        """Whether an allergy or pregnancy is recorded, in the session or as a diagnosis of the claim."""
        session = self.encounter(line)
        if session is not None and session.contrast_exception is not None:
            return True
        codes = self.diagnoses_listed("contrast_exception", line.service_date)
        return not codes.isdisjoint(self.diagnoses)

    def authorization(self, number: str) -> Authorization | Unfed | None:
        """The record under a number; None when there is none; UNFED when it may exist and was not sent.

        Only a complete feed of authorizations makes an unknown number a fact.
        """
        record = self.facts.authorization(number)
        if record is None and self.ruleset.authorizations_feed(self.payer_key) != "complete":
            return UNFED
        return record

    def shared(self, work_out: Callable[["Context"], T]) -> T:
        """What several rules read of the claim, worked out when the first of them asks."""
        if work_out not in self._shared:
            self._shared[work_out] = work_out(self)
        found: T = self._shared[work_out]
        return found

    def parameter(self, rule_id: str, name: str, on: date) -> Any:
        """The value of a rule's parameter for this claim on a date; None when it is not known."""
        return self.plan.parameters[rule_id, name].on(on)

    def diagnoses_listed(self, tier: str, on: date, region: Region | None = None) -> Codes:
        """The diagnoses of a tier on a date, no dots: all, or those that support an injection of a region."""
        listed: Any = self.plan.parameters[TIERS, tier].on(on)
        codes: Codes = listed[region] if isinstance(listed, dict) else listed
        return codes

    def points_to(self, tier: str, line: Line) -> bool:
        """Whether a line points to a diagnosis of a tier, of any region."""
        return not self.diagnoses_listed(tier, line.service_date).isdisjoint(line.diagnoses)

    def pain_diagnoses(self, line: Line) -> list[str]:
        """The diagnoses of a pain tier, of any region, that a line points to."""
        tiers = [self.diagnoses_listed(tier, line.service_date) for tier in PAIN_TIERS]
        return [code for code in line.diagnoses if any(code in tier for tier in tiers)]
