"""Why each rule stands where the ledger of a decision has it, and why it is in no list; a sentence a rule."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from schemas.decision import Checks, Finding
from streams.deciding import Decided
from streams.rulebook.docs import in_catalogue_order
from validators.context import Context
from validators.engine import OVERRIDE, RAISED
from validators.history import VOID
from validators.lines import Line
from validators.plan import hindrance
from validators.rule import Rule
from validators.ruleset import Override, Terms

Status = Literal["fail", "pass", "bypassed", "not_checked", "not_applicable"]
LACKING = {
    "encounter": "no encounter facts tell {}",
    "authorization": "the authorization does not say {}",
    "claim": "the claim does not say {}",
    "history": "the history does not say {}",
    "parameter": "no pack knows {} for this payer and date",
    "reference": "table {} is not loaded",
}
"""By the first word of what is missing: where it would have come from."""


class Explained(NamedTuple):
    """A rule, where it stands, and why; `overrides` are those in effect on a date of the claim."""

    rule: Rule
    status: Status
    why: str
    overrides: tuple[Override, ...]

    def as_object(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "rule": self.rule.id,
            "name": self.rule.name,
            "family": self.rule.family,
            "status": self.status,
            "why": self.why,
            "overrides": [
                {"effect": each.effect, "reason": each.reason, "owner": each.owner, "until": str(each.until)}
                for each in self.overrides
            ],
        }

    def in_words(self) -> str:
        """Why, with the overrides and who signed them."""
        signed = (
            f"{_effect(each)} until {each.until} by an override: {each.reason} (owner {each.owner})"
            for each in self.overrides
        )
        return "; ".join((self.why, *signed))


def explain(decided: Decided) -> tuple[Explained, ...]:
    """Every rule of the ruleset, by family."""
    context, decision = decided.context, decided.decision
    rules = in_catalogue_order(context.ruleset.rules)
    names = {rule.id: rule.name for rule in rules}
    overrides = {rule_id: tuple(_in_effect(step.overrides, context)) for rule_id, step in context.plan.by_id.items()}
    told = []
    for rule in rules:
        status, detail = standing(rule.id, decision.checks)
        if status == "fail":
            found = [finding for finding in decision.findings if finding.rule == rule.id]
            why = _found(found, context.ruleset.terms[rule.id])
        elif status == "bypassed":
            why = _lifted(detail, names)
        elif status == "not_checked":
            why = _lacking(detail)
        elif status == "pass":
            why = _passed(rule, context)
        else:
            why = _not_applicable(rule, context)
        told.append(Explained(rule, status, why, overrides.get(rule.id, ())))
    return tuple(told)


def standing(rule_id: str, checks: Checks) -> tuple[Status, str]:
    """Where the ledger has a rule, and by what or for want of what."""
    for each in checks.bypassed:
        if each.rule == rule_id:
            return "bypassed", each.by
    for lacking in checks.not_checked:
        if lacking.rule == rule_id:
            return "not_checked", lacking.missing
    if rule_id in checks.fail:
        return "fail", ""
    return ("pass" if rule_id in checks.passed else "not_applicable"), ""


def _found(found: Sequence[Finding], terms: Terms) -> str:
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    trial = "; on trial, so information only" if terms.stage == "trial" else ""
    return f"{found[0].severity}: {found[0].message}{more}{trial}"


def _lifted(by: str, names: dict[str, str]) -> str:
    if by == OVERRIDE:
        return "switched off"
    what = f"{by} ({names[by]})" if by in names else f"a {by}"
    return f"would have fired but for {what}"


def _lacking(missing: str) -> str:
    if missing == RAISED:
        return "the rule raised an error, a defect; SYS-02 reports it"
    source, _, name = missing.partition(".")
    if not name:
        return f"no {source} is known of"
    return LACKING.get(source, "{} is missing").format(name.replace("_", " ").replace(".", " "))


def _passed(rule: Rule, context: Context) -> str:
    if rule.of_claim:
        return "nothing found on the claim"
    terms = context.ruleset.terms[rule.id]
    awake = [line for line in context.lines if _wakes(rule, line)]
    looked_at = [str(line.number) for line in awake if terms.in_effect(line.service_date)]
    if not looked_at:
        what = " or ".join(name for name, wanted in (("code", rule.codes), ("modifier", rule.modifiers)) if wanted)
        return f"no line has a {what} it looks at" if not awake else "no line it looks at is of its dates"
    return f"nothing found on line{'s' * (len(looked_at) > 1)} {', '.join(looked_at)}"


def _wakes(rule: Rule, line: Line) -> bool:
    return (rule.codes is None or line.code in rule.codes) and (
        rule.modifiers is None or not rule.modifiers.isdisjoint(line.modifiers)
    )


def _not_applicable(rule: Rule, context: Context) -> str:
    terms, standing = context.ruleset.terms[rule.id], context.plan.standing
    match hindrance(rule, terms, standing):
        case "claim" if context.claim.frequency_code == VOID:
            return "the claim is a void, which only claim and system rules look at"
        case "claim":
            return "the claim has no injection; only claim and system rules look at it"
        case "payer":
            whose = ", ".join(dict.fromkeys(standing.layers))
            return f"not for this payer: for {', '.join(sorted(terms.scope or ()))}; the claim is of {whose}"
        case "secondary":
            return f"the payer is {context.claim.payer.sequence}; it looks at claims whose payer is the primary one"
        case None:
            return _out_of_dates(terms, context)


def _out_of_dates(terms: Terms, context: Context) -> str:
    days = sorted(context.service_days)
    if terms.starts_on is not None and days[-1] < terms.starts_on:
        return f"services until {days[-1]} are before its first date of service, {terms.starts_on}"
    if terms.ends_on is not None and days[0] > terms.ends_on:
        return f"services from {days[0]} on are after its last date of service, {terms.ends_on}"
    return f"no service is within its dates of service, {terms.starts_on} to {terms.ends_on}"


def _in_effect(overrides: Sequence[Override], context: Context) -> Iterator[Override]:
    return (each for each in overrides if any(map(each.in_effect, context.service_days)))


def _effect(override: Override) -> str:
    match override.effect:
        case "disable":
            return "not evaluated"
        case "soften":
            return f"at most {override.severity}"
        case "try":
            return "information only"
