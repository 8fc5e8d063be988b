"""What a rule would do: claims decided without its word and with it, and the difference counted."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from schemas.base import money_text
from schemas.decision import OUTCOMES, SEVERITIES, Finding, Outcome, Severity
from streams.deciding import Decided
from streams.rulebook.explained import Status, standing
from validators.rule import Rule
from validators.ruleset import Ruleset

Told = dict[str, Any]
Now = Literal["on trial", "overridden", "in force"]
"""How a rule stands before it is tried: what it finds is information only; something softens it; it counts already."""


class Compared(NamedTuple):
    """A ruleset in which the rule has no say, or less than it could have, and one in which it has all."""

    now: Now
    before: Ruleset
    after: Ruleset


def compared(ruleset: Ruleset, rule: Rule) -> Compared:
    """The rulesets to decide claims under: as it is, unless the rule counts fully already, and with it in force."""
    after = replace(
        _staged(ruleset, rule, "stable"),
        overrides=tuple(each for each in ruleset.overrides if each.rule != rule.id),
    )
    if ruleset.terms[rule.id].stage == "trial":
        return Compared("on trial", ruleset, after)
    if len(after.overrides) != len(ruleset.overrides):
        return Compared("overridden", ruleset, after)
    return Compared("in force", _staged(ruleset, rule, "trial"), after)


def _staged(ruleset: Ruleset, rule: Rule, stage: Literal["stable", "trial"]) -> Ruleset:
    return replace(ruleset, terms={**ruleset.terms, rule.id: replace(ruleset.terms[rule.id], stage=stage)})


@dataclass(frozen=True, slots=True)
class Example:
    """A claim by its place in the input, and what the rule said of it."""

    file: str
    index: int
    where: str
    lines: int
    message: str


@dataclass(slots=True)
class PayerShare:
    """What a rule did on the claims of a payer key and line of business."""

    claims: int = 0
    fired: int = 0
    dollars: Decimal = Decimal(0)


@dataclass(slots=True)
class Transition:
    """Claims on which the rule fired and whose outcome went from one to another, or stayed."""

    claims: int = 0
    at_risk: Decimal = Decimal(0)
    example: Example | None = None


@dataclass(slots=True)
class Trial:
    """What the rule did, counted."""

    rule: Rule
    now: Now
    rejected: int = 0
    statuses: Counter[Status] = field(default_factory=Counter)
    severities: Counter[Severity] = field(default_factory=Counter)
    payers: dict[tuple[str, str], PayerShare] = field(default_factory=dict)
    transitions: dict[tuple[Outcome, Outcome], Transition] = field(default_factory=dict)
    dollars: Decimal = Decimal(0)
    at_risk_before: Decimal = Decimal(0)
    at_risk_after: Decimal = Decimal(0)

    @property
    def claims(self) -> int:
        """The claims that were decided."""
        return self.statuses.total()

    @property
    def fired(self) -> int:
        """Those of them on which the rule fired."""
        return self.statuses["fail"]

    @property
    def changed(self) -> int:
        """Those of them whose outcome would be another."""
        return sum(each.claims for (before, after), each in self.transitions.items() if before != after)

    def count(self, before: Decided, after: Decided, file: str, index: int, where: str) -> None:
        """Count a claim, decided both ways."""
        first, second = before.decision, after.decision
        status, _ = standing(self.rule.id, second.checks)
        self.statuses[status] += 1
        self.at_risk_before += first.amount_at_risk
        self.at_risk_after += second.amount_at_risk
        key = (after.context.payer_key, after.context.line_of_business)
        share = self.payers.setdefault(key, PayerShare())
        share.claims += 1
        found = [finding for finding in second.findings if finding.rule == self.rule.id]
        if not found:
            return
        dollars = _dollars(found, after)
        self.severities[min((each.severity for each in found), key=SEVERITIES.index)] += 1
        self.dollars += dollars
        share.fired += 1
        share.dollars += dollars
        transition = self.transitions.setdefault((first.outcome, second.outcome), Transition())
        transition.claims += 1
        transition.at_risk += second.amount_at_risk - first.amount_at_risk
        lines = len(after.context.claim.service_lines)
        if transition.example is None or lines < transition.example.lines:
            transition.example = Example(file, index, where, lines, found[0].message)

    def in_order(self) -> list[tuple[tuple[Outcome, Outcome], Transition]]:
        """The transitions that change an outcome first, each kind from mild to severe."""
        return sorted(
            self.transitions.items(),
            key=lambda each: (each[0][0] == each[0][1], *map(OUTCOMES.index, each[0])),
        )

    def as_objects(self) -> Iterator[Told]:
        """For JSON: a line for the whole, one a payer, one a transition."""
        yield {
            "kind": "summary",
            "rule": self.rule.id,
            "now": self.now,
            "claims": self.claims,
            "rejected": self.rejected,
            "fired": self.fired,
            "changed": self.changed,
            "statuses": dict(self.statuses),
            "severities": dict(self.severities),
            "dollars": money_text(self.dollars),
            "at_risk": {"before": money_text(self.at_risk_before), "after": money_text(self.at_risk_after)},
        }
        for (key, line_of_business), share in sorted(self.payers.items()):
            yield {
                "kind": "payer",
                "payer": key,
                "line_of_business": line_of_business,
                "claims": share.claims,
                "fired": share.fired,
                "dollars": money_text(share.dollars),
            }
        for (before, after), each in self.in_order():
            yield {
                "kind": "transition",
                "from": before,
                "to": after,
                "claims": each.claims,
                "at_risk": money_text(each.at_risk),
                "example": asdict(each.example) if each.example else None,
            }


def _dollars(found: list[Finding], decided: Decided) -> Decimal:
    """The charges of the lines the rule found something on, each once; of all lines when it is the whole claim."""
    counting = [finding for finding in found if finding.severity != "info"]
    lines = decided.context.claim.service_lines
    if any(not finding.lines for finding in counting):
        return decided.decision.total_charge
    named = {number for finding in counting for number in finding.lines}
    return sum((line.charge for line in lines if line.line_number in named), Decimal(0))
