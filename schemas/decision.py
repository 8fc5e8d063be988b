"""What was decided about one claim, and why (contract section 5). No name, member id or free text of the claim."""

from typing import Literal, get_args

from pydantic import ConfigDict, Field, JsonValue

from schemas.base import Day, Money, Record

Outcome = Literal["accepted", "flagged", "denied-risk"]
Severity = Literal["deny", "flag", "info"]
Cause = Literal["first-decision", "late-authorization", "late-encounter"]
Confidence = Literal["found", "second-hand", "memory-high", "memory-medium", "memory-low"]

OUTCOMES: tuple[Outcome, ...] = ("accepted", "flagged", "denied-risk")
SEVERITIES: tuple[Severity, ...] = ("deny", "flag", "info")
CONFIDENCES: tuple[Confidence, ...] = get_args(Confidence)
"""The surest first."""


class Citation(Record):
    """Where the bound comes from, and how sure that is."""

    document: str
    section: str | None = None
    effective: Day | None = None
    vintage: str | None = None
    confidence: Confidence


class Finding(Record):
    """One thing wrong with the claim: what was seen, the bound, the fix, the price in US dollars."""

    rule: str
    name: str
    family: str
    severity: Severity
    message: str
    suggestion: str
    lines: tuple[int, ...]
    at: str | None
    observed: dict[str, JsonValue]
    expected: dict[str, JsonValue]
    carc: str | None
    rarc: tuple[str, ...]
    amount_at_risk: Money
    citation: Citation


class LineOutcome(Record):
    """The worst that was found on one service line or on the whole claim."""

    line_number: int
    control_number: str | None
    outcome: Outcome
    amount_at_risk: Money


class NotChecked(Record):
    """A rule that could not be decided, and the input it lacked."""

    rule: str
    missing: str


class Bypassed(Record):
    """A rule that would have fired, and what kept it from firing: a rule id, `modifier` or `override`."""

    rule: str
    by: str


class Checks(Record):
    """The ledger: every rule of the ruleset in at most one list; in none of them it is not applicable."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    fail: tuple[str, ...]
    passed: tuple[str, ...] = Field(alias="pass")
    bypassed: tuple[Bypassed, ...]
    not_checked: tuple[NotChecked, ...]


class RulesetVersion(Record):
    """The rules in force: their version and a SHA-256 over rules, packs and reference data."""

    version: str
    sha256: str


class Decision(Record):
    """The decision about one claim event; `decision_id` is the SHA-256 of its canonical bytes without that field."""

    decision_id: str
    event_id: str
    claim_id: str
    source: str
    patient_token: str
    outcome: Outcome
    revision: int
    cause: Cause
    supersedes: str | None
    in_scope: bool
    test: bool
    ruleset: RulesetVersion
    reference_data: dict[str, str]
    total_charge: Money
    amount_at_risk: Money
    findings: tuple[Finding, ...]
    lines: tuple[LineOutcome, ...]
    checks: Checks
