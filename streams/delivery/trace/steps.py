"""The way of one claim, found by its number in the records of the topics: records in, steps out.

trace = Trace(names, "PT-0001-02")
for topic in trace.topics:  # in this order: what is found in one tells what to look for in the next
    for record in ...: trace.take(record)
trace.events()
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import jiter

from schemas.codec import parse_content_type
from schemas.decision import OUTCOMES
from streams import headers as h
from streams.chunks import Record
from streams.replay.window import Bound
from streams.topic_layout import Topics

StepName = Literal["received", "parsed", "logged", "decided", "withdrawn", "dead-letter", "receipt"]
STEPS: tuple[StepName, ...] = ("received", "parsed", "logged", "decided", "withdrawn", "dead-letter", "receipt")


@dataclass(slots=True)
class Step:
    """One step of an event: where its record stands and when the broker got it, in ms; `told` is what it says.

    `sorted_ms` is when it is told of: what was found in a record belongs to that record, whenever it was written down.
    """

    name: StepName
    position: str
    at_ms: int
    told: dict[str, Any] = field(default_factory=dict)
    sorted_ms: int = 0

    def __post_init__(self) -> None:
        self.sorted_ms = self.sorted_ms or self.at_ms


@dataclass(slots=True)
class Event:
    """One event with the claim's number; `event_id` is None for a record that was never read."""

    event_id: str | None
    steps: list[Step] = field(default_factory=list)

    def ordered(self) -> list[Step]:
        """Its steps as they came."""
        return sorted(self.steps, key=lambda step: (step.sorted_ms, STEPS.index(step.name), step.position))

    def as_objects(self) -> Iterator[dict[str, Any]]:
        """Its steps for programs."""
        for step in self.ordered():
            at = str(Bound(instant_ms=step.at_ms)) if step.at_ms > 0 else None
            yield {"step": step.name, "event_id": self.event_id, "position": step.position, "at": at, **step.told}

    def has(self, *names: StepName) -> bool:
        """Whether one of these steps is known."""
        return any(step.name in names for step in self.steps)


class _Original(NamedTuple):
    """What a dead letter says of the record it was."""

    topic: str
    position: str
    at_ms: int


class Trace:
    """Takes the records of `topics`, topic by topic, and keeps what is about one claim number."""

    def __init__(self, names: Topics, claim_id: str) -> None:
        self.claim_id = claim_id
        self._names = names
        self._takers = {
            names.patient_events: self._logged,
            **dict.fromkeys(map(names.outcome, OUTCOMES), self._outcome),
            names.patient_events_dlt: self._letter,
            names.received_dlt: self._letter,
            names.manifests: self._manifest,
            names.acknowledgements: self._receipt,
        }
        self._events: dict[str, Event] = {}
        self._origins: dict[str, list[tuple[Event, int]]] = {}
        self._quoted = json.dumps(claim_id, ensure_ascii=False).encode(errors="replace")
        escaped, number = json.dumps(claim_id).encode(), claim_id.encode(errors="replace")
        # A dead letter may be of any format and broken: JSON with the number as a text, or X12 with it in CLM01.
        forms = tuple(map(re.escape, (self._quoted, escaped, number)))
        self._in_letters = re.compile(rb"%b|%b|CLM(.)%b(?:\1|[~\r\n]|$)" % forms, re.DOTALL)

    @property
    def topics(self) -> Sequence[str]:
        """What to read, in this order."""
        return tuple(self._takers)

    def take(self, record: Record) -> None:
        """Look at one record; one that is not what its topic holds tells nothing, and `audit` counts it."""
        with suppress(KeyError, TypeError, AttributeError):
            self._takers[record.topic](record, record.value or b"")

    def events(self) -> list[Event]:
        """The events found, in order of the log; those that never came there by their first time."""

        def place(event: Event) -> tuple[int, int, str]:
            first = event.ordered()[0]
            logged = [step for step in event.steps if step.name == "logged"]
            return (first.sorted_ms, min((step.at_ms for step in logged), default=first.at_ms), first.position)

        return sorted(self._events.values(), key=place)

    def _logged(self, record: Record, value: bytes) -> None:
        if self._quoted not in value:
            return
        texts = h.texts(record.headers)
        claim, kind = _object(value), parse_content_type(texts.get(h.CONTENT_TYPE, ""))
        if kind is None or kind[0] != "claim" or claim.get("claim_id") != self.claim_id:
            return
        event = self._event(texts.get(h.EVENT_ID))
        arrived = texts.get(h.ARRIVED_MS, "")
        if h.ORIGIN in texts:
            self._received(
                event, texts[h.ORIGIN], int(arrived) if arrived.isascii() and arrived.isdigit() else record.timestamp
            )
        event.steps.append(Step("logged", _position(record), record.timestamp))

    def _outcome(self, record: Record, value: bytes) -> None:
        texts = h.texts(record.headers)
        event_id = texts.get(h.EVENT_ID, "")
        if event_id not in self._events and self._quoted not in value:
            return
        body, kind = _object(value), parse_content_type(texts.get(h.CONTENT_TYPE, ""))
        if kind is not None and kind[0] == "withdrawal" and event_id in self._events:
            told = {name: body.get(name) for name in ("decision_id", "superseded_by")}
            self._events[event_id].steps.append(Step("withdrawn", _position(record), record.timestamp, told))
        elif kind is not None and kind[0] == "decision" and body.get("claim_id") == self.claim_id:
            self._decided(self._event(event_id or body.get("event_id")), record, body)

    def _decided(self, event: Event, record: Record, body: Mapping[str, Any]) -> None:
        for step in event.steps:
            if step.name == "decided" and step.told["decision_id"] == body["decision_id"]:
                step.told["repeated"] += 1  # the same bytes again
                return
        names = ("decision_id", "outcome", "revision", "cause", "supersedes", "total_charge", "amount_at_risk")
        rules = list(dict.fromkeys(found["rule"] for found in body["findings"]))
        told = {name: body[name] for name in names} | {"ruleset": body["ruleset"], "rules": rules, "repeated": 0}
        event.steps.append(Step("decided", _position(record), record.timestamp, told))

    def _letter(self, record: Record, value: bytes) -> None:
        texts = h.texts(record.headers)
        event_id = texts.get(h.EVENT_ID)
        if event_id not in self._events and not self._in_letters.search(value):
            return
        original = _original(texts)
        event = self._event(event_id, original.position)
        if original.topic == self._names.received:
            self._received(event, original.position, original.at_ms)
        elif not event.has("logged"):
            event.steps.append(Step("logged", original.position, original.at_ms))
        told = {
            "code": texts.get("dlt-exception-code", ""),
            "message": texts.get("dlt-exception-message", ""),
            "place": texts.get("dlt-at", ""),
        }
        event.steps.append(Step("dead-letter", _position(record), record.timestamp, told))

    def _manifest(self, record: Record, value: bytes) -> None:
        if not self._origins:
            return
        manifest = _object(value)
        listed = {*manifest.get("event_ids", ()), *(each["event_id"] for each in manifest.get("rejections", ()))}
        for event, received_ms in self._origins.get(manifest.get("position", ""), ()):
            if event.event_id not in listed or any(
                step.told.get("record") == manifest["position"] for step in event.steps
            ):
                continue  # another part, or the same once more
            told = {"record": manifest["position"]}
            told |= {name: manifest[name] for name in ("source", "format", "items")}
            event.steps.append(Step("parsed", _position(record), record.timestamp, told, received_ms))

    def _receipt(self, record: Record, value: bytes) -> None:
        event_id = h.texts(record.headers).get(h.EVENT_ID)
        for event in self._events.values():
            if event.event_id and (event.event_id == event_id or event.event_id.encode() in value):
                event.steps.append(Step("receipt", _position(record), record.timestamp))

    def _received(self, event: Event, position: str, at_ms: int) -> None:
        if all(step.position != position for step in event.steps):
            event.steps.append(Step("received", position, at_ms))
            self._origins.setdefault(position, []).append((event, at_ms))

    def _event(self, event_id: str | None, position: str = "") -> Event:
        return self._events.setdefault(event_id or position, Event(event_id))


def _position(record: Record) -> str:
    return h.position(record.topic, record.partition, record.offset)


def _object(value: bytes) -> Mapping[str, Any]:
    """The JSON object of a record; an empty one for anything else."""
    try:
        found = jiter.from_json(value, cache_mode="keys")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _original(texts: Mapping[str, str]) -> _Original:
    topic, partition, offset, at = (
        texts.get(f"dlt-original-{name}", "") for name in ("topic", "partition", "offset", "timestamp")
    )
    return _Original(topic, f"{topic}:{partition}:{offset}", int(at) if at.isascii() and at.isdigit() else 0)
