"""Take a record of a patient's log: the step the worker, `check` and replay share.

A claim is decided at its place in the log; an authorization or encounter that came late decides claims anew; all of
them leave an entry in the state. Pure but for the state it is given: the same log, ruleset and key give the same bytes.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from schemas.authorization import Authorization
from schemas.decision import Cause, Decision, Outcome
from streams.codes_only import codes_only_claim, codes_only_fact
from streams.intake.arrival import Arrived, ArrivedFact, ArrivedPurge
from streams.state.claim_body import body_of, claim_of
from streams.state.entry import Entry, Issued, Moment, Purge, Redecidable, seen_since
from streams.state.patients import Change, Patients
from validators.context import Context, Event
from validators.decide import decide
from validators.engine import Evaluation, OnError, evaluate, unheard
from validators.facts import Facts
from validators.history import PastClaim, Relation
from validators.ruleset import Ruleset


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision, and what it leaves in the state.

    `position` is where its claim stands in the log. `redelivered` says that it repeats a decision of before.
    `withdrawn_from` is the outcome under which the decision was published that this one supersedes, where it differs.
    """

    decision: Decision
    context: Context
    evaluation: Evaluation
    position: int
    entry: Entry | None
    redelivered: bool
    withdrawn_from: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What a record of the log gave: decisions to publish, entries for the state, and the changes that hold them."""

    patient_token: str
    decided: tuple[Decided, ...]
    entries: tuple[Entry, ...]
    changes: tuple[Change, ...]

    def enter(self, patients: Patients) -> None:
        """Enter what the record says into the state."""
        for entry, change in zip(self.entries, self.changes, strict=True):
            patients.enter(self.patient_token, entry, change)


@dataclass(frozen=True, slots=True)
class _Posed:
    """A claim at its place in the log with what came before it, to be judged.

    `entry` is what it leaves in the state, but for the decisions about it; None of an event that was met before.
    """

    context: Context
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class Decider:
    """Decides claims under one ruleset. `keep_tests` enters test claims into history too, as `check` does."""

    ruleset: Ruleset
    keep_tests: bool = False
    on_error: OnError = unheard

    def take(self, arrived: Arrived | ArrivedFact | ArrivedPurge, moment: Moment, patients: Patients) -> Taken:
        """Decide what a record of the log gives reason to, and enter what it says into the state."""
        taken = self.weigh(arrived, moment, patients)
        taken.enter(patients)
        return taken

    def weigh(self, arrived: Arrived | ArrivedFact | ArrivedPurge, moment: Moment, patients: Patients) -> Taken:
        """What `take` gives, with nothing entered yet: `patients` is read only."""
        token = arrived.patient_token
        decided: tuple[Decided, ...] = ()
        if isinstance(arrived, Arrived):
            decided, entries = (self.decide(arrived, moment, patients),), []
        elif isinstance(arrived, ArrivedFact):
            fact, known = self._fact_entry(arrived, moment, patients)
            decided, entries = tuple(self._revisions(fact, token, patients, known=known)), [] if known else [fact]
        else:
            entries = self._purge_entries(arrived, moment, patients)
        entries += [each.entry for each in decided if each.entry is not None]
        whole = tuple(patients.of(token).whole(entries))
        return Taken(token, decided, whole, tuple(patients.change(token, entry) for entry in whole))

    def enter(self, arrived: Arrived | ArrivedFact | ArrivedPurge, moment: Moment, patients: Patients) -> None:
        """Enter what a record of the log says and judge nothing: the state `take` leaves, but for decisions."""
        if isinstance(arrived, Arrived):
            entry = self._posed(arrived, moment, patients).entry
            entries = [] if entry is None else [entry]
        elif isinstance(arrived, ArrivedFact):
            fact, known = self._fact_entry(arrived, moment, patients)
            entries = [] if known else [fact]
        else:
            entries = self._purge_entries(arrived, moment, patients)
        for entry in patients.of(arrived.patient_token).whole(entries):
            patients.put(arrived.patient_token, entry)

    def decide(self, arrived: Arrived, moment: Moment, patients: Patients) -> Decided:
        """The first decision about a claim that stands at `moment` in the log, with the history before it.

        An event met before is decided as it was then. `patients` is read only.
        """
        posed = self._posed(arrived, moment, patients)
        evaluation = self._judge(posed.context)
        decision = self._decision(posed.context, evaluation, arrived.patient_token)
        entry = posed.entry
        if entry is not None and entry.redecidable is not None:
            first = Issued(entry.position, decision.decision_id, decision.outcome)
            entry = entry._replace(redecidable=entry.redecidable.with_issued(first))
        redelivered = posed.entry is None
        return Decided(decision, posed.context, evaluation, moment.position, entry, redelivered=redelivered)

    def _posed(self, arrived: Arrived, moment: Moment, patients: Patients) -> _Posed:
        token = arrived.patient_token
        patient = patients.of(token)
        known = patient.known(arrived.event_id, moment)
        claim = codes_only_claim(arrived.claim, token)
        if known is not None:
            claim = claim.model_copy(update={"received_on": known.received_on})
            moment = known.moment
        history, facts = patient.history(arrived.person, moment), patient.facts(arrived.person, moment)
        context = Context(claim, self.ruleset, _event(arrived.event_id, moment.position, token), history, facts)
        if known is not None:
            return _Posed(context, None)
        entry = Entry(arrived.event_id, moment, claim.received_on, arrived.person)
        if self._enters_history(context):
            entry = entry._replace(claim=context.past)
            if context.all_rules_apply:
                entry = entry._replace(redecidable=Redecidable(patients.seal.close(body_of(claim)), ()))
        return _Posed(context, entry)

    @staticmethod
    def _fact_entry(arrived: ArrivedFact, moment: Moment, patients: Patients) -> tuple[Entry, bool]:
        """What an authorization or encounter adds to the state, as of when it was first met; whether it was before."""
        known = patients.of(arrived.patient_token).known(arrived.event_id, moment)
        if known is not None:
            return known, True
        fact = codes_only_fact(arrived.fact, arrived.patient_token)
        entry = Entry(arrived.event_id, moment, person=arrived.person)
        if isinstance(fact, Authorization):
            return entry._replace(authorization=fact), False
        return entry._replace(encounter=fact), False

    @staticmethod
    def _purge_entries(arrived: ArrivedPurge, moment: Moment, patients: Patients) -> list[Entry]:
        patient = patients.of(arrived.patient_token)
        met = patient.entries.get(arrived.event_id)
        if met is not None:  # at this place, it is read again: what it took away may have come again since
            return [met] if met.position == moment.position else []
        # Not what merely has not been swept out yet: the proof is a function of the log, as all else is.
        gone = sorted(entry.event_id for entry in patient.purged_at(moment))
        proof = Purge(len(gone), hashlib.sha256("".join(gone).encode()).hexdigest())
        return [Entry(arrived.event_id, moment, purge=proof)]

    def _revisions(self, fact: Entry, token: str, patients: Patients, *, known: bool) -> Iterator[Decided]:
        """The claims that a fact decides otherwise than they were, each as of the fact."""
        patient = patients.of(token)
        for entry, past, redecidable in patient.reopened(fact.person, fact.moment):
            if not _concerns(fact, past):
                continue
            claim = claim_of(patients.seal.open(redecidable.sealed))
            history = patient.history(entry.person, entry.moment)
            facts = patient.facts(entry.person, fact.moment, seen_since(entry.arrived_on, self.ruleset.state))
            # Judged without the fact and with it: what else changed since, such as a rule, is no reason to revise.
            event = _event(entry.event_id, entry.position, token)
            without = self._judge(Context(claim, self.ruleset, event, history, facts))
            context = Context(claim, self.ruleset, event, history, _with(facts, fact))
            evaluation = self._judge(context)
            if without.findings == evaluation.findings:
                continue
            issued = [each for each in redecidable.issued if each.position < fact.position]
            decision = self._decision(
                context,
                evaluation,
                token,
                cause="late-authorization" if fact.authorization else "late-encounter",
                revision=len(issued),
                supersedes=issued[-1].decision_id,
            )
            one_more = redecidable.with_issued(Issued(fact.position, decision.decision_id, decision.outcome))
            before = issued[-1].outcome
            yield Decided(
                decision,
                context,
                evaluation,
                entry.position,
                entry._replace(redecidable=one_more),
                redelivered=known,
                withdrawn_from=before if before != decision.outcome else None,
            )

    def _judge(self, context: Context) -> Evaluation:
        return evaluate(context, self.on_error)

    def _decision(
        self,
        context: Context,
        evaluation: Evaluation,
        token: str,
        *,
        cause: Cause = "first-decision",
        revision: int = 0,
        supersedes: str | None = None,
    ) -> Decision:
        return decide(
            context,
            evaluation,
            patient_token=token,
            cause=cause,
            revision=revision,
            supersedes=supersedes,
        )

    def _enters_history(self, context: Context) -> bool:
        """In-scope claims do, and others that take a claim out of history, that may, or that one was waiting for."""
        if context.claim.test and not self.keep_tests:
            return False
        return context.in_scope or context.relation != Relation()  # a 7 or 8 always stands to something, or waits


def _concerns(fact: Entry, claim: PastClaim) -> bool:
    """Whether any rule could read the fact on the claim: an encounter is of the day of one of its lines."""
    return fact.encounter is None or fact.encounter.service_date in claim.dates


def _with(facts: Facts, fact: Entry) -> Facts:
    authorizations = (fact.authorization,) if fact.authorization else ()
    encounters = (fact.encounter,) if fact.encounter else ()
    return Facts((*facts.authorizations, *authorizations), (*facts.encounters, *encounters))


def reference_of(number: str, patient_token: str) -> str:
    """The token of a number of a claim or an authorization, by which it is known again only within the member."""
    return hashlib.sha256(f"{patient_token}\0{number}".encode()).hexdigest()[:32]


def _event(event_id: str, position: int, patient_token: str) -> Event:
    """The event of a claim."""

    def reference(number: str) -> str:
        return reference_of(number, patient_token)

    return Event(event_id, position, reference)
