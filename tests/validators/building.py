"""Claims for tests: changes laid over a default claim, decided one after another as the worker decides them."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.claim import Claim
from streams.deciding import Decided, Taken
from streams.intake.arrival import Arrived, ArrivedFact
from streams.sealing import Seal
from streams.state.patients import Patients
from streams.tokens import BUILT_IN_KEY, Tokens
from streams.vectors import run
from streams.vectors.cases import Fact, Fields, GivenFacts, claim_of, completed, default_claim, laid_over
from streams.vectors.run import DAY
from validators.loading import load_ruleset
from validators.pack import PackError
from validators.ruleset import Feed, Ruleset

__all__ = ["DAY", "claim_of", "completed", "default_claim", "laid_over"]
FACTS = ("authorizations", "encounters")
Write = Callable[..., Path]


@cache
def ruleset() -> Ruleset:
    return load_ruleset()


def refusal(packs: Path | None = None) -> str:
    """What is said of packs that are refused: of a folder laid over the built-in ones, or of those alone."""
    with pytest.raises(PackError) as refused:
        load_ruleset(packs)
    return str(refused.value)


def fed(feed: Feed) -> Ruleset:
    """The ruleset of a site to which authorizations are sent: none, partial or complete."""
    return replace(ruleset(), feeds={None: feed})


@cache
def tokens() -> Tokens:
    return Tokens(BUILT_IN_KEY, ruleset().payers)


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def a_claim(**changes: Any) -> Claim:
    """The default claim with `changes` laid over it."""
    return claim_of(laid_over(default_claim(), changes))


def facts_of(given: Fields, claim: Claim) -> list[Fact]:
    """The `authorizations` and `encounters` of a case; payer, member and day left out are those of its claim."""
    return GivenFacts.model_validate({name: given[name] for name in FACTS if name in given}).of(claim)


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
    return run.arrived(claim, tokens(), identity)


def arrived_fact(fact: Fact, identity: str = "") -> ArrivedFact:
    """The event of a fact; another `identity` makes another event of the same content."""
    return run.arrived_fact(fact, tokens(), identity)


def event_id(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def seal() -> Seal:
    return Seal(BUILT_IN_KEY)


def nobody() -> Patients:
    """A partition in which nothing was met yet."""
    return Patients(seal(), ruleset().state)


@dataclass
class Desk(run.Bench):
    """Takes claims and facts one after another, as they stand in the log of a partition, and keeps the changelog."""

    rules: Ruleset = field(default_factory=ruleset)
    patients: Patients = field(default_factory=nobody)
    tokens: Tokens = field(default_factory=tokens)
    changelog: dict[bytes, bytes | None] = field(default_factory=dict)

    def taken(self, event: Arrived | ArrivedFact) -> Taken:
        taken = super().taken(event)
        self.changelog.update(taken.changes)
        return taken

    def take(self, event: Arrived | ArrivedFact) -> tuple[Decided, ...]:
        return self.taken(event).decided

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
