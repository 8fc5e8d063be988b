"""What stands on outcome topics: the latest decision of each event, one partition at a time."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from aiokafka import TopicPartition

from schemas.codec import parse_content_type
from schemas.decision import OUTCOMES, Outcome
from streams import headers as h
from streams.chunks import Record, Turn
from streams.delivery.linear import read, spans_between
from validators.decide import canonical_bytes

NOTHING = Decimal("0.00")


class SeenFinding(NamedTuple):
    """A finding: its rule, the dollars at risk, and a digest of all it says."""

    rule: str
    dollars: Decimal
    digest: bytes


class Seen(NamedTuple):
    """A decision as it stands on a topic. A test claim has no dollars."""

    event_id: str
    decision_id: str
    revision: int
    written_ms: int
    claim_id: str
    outcome: Outcome
    lines: int
    charge: Decimal
    at_risk: Decimal
    findings: tuple[SeenFinding, ...]


Latest = dict[str, Seen]
Wanted = Callable[[Mapping[str, str]], bool]


async def latest_of(consumer: Any, topics: Sequence[str], partition: int, wanted: Wanted = lambda _: True) -> Latest:
    """The decision of highest revision of each event in one partition of `topics`, from their first to last record.

    `wanted` looks at a record's headers, before its body is read.
    """
    spans = await spans_between(consumer, [TopicPartition(topic, partition) for topic in topics], None, None)
    latest: Latest = {}
    turn = Turn()
    async for records in read(consumer, spans):
        for record in records:
            _enter(record, latest, wanted)
            await turn.give()
    return latest


def _enter(record: Record, latest: Latest, wanted: Wanted) -> None:
    texts = h.texts(record.headers)
    kind = parse_content_type(texts.get(h.CONTENT_TYPE, ""))
    if kind is None or kind[0] != "decision" or not wanted(texts):
        return  # a withdrawal says nothing that the decision it makes way for does not
    seen = seen_in(json.loads(record.value or b""), record.timestamp)
    known = latest.get(seen.event_id)
    if known is None or (seen.revision, seen.written_ms) >= (known.revision, known.written_ms):
        latest[seen.event_id] = seen


def seen_in(decision: Mapping[str, Any], written_ms: int) -> Seen:
    """What is kept of a decision's body."""
    real = not decision["test"]
    return Seen(
        event_id=decision["event_id"],
        decision_id=decision["decision_id"],
        revision=decision["revision"],
        written_ms=written_ms,
        claim_id=decision["claim_id"],
        outcome=decision["outcome"],
        lines=len(decision["lines"]),
        charge=Decimal(decision["total_charge"]) if real else NOTHING,
        at_risk=Decimal(decision["amount_at_risk"]) if real else NOTHING,
        findings=tuple(
            SeenFinding(
                found["rule"],
                Decimal(found["amount_at_risk"]) if real else NOTHING,
                hashlib.sha256(canonical_bytes(found)).digest(),
            )
            for found in decision["findings"]
        ),
    )


@dataclass(slots=True)
class Totals:
    """What a replay's outputs add up to, each event counted once."""

    outcomes: Counter[str] = field(default_factory=Counter)
    charge: Decimal = NOTHING
    at_risk: Decimal = NOTHING

    def add(self, seen: Seen) -> None:
        """Count a decision."""
        self.outcomes[seen.outcome] += 1
        self.charge += seen.charge
        self.at_risk += seen.at_risk

    @property
    def claims(self) -> int:
        """How many distinct events were decided."""
        return self.outcomes.total()

    def as_object(self) -> dict[str, Any]:
        """For programs."""
        return {
            "claims": self.claims,
            "outcomes": {outcome: self.outcomes[outcome] for outcome in OUTCOMES},
            "total_charge": str(self.charge),
            "amount_at_risk": str(self.at_risk),
        }


async def totals(consumer: Any, topics: Sequence[str], partitions: int) -> Totals:
    """Count the outputs of a job from the topics themselves."""
    counted = Totals()
    for partition in range(partitions):
        for seen in (await latest_of(consumer, topics, partition)).values():
            counted.add(seen)
    return counted
