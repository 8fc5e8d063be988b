"""Apply the rules to a claim: which are awake, in which order, what they said, and the ledger of all of them.

A claim pays only for the rules its codes wake. A rule that raises is caught here and nowhere else: it stands in the
ledger as not checked, SYS-02 flags the claim, and the other rules are evaluated.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from schemas.decision import SEVERITIES, Bypassed, NotChecked
from validators.context import Context
from validators.lines import Line
from validators.plan import Step
from validators.remembered import AT_MOST
from validators.rule import Bypass, Found, Rule, Said, Unknown
from validators.ruleset import Override

RAISED = "error"
OVERRIDE = "override"
OnError = Callable[[Rule, Exception], None]


class Evaluation(NamedTuple):
    """What was found, by line and rule, and where every applicable rule stands (contract section 5, checks)."""

    findings: tuple[Found, ...]
    fail: tuple[str, ...]
    passed: tuple[str, ...]
    bypassed: tuple[Bypassed, ...]
    not_checked: tuple[NotChecked, ...]


def unheard(rule: Rule, error: Exception) -> None:
    """Nobody asked to be told of rules that raise."""


def evaluate(context: Context, on_error: OnError = unheard) -> Evaluation:
    """Apply the ruleset of `context` to its claim.

    Over its lines a rule stands in the first list that holds of fail, bypassed, not checked, pass. Of several things
    that lift it, or that are missing, the first by name is told, whatever the order of the lines.

    `on_error` is told of a rule that raised, for a metric; the evaluation goes on.
    """
    findings: list[Found] = []
    fail: list[str] = []
    bypassed: list[tuple[str, str]] = []
    not_checked: list[tuple[str, str]] = []
    lifting: dict[str, Sequence[Found]] = {}
    for step in context.plan.awake(context):
        heard = _heard(step, context, on_error)
        if not heard:
            continue
        rule = step.rule
        if lifting and rule.bypassed_by and not rule.bypasses_itself:
            heard = [*_after_bypass(rule, heard, lifting)]
        if found := [one for one in heard if isinstance(one, Found)]:
            fail.append(rule.id)
            findings += [_priced(one, step, context) for one in found]
            if firm := [one for one in found if not _is_tried(one, step, context)]:
                lifting[rule.id] = firm
        elif lifted := [one.by for one in heard if isinstance(one, Bypass)]:
            bypassed.append((rule.id, min(lifted)))
        else:
            not_checked.append((rule.id, min([one.missing for one in heard if isinstance(one, Unknown)])))
    said = (*fail, *[rule_id for rule_id, _ in (*bypassed, *not_checked)])
    passed = context.plan.passed(said, context)
    if not said:
        return Evaluation((), (), passed, (), ())
    findings.sort(key=lambda one: (one.lines, one.rule.id, one.message))
    return Evaluation(
        findings=tuple(findings),
        fail=tuple(sorted(fail)),
        passed=passed,
        bypassed=tuple([_bypassed(*each) for each in sorted(bypassed)]),
        not_checked=tuple([_not_checked(*each) for each in sorted(not_checked)]),
    )


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


def _heard(step: Step, context: Context, on_error: OnError) -> Sequence[Said]:
    """What a rule says of a claim; nothing when it passes."""
    rule = step.rule
    try:
        if step.takes_all:
            return [*rule.check(() if rule.of_claim else context.lines, context)]
        if step.is_plain:
            return [*rule.check(_lines(step, context), context)]
        return _hindered(step, context)
    except Exception as error:  # noqa: BLE001 - a defect of one rule must not lose the claim
        on_error(rule, error)
        context.troubled.errors.append((rule.id, type(error).__name__))
        return [rule.unknown(RAISED)]


def _lines(step: Step, context: Context) -> Sequence[Line]:
    """The lines that wake a rule."""
    found = context.waking.get(step.wakes)
    if found is None:
        codes, modifiers = step.wakes
        found = context.waking[step.wakes] = [
            line
            for line in context.lines
            if (codes is None or line.code in codes) and (modifiers is None or not modifiers.isdisjoint(line.modifiers))
        ]
    return found


def _hindered(step: Step, context: Context) -> Sequence[Said]:
    """What a rule says that is not for every date, or is switched off or not known on some, or lacks a table."""
    rule, lines = step.rule, _lines(step, context)
    if step.is_dated:
        in_effect = step.terms.in_effect
        lines = [line for line in lines if in_effect(line.service_date)]
    if not lines:
        return ()
    if step.missing:
        context.troubled.missing_tables.update(step.missing)
        return [rule.unknown(f"reference.{table}") for table in step.missing]
    said: list[Said] = []
    if step.overrides:
        left = [line for line in lines if not _is_disabled(step, line)]
        if len(left) < len(lines):
            said.append(rule.bypass(OVERRIDE))
        lines = left
    for name, parameter in step.unsure:
        left = [line for line in lines if parameter.on(line.service_date) is not None]
        if len(left) < len(lines):
            said.append(rule.unknown(f"parameter.{name}"))
        lines = left
    if lines:
        said += rule.check(lines, context)
    return said


def _is_disabled(step: Step, line: Line) -> bool:
    return any(each.effect == "disable" and each.in_effect(line.service_date) for each in step.overrides)


def _is_tried(found: Found, step: Step, context: Context) -> bool:
    """Whether a finding is information only, and lifts no other rule: nothing may hang on a rule that is tried."""
    return step.is_trial or any(each.effect == "try" for each in _overrides(found, step, context))


def _overrides(found: Found, step: Step, context: Context) -> Iterator[Override]:
    """The overrides in effect on all days of a finding."""
    if step.overrides:
        lines = [context.lines[index] for index in found.lines] or context.lines
        for override in step.overrides:
            if all(override.in_effect(line.service_date) for line in lines):
                yield override


def _priced(found: Found, step: Step, context: Context) -> Found:
    """With the severity that packs give it: their own in place of the rule's, at most that of an override."""
    severity = step.severity if found.severity == step.rule.severity else found.severity
    if _is_tried(found, step, context):
        severity = "info"
    for override in _overrides(found, step, context):
        severity = max(severity, override.severity, key=SEVERITIES.index)
    return found if severity == found.severity else replace(found, severity=severity)


def _after_bypass(rule: Rule, heard: Sequence[Said], lifting: Mapping[str, Sequence[Found]]) -> Iterator[Said]:
    """Take from each finding the lines on which a rule that bypasses this one has fired."""
    for one in heard:
        if not isinstance(one, Found):
            yield one
            continue
        left = one
        for other in rule.bypassed_by:
            fired = lifting.get(other, ())
            if not fired:
                continue
            covered = {line for found in fired for line in found.lines}
            rest = tuple(line for line in left.lines if line not in covered)
            lifted_as_one = rule.bypassed_whole and rest != left.lines
            if not left.lines or not rest or lifted_as_one or any(not found.lines for found in fired):
                yield rule.bypass(other)
                break
            left = replace(left, lines=rest)
        else:
            yield left


@lru_cache(AT_MOST)
def _bypassed(rule_id: str, by: str) -> Bypassed:
    return Bypassed(rule=rule_id, by=by)


@lru_cache(AT_MOST)
def _not_checked(rule_id: str, missing: str) -> NotChecked:
    return NotChecked(rule=rule_id, missing=missing)
