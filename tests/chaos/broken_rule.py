"""The built-in rules with one that raises for a tenth of the claims, always the same: for worker and recount."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

from validators.context import Context
from validators.loading import load_ruleset
from validators.rule import Rule
from validators.ruleset import Ruleset


def broken_ruleset(told: Callable[[], None] = lambda: None) -> Ruleset:
    """`told` is called each time. Under the version of the whole one: a defect has no version of its own."""
    ruleset = load_ruleset()
    asked = [rule for rule in ruleset.rules if rule.codes is None and rule.look is None]
    broken = max(asked, key=lambda rule: rule.every_claim)
    return replace(ruleset, rules=tuple(_broken(rule, told) if rule is broken else rule for rule in ruleset.rules))


def _broken(rule: Rule, told: Callable[[], None]) -> Rule:
    def check(lines: Sequence[Any], context: Context) -> Any:
        if sha256(context.claim.claim_id.encode()).digest()[0] < 26:
            told()
            raise ZeroDivisionError
        return rule.check(lines, context)

    return replace(rule, check=check)
