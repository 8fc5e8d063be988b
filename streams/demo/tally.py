"""What became of every item, counted from the records of the topics alone: the account a demo or a test stands on.

    tally = Tally(Topics("demo."))
    for record in records:  # of tally.topics, any order between topics
        tally.take(record)
    tally.account()

Items count by event id. An event that stood in an earlier item of the manifests is redelivered; one that has neither
a decision nor a dead letter is lost. A redrive brings nothing new: the item it is of was received when it first came,
and is no dead letter any more once it is decided.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from schemas.codec import parse_content_type
from schemas.decision import OUTCOMES, Outcome
from streams import headers as h
from streams.topics import Topics

ORIGINAL = ("dlt-original-topic", "dlt-original-partition", "dlt-original-offset")
CODE = "dlt-exception-code"


class TopicRecord(Protocol):
    """A record as an aiokafka consumer gives it."""

    @property
    def topic(self) -> str:
        """Its topic."""

    @property
    def partition(self) -> int:
        """Its partition there."""

    @property
    def offset(self) -> int:
        """Its offset there."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """Its headers."""

    @property
    def value(self) -> bytes | None:
        """Its value."""


@dataclass(frozen=True, slots=True)
class Account:
    """Where the items went. `lost` is what is left over: nothing sets it to what it should be."""

    received: int
    accepted: int
    flagged: int
    denied_risk: int
    dead_letters: int
    redelivered: int

    @property
    def lost(self) -> int:
        """Items without a decision or a dead letter."""
        told = self.accepted + self.flagged + self.denied_risk + self.dead_letters + self.redelivered
        return self.received - told

    def as_object(self) -> dict[str, int]:
        """The summary line of `claimstream demo --output json`."""
        return {**asdict(self), "lost": self.lost}


class SeenFinding(NamedTuple):
    """A finding that costs money, with the claim it was met on; `claim_id` stands on the claim as sent."""

    claim_id: str
    rule: str
    name: str
    severity: str
    message: str
    suggestion: str
    dollars: Decimal
    citation: Mapping[str, Any]


@dataclass(slots=True)
class RuleTotal:
    """A rule over all decisions: claims it fired on, dollars at risk, and the dearest example."""

    claims: int
    dollars: Decimal
    example: SeenFinding


class _Decided(NamedTuple):
    outcome: Outcome
    revision: int
    findings: tuple[SeenFinding, ...]


@dataclass(slots=True)
class Tally:
    """Takes in records of the topics, repeated ones included, and accounts for all items at any time."""

    names: Topics
    _parts: set[tuple[str, int]] = field(default_factory=set)
    _missing_parts: dict[str, int] = field(default_factory=dict)
    _items: int = 0
    _events: set[str] = field(default_factory=set)
    _redriven: set[str] = field(default_factory=set)
    _redrives: set[str] = field(default_factory=set)
    _decided: dict[str, _Decided] = field(default_factory=dict)
    _dead: dict[str, str] = field(default_factory=dict)
    _unread: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics whose records it wants."""
        names = self.names
        return (*map(names.outcome, OUTCOMES), names.manifests, names.received_dlt, names.patient_events_dlt)

    def take(self, record: TopicRecord) -> None:
        """Count a record. One met before, or of another topic, changes nothing."""
        names = self.names
        if record.topic == names.manifests:
            self._manifest(json.loads(record.value or b""))
        elif record.topic in (names.received_dlt, names.patient_events_dlt):
            self._dead_letter(record)
        elif record.topic in map(names.outcome, OUTCOMES):
            self._decision(record)

    def _manifest(self, manifest: Mapping[str, Any]) -> None:
        """A part of a manifest; a record whose parts came again, or was read again, counts once."""
        position, part = manifest["position"], manifest["part"]
        if (position, part) in self._parts:
            return
        self._parts.add((position, part))
        ids = [*manifest["event_ids"], *(rejected["event_id"] for rejected in manifest["rejections"])]
        if manifest["redrive_of"] is not None:
            self._redrives.add(manifest["redrive_of"])
            self._redriven.update(ids)
            return
        left = self._missing_parts.get(position, manifest["parts"]) - 1
        self._missing_parts[position] = left
        self._items += len(ids)
        self._events.update(ids)

    def _dead_letter(self, record: TopicRecord) -> None:
        texts = h.texts(record.headers)
        # What our own code failed on has no event id: the place it first had in its topic tells it from others.
        position, code = ":".join(texts.get(name, "") for name in ORIGINAL), texts.get(CODE, "")
        if h.EVENT_ID not in texts and texts.get(ORIGINAL[0]) == self.names.received:
            self._unread[h.position(record.topic, record.partition, record.offset)] = position, code
        else:
            self._dead[texts.get(h.EVENT_ID) or position] = code

    def _decision(self, record: TopicRecord) -> None:
        texts = h.texts(record.headers)
        kind = parse_content_type(texts.get(h.CONTENT_TYPE, ""))
        if kind is None or kind[0] != "decision":
            return  # a withdrawal: the decision it makes way for says the same
        decision = json.loads(record.value or b"")
        event_id = texts.get(h.EVENT_ID) or decision["event_id"]
        known = self._decided.get(event_id)
        if known is None or decision["revision"] > known.revision:
            findings = tuple(_findings(decision))
            self._decided[event_id] = _Decided(decision["outcome"], decision["revision"], findings)

    def account(self) -> Account:
        """The account of all that was taken in so far."""
        outcomes = Counter(decided.outcome for decided in self._decided.values())
        unread = self._still_unread()
        return Account(
            # A record our own code failed on is one item; read at last, it has those that no manifest told of before.
            received=self._items + len(unread) + len(self._redriven - self._events),
            accepted=outcomes["accepted"],
            flagged=outcomes["flagged"],
            denied_risk=outcomes["denied-risk"],
            dead_letters=len(unread) + len(self._dead.keys() - self._decided.keys()),
            redelivered=self._items - len(self._events),
        )

    @property
    def lost_events(self) -> list[str]:
        """The event ids that have neither a decision nor a dead letter."""
        return sorted((self._events | self._redriven) - self._decided.keys() - self._dead.keys())

    @property
    def records_read(self) -> int:
        """Received records that are accounted for in full: all parts of the manifest, or a dead letter of the whole."""
        whole = sum(1 for left in self._missing_parts.values() if left == 0)
        return whole + len({position for position, _ in self._unread.values()} - self._missing_parts.keys())

    @property
    def dead_letter_causes(self) -> Counter[str]:
        """How many dead letters each code has."""
        dead = Counter(code for event_id, code in self._dead.items() if event_id not in self._decided)
        return dead + Counter(self._still_unread().values())

    def _still_unread(self) -> dict[str, str]:
        """The records that only have dead letters of the whole, by the place they first had, and why."""
        read = {position for letter, (position, _) in self._unread.items() if letter in self._redrives}
        read |= self._missing_parts.keys()
        return {position: code for position, code in self._unread.values() if position not in read}

    def rule_totals(self) -> dict[str, RuleTotal]:
        """What each rule that flags or denies found, dearest first."""
        totals: dict[str, RuleTotal] = {}
        for decided in self._decided.values():
            counted: set[str] = set()
            for found in decided.findings:
                total = totals.setdefault(found.rule, RuleTotal(0, Decimal(0), found))
                total.claims += found.rule not in counted
                total.dollars += found.dollars
                total.example = max(total.example, found, key=lambda each: (each.dollars, each.claim_id))
                counted.add(found.rule)
        return dict(sorted(totals.items(), key=lambda item: (-item[1].dollars, item[0])))


def _findings(decision: Mapping[str, Any]) -> list[SeenFinding]:
    return [
        SeenFinding(
            claim_id=decision["claim_id"],
            rule=found["rule"],
            name=found["name"],
            severity=found["severity"],
            message=found["message"],
            suggestion=found["suggestion"],
            dollars=Decimal(found["amount_at_risk"]),
            citation=found["citation"],
        )
        for found in decision["findings"]
        if found["severity"] != "info"
    ]
