"""Claims for tests: changes laid over a default claim, decided one after another as the worker decides them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from schemas.claim import Claim
from streams.deciding import Decided, Decider
from streams.intake.arrival import Arrived, Circumstances, arrive
from streams.intake.items import ReadClaim, Span
from streams.state.patient import Patients
from streams.tokens import BUILT_IN_KEY, Tokens
from validators.loading import load_ruleset
from validators.ruleset import Ruleset

Fields = Mapping[str, Any]
LINE_DEFAULTS: Fields = {
    "modifiers": [],
    "charge": "100.00",
    "units": "1",
    "unit_type": "UN",
    "service_date_from": "2026-06-15",
    "service_date_to": None,
    "place_of_service": None,
    "diagnosis_pointers": [1],
}


@cache
def ruleset() -> Ruleset:
    return load_ruleset()


@cache
def tokens() -> Tokens:
    return Tokens(BUILT_IN_KEY, ruleset().payers)


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@cache
def default_claim() -> dict[str, Any]:
    claim: dict[str, Any] = read_yaml(Path(__file__).with_name("default_claim.yaml"))
    return claim


def laid_over(base: Any, change: Any) -> Any:
    """Objects are merged key by key; lists, scalars and nulls replace."""
    if isinstance(base, Mapping) and isinstance(change, Mapping):
        return {**base, **{key: laid_over(base.get(key), value) for key, value in change.items()}}
    return change


def completed(fields: Fields) -> dict[str, Any]:
    """The claim with what its lines leave out, and the sum of their charges where no total is given."""
    lines = [
        {"line_number": number, **LINE_DEFAULTS, **line} for number, line in enumerate(fields["service_lines"], start=1)
    ]
    total = sum((Decimal(line["charge"]) for line in lines), Decimal("0.00"))
    return {"total_charge": str(total), **fields, "service_lines": lines}


def claim_of(fields: Fields) -> Claim:
    return Claim.model_validate_json(json.dumps(completed(fields)))


def a_claim(**changes: Any) -> Claim:
    """The default claim with `changes` laid over it."""
    return claim_of(laid_over(default_claim(), changes))


def line(procedure_code: str, *modifiers: str, **more: Any) -> dict[str, Any]:
    return {"procedure_code": procedure_code, "modifiers": list(modifiers), **more}


def arrived(claim: Claim, identity: str = "") -> Arrived:
    """The event of a claim; another `identity` makes another event of the same content."""
    item = ReadClaim(claim, (claim.model_dump_json().encode(), identity.encode()), Span(0, 0), "")
    return arrive(item, Circumstances(source=None), tokens())


def event_id(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Desk:
    """Decides claims one after another, each with those before it as history."""

    rules: Ruleset = field(default_factory=ruleset)
    keep_tests: bool = False
    patients: Patients = field(default_factory=Patients)
    position: int = 0

    def decide(self, claim: Claim, identity: str | None = None) -> Decided:
        event = arrived(claim, str(self.position) if identity is None else identity)
        decided = Decider(self.rules, keep_tests=self.keep_tests).decide(event, self.position, self.patients)
        if decided.entry is not None:
            self.patients.add(event.patient_token, decided.entry)
        self.position += 1
        return decided


def decided(claim: Claim, *, history: Sequence[Claim] = (), rules: Ruleset | None = None) -> Decided:
    desk = Desk(rules or ruleset())
    for earlier in history:
        desk.decide(earlier)
    return desk.decide(claim)
