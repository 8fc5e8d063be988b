"""The recount: what must be decided, revised, withdrawn and kept of a patient, worked out anew from the whole log.

Single-threaded, slow and obvious, to be read beside section 5 of the contract. Nothing is folded: for every record all
earlier records of the patient are looked at again. Of the worker it uses only what is not on trial, the rules
(`evaluate`) and the form of a decision (`decide`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Literal

from schemas.authorization import Authorization
from schemas.claim import Claim
from schemas.decision import Cause, Decision
from schemas.purge import Purge
from tests.recount.known import Known, Used, known, sessions_of, used_of
from tests.recount.standing import VOID, History, Stand, history_of, stand_of
from tests.recount.told import Told, months_before
from validators.context import Context, Event
from validators.decide import decide
from validators.engine import evaluate
from validators.history import PastClaim, PastLine, Relation, Role
from validators.ruleset import Ruleset

Keeps = Literal["claim", "fact", "purge", "nothing"]
"""What is kept of an event besides that it was met."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What a claim sees when it is judged: the earlier claims of its person and how it stands to them."""

    history: History
    stand: Stand

    @cached_property
    def claims(self) -> tuple[Told, ...]:
        """Those whose lines it is judged against; not those it takes out, nor the 7 that came before its original."""
        left_out = (*self.stand.takes_out, self.stand.meant_by)
        return tuple(each for each in self.history.counting if each.in_scope and each not in left_out)

    def used(self, number: str) -> Used:
        """What they have used of an authorization."""
        return used_of(number, self.claims)

    def sessions(self, *claims: Told) -> dict[str, set[date]]:
        """The sessions of its person by spinal region, with those of more claims."""
        return sessions_of((*self.claims, *claims))


@dataclass(eq=False)
class CountedContext(Context):
    """What rules see of a claim, with the history of the recount in place of the worker's."""

    told: Told | None = None
    seen: Seen | None = None

    @property
    def role(self) -> Role:  # type: ignore[override] # cached there
        """Who bills, as the recount has it."""
        assert self.told is not None
        return self.told.role

    @cached_property
    def relation(self) -> Relation:
        """How the claim stands to those before it, as the recount has it."""
        assert self.seen is not None
        stand = self.seen.stand
        removes = tuple(each.event_id for each in stand.takes_out)
        return Relation(removes, stand.meant_by.event_id if stand.meant_by else None, stand.unresolved)

    @cached_property
    def earlier_lines(self) -> tuple[tuple[PastClaim, PastLine], ...]:
        """The lines the claim is judged against, as the recount has them."""
        assert self.seen is not None
        past = ((each, as_past(each)) for each in self.seen.claims)
        return tuple((claim, line) for _, claim in past for line in claim.lines)


@dataclass(eq=False)
class Met:
    """An event that was new where it stood, what is kept of it, and what was decided of it so far.

    One that was forgotten and comes again is new once more.

    `decided` holds the decisions of a claim by revision, each with the position of the record that caused it; `gone`
    are the events a purge has taken away.
    """

    told: Told
    keeps: Keeps
    seen: Seen | None = None
    decided: list[tuple[int, Decision]] = field(default_factory=list)
    redecidable: bool = False
    gone: tuple[str, ...] = ()

    @property
    def position(self) -> int:
        """Where it stood."""
        return self.told.position


@dataclass(frozen=True)
class Withdrawn:
    """A withdrawal: of which claim, from the topic of which outcome, which decision, superseded by which."""

    position: int
    outcome: str
    decision_id: str
    event_id: str
    superseded_by: str


@dataclass(eq=False)
class PatientRecount:
    """What must have become of the log of one patient.

    `answers` says of each record of a claim, by position, which event it is: the record itself, or the one it repeats.
    """

    ruleset: Ruleset
    met: list[Met] = field(default_factory=list)
    answers: dict[int, Met] = field(default_factory=dict)
    withdrawals: list[Withdrawn] = field(default_factory=list)

    def read(self, log: Iterable[Told]) -> "PatientRecount":
        """Take the records of the patient's log, in its order."""
        for told in log:
            before = self._met_before(told)
            if before is not None:
                if isinstance(told.says, Claim):
                    self.answers[told.position] = before
                continue  # the same event again changes nothing and repeats what was decided
            if isinstance(told.says, Claim):
                self._decide_first(told)
            elif isinstance(told.says, Purge):
                self.met.append(Met(told, "purge", gone=self._known_at(told)))
            else:
                self._revise(told)
                self.met.append(Met(told, "fact"))
        return self

    def state(self) -> dict[str, list[Met]]:
        """What is kept in the end, by event id; of an event that was forgotten and came again each of them."""
        events: dict[str, list[Met]] = {}
        for met in self.met:
            events.setdefault(met.told.event_id, []).append(met)
        return events

    def people(self) -> set[str]:
        """The persons of whom claims are kept."""
        return {met.told.person for met in self.met if met.keeps == "claim"}

    def at_end(self, person: str, on: date) -> tuple[Seen, Known]:
        """What a claim of a person would see that arrived on a day after everything else."""
        end = max(met.position for met in self.met) + 1
        history = history_of(self._claims_before(end, on, person))
        return Seen(history, Stand()), known(self._facts_before(end, on, person))

    def _decide_first(self, told: Told) -> None:
        claims = self._claims_before(told.position, told.arrived_on, told.person)
        history = history_of(claims)
        seen = Seen(history, stand_of(told, history))
        enters = told.in_scope or told.claim.frequency_code in ("7", "8") or seen.stand != Stand()
        met = Met(told, "claim" if enters and not told.claim.test else "nothing", seen)
        met.redecidable = met.keeps == "claim" and told.in_scope and told.claim.frequency_code != VOID
        facts = self._facts_before(told.position, told.arrived_on, told.person)
        met.decided.append((told.position, self._judge(met, facts, "first-decision")))
        self.answers[told.position] = met
        self.met.append(met)

    def _revise(self, fact: Told) -> None:
        """Decide anew what an authorization or encounter that came late changes."""
        cause: Cause = "late-authorization" if isinstance(fact.says, Authorization) else "late-encounter"
        for met in self.met:
            if not (met.redecidable and self._reaches(fact, met.told)):
                continue
            facts = self._facts_before(fact.position, met.told.arrived_on, met.told.person)
            _, last = met.decided[-1]
            without = self._judge(met, facts, last.cause)
            anew = self._judge(met, [*facts, fact], cause)
            if anew.findings == without.findings:
                continue
            anew = self._judge(met, [*facts, fact], cause, revision=len(met.decided), supersedes=last.decision_id)
            met.decided.append((fact.position, anew))
            if anew.outcome != last.outcome:
                self.withdrawals.append(
                    Withdrawn(met.position, last.outcome, last.decision_id, anew.event_id, anew.decision_id)
                )

    def _reaches(self, fact: Told, claim: Told) -> bool:
        """Whether a claim is re-decidable when a fact arrives, and of a person the fact is about."""
        days = timedelta(days=self.ruleset.state.revision_days)
        return (
            claim.position > self._purged_before(fact.position)
            and claim.arrived_on >= fact.arrived_on - days
            and fact.person in ("", claim.person)
        )

    def _judge(
        self, met: Met, facts: Sequence[Told], cause: Cause, *, revision: int = 0, supersedes: str | None = None
    ) -> Decision:
        told = met.told
        event = Event(told.event_id, told.position, str)  # numbers stand for themselves here
        context = CountedContext(told.claim, self.ruleset, event, facts=known(facts), told=told, seen=met.seen)
        return decide(
            context,
            evaluate(context),
            patient_token=told.patient,
            cause=cause,
            revision=revision,
            supersedes=supersedes,
        )

    # What a record sees of those before it

    def _claims_before(self, position: int, on: date, person: str) -> list[Told]:
        """The earlier claims of a person that arrived within the look-back before a day.

        The same claim twice, where the first had been forgotten by a record that came before its time, counts once.
        """
        begin, since = self._purged_before(position), self._look_back(on)
        claims = [
            met.told
            for met in self.met
            if met.keeps == "claim" and met.told.person == person
            if begin < met.position < position and met.told.arrived_on >= since
        ]
        last = {claim.event_id: claim for claim in claims}
        return [claim for claim in claims if last[claim.event_id] is claim]

    def _facts_before(self, position: int, on: date, person: str) -> list[Told]:
        """The facts before a position, about a person or any, that arrived within the look-back before a day."""
        begin, since = self._purged_before(position), self._look_back(on)
        return [
            met.told
            for met in self.met
            if met.keeps == "fact" and met.told.person in ("", person)
            if begin < met.position < position and met.told.arrived_on >= since
        ]

    def _met_before(self, told: Told) -> Met | None:
        """The same event, when it was met before and is not forgotten."""
        same = [met for met in self.met if met.told.event_id == told.event_id and self._is_known(met, told)]
        return same[-1] if same else None

    def _known_at(self, told: Told) -> tuple[str, ...]:
        """The events that are not forgotten when a record arrives, in order of their ids."""
        known = {met.told.event_id for met in self.met if met.keeps != "purge" and self._is_known(met, told)}
        return tuple(sorted(known))

    def _is_known(self, met: Met, at: Told) -> bool:
        """Whether an event is not forgotten when a record arrives: one of which nothing is kept is so sooner."""
        days = timedelta(days=self.ruleset.state.revision_days)
        since = at.arrived_on - days if met.keeps == "nothing" else self._look_back(at.arrived_on)
        seen = met.position > self._purged_before(at.position) and met.told.arrived_on >= since
        return met.keeps == "purge" or seen

    def _purged_before(self, position: int) -> int:
        """The position of the last purge before another one: nothing up to there is seen."""
        return max(
            (each.position for each in self.met if each.keeps == "purge" and each.position < position), default=-1
        )

    def _look_back(self, on: date) -> date:
        return months_before(on, self.ruleset.state.look_back_months)


def as_past(told: Told) -> PastClaim:
    """A claim as rules see it among earlier ones; numbers stand for themselves."""
    claim = told.claim
    return PastClaim(
        told.event_id,
        told.position,
        told.role,
        claim.source,
        claim.billing_provider.npi,
        claim.claim_id,
        claim.original_reference,
        claim.frequency_code,
        told.in_scope,
        tuple(
            PastLine(each.code, each.modifiers, each.on, each.rendering_npi, each.units, each.authorization)
            for each in told.services
        ),
    )


def recount(log: Iterable[Told], ruleset: Ruleset) -> dict[str, PatientRecount]:
    """The recount of the log of a partition, by patient token."""
    patients: dict[str, list[Told]] = {}
    for told in log:
        patients.setdefault(told.patient, []).append(told)
    return {token: PatientRecount(ruleset).read(told) for token, told in patients.items()}
