"""Validate: each claim of a patient's log becomes a decision on the topic of its outcome, and an entry in the state."""

import re
from dataclasses import dataclass

from pydantic import ValidationError

from schemas.authorization import Authorization
from schemas.claim import Claim
from schemas.codec import content_type
from schemas.encounter import Encounter
from streams import headers as h
from streams.chunks import Chunk, Outbox, Record, Turn
from streams.deciding import Decided, Decider
from streams.intake.arrival import Arrived, ArrivedFact
from streams.metrics import Metrics
from streams.state import changelog
from streams.state.store import Store
from streams.tokens import TOKEN_LENGTH
from streams.topic_layout import Topics
from validators.decide import decision_bytes

_TOKEN = re.compile(f"[0-9a-f]{{{TOKEN_LENGTH}}}")
_EVENT_ID = re.compile("[0-9a-f]{64}")
_MILLISECONDS = re.compile("[0-9]{1,14}")

CE_SOURCE = "claimstream"
CE_TYPE = "claimstream.decision"


MODELS: dict[str, type[Claim | Authorization | Encounter]] = {
    content_type("claim"): Claim,
    content_type("authorization"): Authorization,
    content_type("encounter"): Encounter,
}


class NotInLogError(Exception):
    """A record of the patient log that intake did not write; it goes to the dead letters as it is."""


@dataclass(frozen=True, slots=True)
class Validate:
    """What validate needs; an agent is `validate.work`."""

    topics: Topics
    decider: Decider
    store: Store
    metrics: Metrics

    async def work(self, chunk: Chunk, out: Outbox) -> None:
        """Decide every claim of the chunk, in order, with the state of its partition; note what else it says."""
        turn = Turn()
        patients = self.store.of(chunk.partition)
        decisions: list[Decided] = []
        arrivals: list[int] = []
        for record in chunk.records:
            arrived, arrived_ms = from_log(record)
            if isinstance(arrived, ArrivedFact):
                entry = self.decider.entry_of_fact(arrived, record.offset, patients)
            else:
                decided = self.decider.decide(arrived, record.offset, patients)
                topic = self.topics.outcome(decided.decision.outcome)
                out.add(topic, record.partition, record.key, *decision_record(decided, record))
                entry = decided.entry
                decisions.append(decided)
                arrivals.append(arrived_ms)
            if entry is not None:
                key = changelog.key_of(arrived.patient_token, arrived.event_id)
                out.add(self.topics.state_changelog, chunk.partition, key, changelog.encode(entry))
                patients.add(arrived.patient_token, entry)
            out.accounts_for(1)
            await turn.give()
        out.on_confirmed(lambda: self.metrics.decisions_confirmed(decisions, arrivals))


def decision_record(decided: Decided, record: Record) -> tuple[bytes, h.Headers]:
    """Value and headers of the record a decision is published as; `record` is where its claim stood in the log."""
    decision = decided.decision
    headers = h.written(
        {
            h.CONTENT_TYPE: content_type("decision"),
            "ce_specversion": "1.0",
            "ce_type": CE_TYPE,
            "ce_source": CE_SOURCE,
            "ce_id": decision.decision_id,
            h.EVENT_ID: decision.event_id,
            h.POSITION: h.position(record.topic, record.partition, record.offset),
        }
    )
    return decision_bytes(decision), headers


def from_log(record: Record) -> tuple[Arrived | ArrivedFact, int]:
    """The claim or fact of a record of the patient log, and the broker time in ms at which it was received.

    Raises NotInLogError for what intake did not write.
    """
    texts = h.texts(record.headers)
    key = (record.key or b"").decode(errors="replace")
    event_id, person, arrived_ms = texts.get(h.EVENT_ID, ""), texts.get(h.PERSON, ""), texts.get(h.ARRIVED_MS, "")
    model = MODELS.get(texts.get(h.CONTENT_TYPE, ""))
    ours = _TOKEN.fullmatch(key) and _EVENT_ID.fullmatch(event_id) and _MILLISECONDS.fullmatch(arrived_ms)
    of_anyone = not person and model is not Claim  # a fact may hold for every person of a member
    if model is None or not ours or not (of_anyone or _TOKEN.fullmatch(person)):
        raise NotInLogError("a record of the patient log lacks the key and headers that intake writes")
    try:
        content = model.model_validate_json(record.value or b"")
    except ValidationError as error:
        raise NotInLogError("a record of the patient log is not in canonical form") from error
    if isinstance(content, Claim):
        return Arrived(content, event_id, key, person), int(arrived_ms)
    return ArrivedFact(content, event_id, key, person), int(arrived_ms)
