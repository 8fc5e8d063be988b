"""Validate: what a patient's log says becomes decisions on the topics of their outcomes, and entries in the state."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from pydantic import BaseModel, ValidationError

from schemas.authorization import Authorization
from schemas.claim import Claim
from schemas.codec import Kind, content_type
from schemas.encounter import Encounter
from schemas.purge import Purge
from schemas.withdrawal import Withdrawal
from streams import headers as h
from streams.chunks import Chunk, Outbox, Record, Turn
from streams.clock import day_of
from streams.deciding import Decided, Decider
from streams.intake.arrival import Arrived, ArrivedFact, ArrivedPurge
from streams.metrics import Metrics
from streams.state.entry import Moment
from streams.state.store import Store
from streams.tokens import TOKEN_LENGTH
from streams.topic_layout import Topics
from validators.decide import canonical_bytes, decision_bytes

_TOKEN = re.compile(f"[0-9a-f]{{{TOKEN_LENGTH}}}")
_EVENT_ID = re.compile("[0-9a-f]{64}")
_MILLISECONDS = re.compile("[0-9]{1,14}")

CE_SOURCE = "claimstream"

MODELS: dict[str, type[Claim | Authorization | Encounter | Purge]] = {
    content_type("claim"): Claim,
    content_type("authorization"): Authorization,
    content_type("encounter"): Encounter,
    content_type("purge"): Purge,
}


class NotInLogError(Exception):
    """A record of the patient log that we did not write; it goes to the dead letters as it is."""


class OutcomeTopics(Protocol):
    """Names the topics of decisions: the live ones, or those of a replay."""

    def outcome(self, outcome: str) -> str:
        """The topic of decisions with this outcome."""


@dataclass(frozen=True, slots=True)
class Validate:
    """What validate needs; an agent is `validate.work`."""

    topics: Topics
    decider: Decider
    store: Store
    metrics: Metrics

    async def work(self, chunk: Chunk, out: Outbox) -> None:
        """Take every record of the chunk, in order, with the state of its partition."""
        turn = Turn()
        patients = self.store.of(chunk.partition)
        decisions: list[tuple[Decided, int]] = []
        for record in chunk.records:
            logged = from_log(record)
            taken = self.decider.weigh(logged.arrived, logged.moment, patients)
            for decided in taken.decided:
                for topic, value, headers in records_of(decided, record, self.topics):
                    out.add(topic, chunk.partition, record.key, value, headers)
                decisions.append((decided, logged.arrived_ms))
            for change in taken.changes:
                out.add(self.topics.state_changelog, chunk.partition, *change)
            taken.enter(patients)  # last: a record that is put aside must leave no trace
            out.accounts_for(1)
            await turn.give()
        for change in patients.unwritten(chunk.progress.committed):
            out.add(self.topics.state_changelog, chunk.partition, *change)
        out.on_confirmed(patients.written)
        out.on_confirmed(lambda: self.metrics.decisions_confirmed(decisions))


def records_of(decided: Decided, record: Record, topics: OutcomeTopics) -> Iterator[tuple[str, bytes, h.Headers]]:
    """Topic, value and headers of what a decision is published as; `record` is what it was made of in the log.

    One that supersedes a decision of another outcome is followed by a withdrawal on the topic of that.
    """
    decision = decided.decision
    position = h.position(record.topic, record.partition, decided.position)
    event = {h.EVENT_ID: decision.event_id, h.POSITION: position}
    headers = _cloud_event("decision", decision.decision_id) | event
    yield topics.outcome(decision.outcome), decision_bytes(decision), h.written(headers)
    if decided.withdrawn_from is not None:
        assert decision.supersedes is not None
        withdrawal = Withdrawal(
            decision_id=decision.supersedes, event_id=decision.event_id, superseded_by=decision.decision_id
        )
        value = canonical_bytes(withdrawal.model_dump(mode="json"))
        headers = _cloud_event("withdrawal", hashlib.sha256(value).hexdigest()) | event
        yield topics.outcome(decided.withdrawn_from), value, h.written(headers)


def _cloud_event(kind: Kind, identity: str) -> dict[str, str]:
    return {
        h.CONTENT_TYPE: content_type(kind),
        "ce_specversion": "1.0",
        "ce_type": f"claimstream.{kind}",
        "ce_source": CE_SOURCE,
        "ce_id": identity,
    }


class Logged(NamedTuple):
    """A record of the log: what it says, its moment there, and the broker time in ms at which it was received."""

    arrived: Arrived | ArrivedFact | ArrivedPurge
    moment: Moment
    arrived_ms: int


def from_log(record: Record) -> Logged:
    """What a record of the patient log says. Raises NotInLogError for what we did not write."""
    texts = h.texts(record.headers)
    key = (record.key or b"").decode(errors="replace")
    event_id, person, arrived_ms = texts.get(h.EVENT_ID, ""), texts.get(h.PERSON, ""), texts.get(h.ARRIVED_MS, "")
    model = MODELS.get(texts.get(h.CONTENT_TYPE, ""))
    ours = _TOKEN.fullmatch(key) and _EVENT_ID.fullmatch(event_id) and _MILLISECONDS.fullmatch(arrived_ms)
    of_anyone = not person and model is not Claim  # a fact may hold for every person of a member
    if model is None or not ours or not (of_anyone or _TOKEN.fullmatch(person)):
        raise NotInLogError("a record of the patient log lacks the key and headers that intake writes")
    try:
        content: BaseModel = model.model_validate_json(record.value or b"")
    except ValidationError as error:
        raise NotInLogError("a record of the patient log is not in canonical form") from error
    arrived: Arrived | ArrivedFact | ArrivedPurge
    if isinstance(content, Claim):
        arrived = Arrived(content, event_id, key, person)
    elif isinstance(content, Authorization | Encounter):
        arrived = ArrivedFact(content, event_id, key, person)
    else:
        arrived = ArrivedPurge(event_id, key)
    return Logged(arrived, Moment(record.offset, day_of(int(arrived_ms))), int(arrived_ms))
