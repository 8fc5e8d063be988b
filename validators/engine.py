"""Apply the rules to a claim: which are awake, in which order, what they said, and the ledger of all of them.

A claim pays only for the rules its procedure codes wake. A rule that raises is caught here and nowhere else: it stands
in the ledger as not checked, SYS-02 flags the claim, and the other rules are evaluated.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from schemas.decision import Bypassed, NotChecked
from validators.context import Context
from validators.lines import Line
from validators.rule import Bypass, Found, Rule, Said, Unknown
from validators.ruleset import Ruleset

RAISED = "error"
OnError = Callable[[Rule, Exception], None]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was found, by line and rule, and where every applicable rule stands (contract section 5, checks)."""

    findings: tuple[Found, ...]
    fail: tuple[str, ...]
    passed: tuple[str, ...]
    bypassed: tuple[Bypassed, ...]
    not_checked: tuple[NotChecked, ...]


def unheard(rule: Rule, error: Exception) -> None:
    """Nobody asked to be told of rules that raise."""


def evaluate(context: Context, ruleset: Ruleset, on_error: OnError = unheard) -> Evaluation:
    """Apply `ruleset` to the claim of `context`.

    `on_error` is told of a rule that raised, for a metric; the evaluation goes on.
    """
    said: dict[str, tuple[Said, ...]] = {}
    for rule in ruleset.rules:
        if not (rule.every_claim or context.all_rules_apply) or not context.in_scope_of(rule.id):
            continue
        if rule.primary_payer_only and context.claim.payer.sequence != "primary":
            continue
        lines = _awake(rule, context, ruleset)
        if not lines:
            continue
        if missing := ruleset.reference.missing(rule.tables):
            context.trouble.missing_tables.update(missing)
            said[rule.id] = tuple(rule.unknown(f"reference.{table}") for table in missing)
            continue
        try:
            heard = tuple(rule.check(lines, context))
        except Exception as error:  # noqa: BLE001 - a defect of one rule must not lose the claim
            on_error(rule, error)
            context.trouble.errors.append((rule.id, type(error).__name__))
            heard = (rule.unknown(RAISED),)
        said[rule.id] = tuple(_after_bypass(rule, heard, said))
    return _ledger(said)


def in_order(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """The rules so that each comes after those that can bypass it, else in catalogue order.

    Raises ValueError when rules bypass each other in a circle.
    """
    by_id = {rule.id: rule for rule in rules}
    placed: dict[str, Rule] = {}

    def place(rule: Rule, above: tuple[str, ...]) -> None:
        if rule.id in above:
            raise ValueError(f"{' < '.join((*above, rule.id))}: rules bypass each other in a circle")
        for other in rule.bypassed_by:
            if other in by_id:
                place(by_id[other], (*above, rule.id))
        placed.setdefault(rule.id, rule)

    for rule in rules:
        place(rule, ())
    return tuple(placed.values())


def _awake(rule: Rule, context: Context, ruleset: Ruleset) -> list[Line]:
    terms = ruleset.terms[rule.id]
    return [
        line
        for line in context.lines
        if (rule.codes is None or line.code in rule.codes) and terms.in_effect(line.service_date)
    ]


def _after_bypass(rule: Rule, heard: Sequence[Said], said: Mapping[str, Sequence[Said]]) -> Iterator[Said]:
    """Take from each finding the lines on which a rule that bypasses this one has fired."""
    for one in heard:
        if not isinstance(one, Found):
            yield one
            continue
        left = one
        for other in rule.bypassed_by:
            fired = [found for found in said.get(other, ()) if isinstance(found, Found)]
            if not fired:
                continue
            covered = {line for found in fired for line in found.lines}
            rest = tuple(line for line in left.lines if line not in covered)
            if not left.lines or not rest or any(not found.lines for found in fired):
                yield rule.bypass(other)
                break
            left = replace(left, lines=rest)
        else:
            yield left


def _ledger(said: Mapping[str, Sequence[Said]]) -> Evaluation:
    """Over its lines a rule stands in the first list that holds of fail, bypassed, not checked, pass.

    Of several things that lift it, or that are missing, the first by name is told, whatever the order of the lines.
    """
    findings: list[Found] = []
    fail, passed = [], []
    bypassed, not_checked = [], []
    for rule_id in sorted(said):
        heard = said[rule_id]
        found = [one for one in heard if isinstance(one, Found)]
        findings += found
        lifted = min((one.by for one in heard if isinstance(one, Bypass)), default=None)
        unknown = min((one.missing for one in heard if isinstance(one, Unknown)), default=None)
        if found:
            fail.append(rule_id)
        elif lifted is not None:
            bypassed.append(Bypassed(rule=rule_id, by=lifted))
        elif unknown is not None:
            not_checked.append(NotChecked(rule=rule_id, missing=unknown))
        else:
            passed.append(rule_id)
    findings.sort(key=lambda found: (found.lines, found.rule.id, found.message))
    return Evaluation(tuple(findings), tuple(fail), tuple(passed), tuple(bypassed), tuple(not_checked))
