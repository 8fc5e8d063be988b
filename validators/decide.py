"""From what the rules found to the decision that is published: outcome, dollars, lines, and its own identity."""

import hashlib
import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from schemas.decision import (
    CONFIDENCES,
    OUTCOMES,
    Cause,
    Checks,
    Citation,
    Decision,
    Finding,
    LineOutcome,
    Outcome,
    Severity,
)
from validators.context import Context
from validators.engine import Evaluation
from validators.parameters import DatedValue
from validators.rule import Found, Rule
from validators.ruleset import Lcd, Ruleset
from validators.sources import MULTI_MAC_LCD

_OUTCOME_OF: dict[Severity, Outcome] = {"info": "accepted", "flag": "flagged", "deny": "denied-risk"}
_NOTHING = Decimal("0.00")
ID_FIELD = "decision_id"


def decide(
    context: Context,
    evaluation: Evaluation,
    *,
    patient_token: str,
    cause: Cause = "first-decision",
    revision: int = 0,
    supersedes: str | None = None,
) -> Decision:
    """The decision about the claim of `context`, content-addressed: the same input gives the same bytes and id."""
    claim, ruleset = context.claim, context.ruleset
    charges = [line.charge for line in claim.service_lines]
    severities = _severities(evaluation.findings, len(charges))
    outcomes = [_worst(found) for found in severities]
    at_risk = sum(
        (charge for charge, outcome in zip(charges, outcomes, strict=True) if outcome != "accepted"), _NOTHING
    )
    body = Decision(
        decision_id="",
        event_id=context.event.event_id,
        claim_id=claim.claim_id,
        source=claim.source,
        patient_token=patient_token,
        outcome=_worst([found.severity for found in evaluation.findings]),
        revision=revision,
        cause=cause,
        supersedes=supersedes,
        in_scope=context.in_scope,
        test=claim.test,
        ruleset=ruleset.version,
        reference_data=dict(ruleset.vintages),
        total_charge=claim.total_charge,
        amount_at_risk=at_risk,
        findings=tuple(_finding(found, context) for found in evaluation.findings),
        lines=tuple(
            LineOutcome(
                line_number=line.line_number,
                control_number=line.control_number,
                outcome=outcome,
                amount_at_risk=_NOTHING if outcome == "accepted" else line.charge,
            )
            for line, outcome in zip(claim.service_lines, outcomes, strict=True)
        ),
        checks=Checks(
            fail=evaluation.fail,
            passed=evaluation.passed,
            bypassed=evaluation.bypassed,
            not_checked=evaluation.not_checked,
        ),
    )
    return body.model_copy(update={ID_FIELD: content_id(body.model_dump(mode="json"))})


def canonical_bytes(body: dict[str, Any]) -> bytes:
    """JSON with sorted keys, no white space, UTF-8: the one way a body is written and hashed."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def content_id(body: dict[str, Any]) -> str:
    """SHA-256, in hex, of a decision body's canonical bytes without its own id."""
    return hashlib.sha256(canonical_bytes({k: v for k, v in body.items() if k != ID_FIELD})).hexdigest()


def decision_bytes(decision: Decision) -> bytes:
    """The decision as it stands on a topic and in `check --output json`."""
    return canonical_bytes(decision.model_dump(mode="json"))


def _severities(findings: Sequence[Found], line_count: int) -> list[list[Severity]]:
    """Per line, the severities of what was found on it or on the whole claim."""
    severities: list[list[Severity]] = [[] for _ in range(line_count)]
    for found in findings:
        for index in found.lines or range(line_count):
            severities[index].append(found.severity)
    return severities


def _worst(severities: Sequence[Severity]) -> Outcome:
    return max((_OUTCOME_OF[severity] for severity in severities), key=OUTCOMES.index, default="accepted")


def _finding(found: Found, context: Context) -> Finding:
    claim = context.claim
    lines = [claim.service_lines[index] for index in found.lines]
    if found.severity == "info":
        at_risk = _NOTHING
    elif lines:
        at_risk = sum((line.charge for line in lines), _NOTHING)
    else:
        at_risk = claim.total_charge
    rule = found.rule
    return Finding(
        rule=rule.id,
        name=rule.name,
        family=rule.family,
        severity=found.severity,
        message=found.message,
        suggestion=found.suggestion,
        lines=tuple(line.line_number for line in lines),
        at=found.at,
        observed=dict(found.observed),
        expected=dict(found.expected),
        carc=found.carc or rule.carc,
        rarc=rule.rarc if found.rarc is None else found.rarc,
        amount_at_risk=at_risk,
        citation=_citation(found, context),
    )


def citation_of(rule: Rule, ruleset: Ruleset, lcd: Lcd | None, on: date) -> Citation:
    """What a rule cites: the LCD and article of the state, if one is in force on the day, or its table's vintage."""
    cited = rule.citation
    if cited.document == MULTI_MAC_LCD.document:
        if lcd is None or (lcd.starts_on is not None and lcd.starts_on > on):
            return cited
        update = {
            "document": f"LCD {lcd.lcd} and article {lcd.article} ({lcd.contractor})",
            "effective": lcd.starts_on,
            "confidence": max((cited.confidence, lcd.confidence), key=CONFIDENCES.index),
        }
        return cited.model_copy(update=update)
    vintages = ruleset.vintages
    if vintage := next((vintages[table] for table in rule.tables if table in vintages), None):
        return cited.model_copy(update={"vintage": vintage})
    return cited


def _citation(found: Found, context: Context) -> Citation:
    """The source of the payer's own value, where one decided; else what the rule cites."""
    first_day = min([context.lines[index].service_date for index in found.lines] or context.service_days)
    if (own := _own_value(found, first_day, context)) is not None and own.source:
        cited = found.rule.citation
        return Citation(
            document=own.source,
            section=cited.section,
            effective=own.starts_on,
            confidence=own.confidence or cited.confidence,
        )
    return citation_of(found.rule, context.ruleset, context.lcd, first_day)


def _own_value(found: Found, on: date, context: Context) -> DatedValue | None:
    """The value of the claim's payer, not of everybody, that a finding rests on."""
    if found.rests_on is None:
        return None
    given = context.ruleset.terms[found.rule.id].parameters.get(context.payer_key, {})
    return given[found.rests_on].dated(on) if found.rests_on in given else None
