"""Decide a claim at its place in the patient's log: the step the worker, `check` and replay share.

Pure but for the state it is given: the same log, ruleset and key give the same bytes.
"""

import hashlib
from dataclasses import dataclass

from schemas.authorization import Authorization
from schemas.claim import Claim
from schemas.decision import Decision
from streams.codes_only import codes_only_claim, codes_only_fact
from streams.intake.arrival import Arrived, ArrivedFact
from streams.state.patient import Entry, KnownEvent, Patients
from validators.context import Context, is_in_scope, past_claim
from validators.decide import decide
from validators.engine import Evaluation, OnError, evaluate, unheard
from validators.facts import authorization_facts, encounter_facts
from validators.history import REPLACEMENT, VOID, Relation
from validators.ruleset import Ruleset


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision and what it leaves in the state, for the caller to enter; a redelivered event leaves nothing new."""

    decision: Decision
    context: Context
    evaluation: Evaluation
    entry: Entry | None

    @property
    def redelivered(self) -> bool:
        """Whether the event had been met before."""
        return self.entry is None


@dataclass(frozen=True, slots=True)
class Decider:
    """Decides claims under one ruleset. `keep_tests` enters test claims into history too, as `check` does."""

    ruleset: Ruleset
    keep_tests: bool = False
    on_error: OnError = unheard

    def decide(self, arrived: Arrived, position: int, patients: Patients) -> Decided:
        """The decision about a claim at `position` of its partition's log, with the history before it.

        An event met before is decided as it was then. `patients` is read only.
        """
        patient = patients.of(arrived.patient_token)
        known = patient.known(arrived.event_id, position)
        claim = codes_only_claim(arrived.claim, arrived.patient_token)
        if known is not None:
            claim = claim.model_copy(update={"received_on": known.received_on})
            position = known.position
        in_scope = is_in_scope(claim)
        past = past_claim(
            claim,
            arrived.event_id,
            position,
            in_scope=in_scope,
            claim_ref=_reference(arrived.patient_token, claim.claim_id),
            original_ref=_reference(arrived.patient_token, claim.original_reference or ""),
        )
        history, facts = patient.history(arrived.person, position), patient.facts_of(arrived.person, position)
        context = Context(claim, self.ruleset, past, history, facts)
        evaluation = evaluate(context, self.ruleset, self.on_error)
        decision = decide(
            claim,
            evaluation,
            self.ruleset,
            event_id=arrived.event_id,
            patient_token=arrived.patient_token,
            in_scope=in_scope,
        )
        if known is not None:
            return Decided(decision, context, evaluation, None)
        kept = past if self._enters_history(claim, context) else None
        entry = Entry(arrived.event_id, KnownEvent(position, claim.received_on), arrived.person, kept)
        return Decided(decision, context, evaluation, entry)

    @staticmethod
    def entry_of_fact(arrived: ArrivedFact, position: int, patients: Patients) -> Entry | None:
        """What an authorization or encounter at `position` adds to the state; None when it had been met before."""
        if patients.of(arrived.patient_token).known(arrived.event_id, position) is not None:
            return None
        known, fact = KnownEvent(position, None), codes_only_fact(arrived.fact, arrived.patient_token)
        if isinstance(fact, Authorization):
            return Entry(arrived.event_id, known, arrived.person, authorization=authorization_facts(fact))
        return Entry(arrived.event_id, known, arrived.person, encounter=encounter_facts(fact))

    def _enters_history(self, claim: Claim, context: Context) -> bool:
        """In-scope claims do, and others that take a claim out of history, that may, or that one was waiting for."""
        if claim.test and not self.keep_tests:
            return False
        return context.in_scope or claim.frequency_code in (REPLACEMENT, VOID) or context.relation != Relation()


def _reference(patient_token: str, number: str) -> str | None:
    """A claim number as history keeps it: enough to know it again, only within the member."""
    if not number:
        return None
    return hashlib.sha256(f"{patient_token}\0{number}".encode()).hexdigest()[:32]
