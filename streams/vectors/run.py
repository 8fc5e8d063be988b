"""Run vectors: decide the claim of a case as the worker would, and tell where its rule does not stand as expected.

`first_failure` runs those of one rule and stops at the first that fails: what mutation testing asks of a mutant.
"""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from pydantic import ValidationError

from schemas.claim import Claim
from schemas.decision import Checks, Decision, Finding
from streams.deciding import Decided, Decider, Taken
from streams.intake.arrival import Arrived, ArrivedFact, Circumstances, arrive, arrive_fact
from streams.intake.items import ReadClaim, ReadFact, Span
from streams.sealing import Seal
from streams.state.entry import Moment
from streams.state.patients import Patients
from streams.tokens import BUILT_IN_KEY, Tokens
from streams.vectors.cases import (
    ASKED,
    Case,
    Expectation,
    Fact,
    Table,
    VectorError,
    as_json,
    claim_of,
    default_claim,
    file_of,
    laid_over,
    read_vectors,
)
from validators.decide import decision_bytes
from validators.engine import OnError, unheard
from validators.loading import load_ruleset
from validators.pack import EncounterNeed, Feed, PackError
from validators.rule import Rule
from validators.ruleset import Ruleset

DAY = date(2026, 6, 20)
"""On which everything arrives."""


def arrived(claim: Claim, tokens: Tokens, identity: str) -> Arrived:
    """The event of a claim; another `identity` makes another event of the same content."""
    item = ReadClaim(claim, (claim.model_dump_json().encode(), identity.encode()), Span(0, 0), "")
    return arrive(item, Circumstances(source=None), tokens)


def arrived_fact(fact: Fact, tokens: Tokens, identity: str) -> ArrivedFact:
    """The event of an authorization or encounter, as `arrived`."""
    item = ReadFact(fact, (fact.model_dump_json().encode(), identity.encode()), Span(0, 0))
    return arrive_fact(item, Circumstances(source=None), tokens)


@dataclass
class Bench:
    """Takes claims and facts one after another, as they stand in the log of a partition."""

    rules: Ruleset
    patients: Patients
    tokens: Tokens
    keep_tests: bool = False
    position: int = 0
    day: date = DAY
    on_error: OnError = unheard

    def taken(self, event: Arrived | ArrivedFact) -> Taken:
        """What the next record of the log gives."""
        decider = Decider(self.rules, keep_tests=self.keep_tests, on_error=self.on_error)
        taken = decider.take(event, Moment(self.position, self.day), self.patients)
        self.position += 1
        return taken

    def decide(self, claim: Claim, identity: str | None = None) -> Decided:
        """The decision about a claim; without `identity` it is an event of its own."""
        identity = str(self.position) if identity is None else identity
        (decided,) = self.taken(arrived(claim, self.tokens, identity)).decided
        return decided

    def note(self, fact: Fact, identity: str | None = None) -> tuple[Decided, ...]:
        """The decisions that a fact revises."""
        identity = str(self.position) if identity is None else identity
        return self.taken(arrived_fact(fact, self.tokens, identity)).decided


class Wrong(NamedTuple):
    """Something a case asks about, and does not see as expected."""

    what: str
    expected: Any
    seen: Any


class Verdict(NamedTuple):
    """A case, run; `raised` tells where the rule itself raised an error, and which."""

    rule: str
    case: Case
    wrong: tuple[Wrong, ...]
    raised: str | None

    @property
    def failed(self) -> bool:
        """Whether anything is not as expected."""
        return bool(self.wrong)


@dataclass
class Runner:
    """Runs cases under one ruleset; `twice`: the same event once more, which has to give the same decision."""

    ruleset: Ruleset
    twice: bool = True
    _seal: Seal = field(default_factory=lambda: Seal(BUILT_IN_KEY))
    _sites: dict[tuple[Feed, EncounterNeed, str, tuple[Table, ...]], Ruleset] = field(default_factory=dict)

    def run(self, rule_id: str, case: Case) -> Verdict:
        """Decide the claim of a case, and judge. Raises VectorError."""
        raised: list[str] = []

        def note_error(rule: Rule, error: Exception) -> None:
            if rule.id == rule_id:
                raised.append(_told(error))

        site = self._site(case)
        patients, tokens = Patients(self._seal, site.state), Tokens(BUILT_IN_KEY, site.payers)
        bench = Bench(site, patients, tokens, on_error=note_error)
        claim, earlier, facts, later = _given(rule_id, case)
        for fact in facts:
            bench.note(fact)
        for other in earlier:
            bench.decide(other)
        first = bench.decide(claim, "event").decision
        wrong = [*_differences(case.expect, rule_id, first)]
        revisions = [each.decision for fact in later for each in bench.note(fact)]
        if self.twice and decision_bytes(first) != decision_bytes(bench.decide(claim, "event").decision):
            wrong.append(Wrong("the same event again", "the same decision", "another"))
        if case.revised is not None:
            last = [first, *(each for each in revisions if each.event_id == first.event_id)][-1]
            wrong += (each._replace(what=f"revised {each.what}") for each in _differences(case.revised, rule_id, last))
        return Verdict(rule_id, case, tuple(wrong), raised[0] if raised else None)

    def _site(self, case: Case) -> Ruleset:
        """The ruleset of a site with the packs and tables of the case, to which is sent what the case says.

        Vectors tell what a rule finds where it counts; on trial is what the packs of the case put there.
        """
        site = (case.feed, case.encounter_facts, as_json(case.packs), case.unloaded)
        if site not in self._sites:
            rules = self.ruleset if case.packs is None else replace(_laid_over(case), rules=self.ruleset.rules)
            tried = {name for name, said in (case.packs or {}).get("rules", {}).items() if "stage" in said}
            self._sites[site] = replace(
                rules,
                terms={
                    name: terms if name in tried else replace(terms, stage="stable")
                    for name, terms in rules.terms.items()
                },
                feeds={None: case.feed},
                encounter_needs={None: case.encounter_facts},
                reference=replace(rules.reference, **dict.fromkeys(case.unloaded)),
            )
        return self._sites[site]


def _laid_over(case: Case) -> Ruleset:
    """The built-in ruleset with the packs of a case. Raises VectorError."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "case.yaml").write_text(as_json(case.packs))  # which is YAML, too
        try:
            return load_ruleset(Path(folder))
        except PackError as error:
            raise VectorError(f"vectors, case {case.name!r}: {error}") from error


def first_failure(rule_id: str, ruleset: Ruleset | None = None, file: Path | None = None) -> Verdict | None:
    """The first vector of a rule that fails; None when all are as expected. Raises VectorError."""
    runner = Runner(ruleset or load_ruleset(), twice=False)
    verdicts = (runner.run(rule_id, case) for case in read_vectors(file or file_of(rule_id)).cases)
    return next((verdict for verdict in verdicts if verdict.failed), None)


def _given(rule_id: str, case: Case) -> tuple[Claim, list[Claim], list[Fact], list[Fact]]:
    """The claim, earlier ones, what is known, and what comes later."""
    try:
        fields = laid_over(default_claim(), case.given)
        claim = claim_of(fields)
        earlier = [claim_of(laid_over(fields, each)) for each in case.history]
        return claim, earlier, case.of(claim), case.later.of(claim)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise VectorError(f"vectors of {rule_id}, case {case.name!r}, {where}: {first['msg']}") from error


def _differences(expect: Expectation, rule_id: str, decision: Decision) -> Sequence[Wrong]:
    """Where a rule does not stand as expected; where its status differs, nothing else can agree."""
    asked = {"status": expect} if isinstance(expect, str) else expect
    standing = _standing(rule_id, decision.checks)
    if standing != asked["status"]:
        return [Wrong("status", asked["status"], standing)]
    seen = _seen([finding for finding in decision.findings if finding.rule == rule_id])
    return [Wrong(what, wanted, seen[what]) for what, wanted in asked.items() if what in seen and wanted != seen[what]]


def _standing(rule_id: str, checks: Checks) -> str:
    """Where the ledger has a rule, in the words of vectors."""
    if rule_id in checks.fail:
        return "fail"
    for bypassed in checks.bypassed:
        if bypassed.rule == rule_id:
            return f"bypassed by {bypassed.by}"
    for not_checked in checks.not_checked:
        if not_checked.rule == rule_id:
            return f"not_checked missing {not_checked.missing}"
    return "pass" if rule_id in checks.passed else "not_applicable"


def _seen(findings: Sequence[Finding]) -> dict[str, Any]:
    """What a case may ask about findings, of which there is one at least when it asks."""
    if not findings:
        return {}
    return findings[0].model_dump(mode="json", include=set(ASKED)) | {
        "lines": sorted({number for finding in findings for number in finding.lines}),
        "findings": len(findings),
    }


def _told(error: Exception) -> str:
    """What an error says and where it was raised, for the author of the rule: vectors hold no person."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(where.filename).name}, line {where.lineno})"
