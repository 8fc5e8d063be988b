"""Claims for tests: changes laid over a default claim, decided one after another as the worker decides them."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from schemas.authorization import Authorization
from schemas.claim import Claim
from schemas.encounter import Encounter
from streams.deciding import Decided, Decider
from streams.intake.arrival import Arrived, ArrivedFact, Circumstances, arrive, arrive_fact
from streams.intake.items import ReadClaim, ReadFact, Span
from streams.sealing import Seal
from streams.state.entry import Moment
from streams.state.patients import Patients
from streams.tokens import BUILT_IN_KEY, Tokens
from validators.loading import load_ruleset
from validators.ruleset import Feed, Ruleset

Fields = Mapping[str, Any]
Fact = Authorization | Encounter
Write = Callable[..., Path]
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


def fed(feed: Feed) -> Ruleset:
    """The ruleset of a site to which authorizations are sent: none, partial or complete."""
    return replace(ruleset(), feeds={None: feed})


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


def facts_of(given: Fields, claim: Claim) -> list[Fact]:
    """The `authorizations` and `encounters` of a case; payer, member and day left out are those of its claim."""
    whose = {"payer_id": claim.payer.id, "member_id": claim.subscriber.member_id}
    session = {**whose, "service_date": LINE_DEFAULTS["service_date_from"]}
    return [
        *(Authorization.model_validate_json(json.dumps({**whose, **one})) for one in given.get("authorizations", ())),
        *(Encounter.model_validate_json(json.dumps({**session, **one})) for one in given.get("encounters", ())),
    ]


def an_authorization(claim: Claim, **fields: Any) -> Fact:
    """An approved authorization of the claim's member, with `fields` laid over it."""
    given = {"authorization_number": "A1", "status": "approved", **fields}
    return facts_of({"authorizations": [given]}, claim)[0]


def an_encounter(claim: Claim, **fields: Any) -> Fact:
    """A session of the claim's member on the day of its lines."""
    return facts_of({"encounters": [fields]}, claim)[0]


def line(procedure_code: str, *modifiers: str, **more: Any) -> dict[str, Any]:
    return {"procedure_code": procedure_code, "modifiers": list(modifiers), **more}


def arrived(claim: Claim, identity: str = "") -> Arrived:
    """The event of a claim; another `identity` makes another event of the same content."""
    item = ReadClaim(claim, (claim.model_dump_json().encode(), identity.encode()), Span(0, 0), "")
    return arrive(item, Circumstances(source=None), tokens())


def arrived_fact(fact: Fact, identity: str = "") -> ArrivedFact:
    """The event of a fact; another `identity` makes another event of the same content."""
    item = ReadFact(fact, (fact.model_dump_json().encode(), identity.encode()), Span(0, 0))
    return arrive_fact(item, Circumstances(source=None), tokens())


def event_id(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


DAY = date(2026, 6, 20)
"""On which everything arrives unless a test says otherwise."""


@cache
def seal() -> Seal:
    return Seal(BUILT_IN_KEY)


def nobody() -> Patients:
    """A partition in which nothing was met yet."""
    return Patients(seal(), ruleset().state)


@dataclass
class Desk:
    """Takes claims and facts one after another, as they stand in the log of a partition."""

    rules: Ruleset = field(default_factory=ruleset)
    keep_tests: bool = False
    patients: Patients = field(default_factory=nobody)
    position: int = 0
    day: date = DAY
    changelog: dict[bytes, bytes | None] = field(default_factory=dict)

    def take(self, event: Arrived | ArrivedFact) -> tuple[Decided, ...]:
        moment = Moment(self.position, self.day)
        taken = Decider(self.rules, keep_tests=self.keep_tests).take(event, moment, self.patients)
        self.changelog.update(taken.changes)
        self.position += 1
        return taken.decided

    def decide(self, claim: Claim, identity: str | None = None) -> Decided:
        (decided,) = self.take(arrived(claim, str(self.position) if identity is None else identity))
        return decided

    def note(self, fact: Fact, identity: str | None = None) -> tuple[Decided, ...]:
        """The decisions that the fact revises."""
        return self.take(arrived_fact(fact, str(self.position) if identity is None else identity))

    def rebuilt(self) -> "Desk":
        """As another worker has it from the changelog."""
        patients = nobody()
        for key, value in self.changelog.items():
            patients.restore(key, value)
        return replace(self, patients=patients)


def decided(
    claim: Claim, *, facts: Sequence[Fact] = (), history: Sequence[Claim] = (), rules: Ruleset | None = None
) -> Decided:
    desk = Desk(rules or ruleset())
    for fact in facts:
        desk.note(fact)
    for earlier in history:
        desk.decide(earlier)
    return desk.decide(claim)
