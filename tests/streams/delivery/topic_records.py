"""Records as they stand on the topics, made by hand: the smallest that say what they must."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.codec import content_type
from streams.topic_layout import Topics

NAMES = Topics("by-hand.")


@dataclass(frozen=True)
class Made:
    topic: str
    partition: int
    offset: int
    value: bytes | None = b""
    headers: Sequence[tuple[str, bytes]] = ()
    timestamp: int = 2000
    key: bytes | None = None

    @property
    def position(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"


def event(name: object) -> str:
    return hashlib.sha256(str(name).encode()).hexdigest()


def texts(**headers: str) -> list[tuple[str, bytes]]:
    return [(name.replace("_", "-"), text.encode()) for name, text in headers.items()]


def received(offset: int, value: bytes | None = b"a record", partition: int = 0) -> Made:
    return Made(NAMES.received, partition, offset, value)


def manifest(
    of: Made,
    claims: Sequence[str] = (),
    *,
    facts: Sequence[str] = (),
    rejected: Sequence[str] = (),
    part: int = 0,
    parts: int = 1,
    items: int | None = None,
    offset: int = 0,
) -> Made:
    body = {
        "position": of.position,
        "sha256": hashlib.sha256(of.value or b"").hexdigest(),
        "items": len(claims) + len(rejected) if items is None else items,
        "part": part,
        "parts": parts,
        "source": "s",
        "format": "json",
        "event_ids": claims,
        "fact_ids": facts,
        "rejections": [{"index": index, "event_id": each} for index, each in enumerate(rejected)],
    }
    return Made(NAMES.manifests, 0, offset, json.dumps(body).encode())


def logged(event_id: str, of: Made, offset: int, kind: Any = "claim", claim_id: str = "C-1") -> Made:
    headers = texts(content_type=content_type(kind), cs_event_id=event_id, cs_origin=of.position, cs_arrived_ms="1000")
    value = json.dumps({"claim_id": claim_id}, separators=(",", ":"), ensure_ascii=False).encode()
    return Made(NAMES.patient_events, 0, offset, value, headers)


def decision(event_id: str, offset: int, outcome: str = "accepted", revision: int = 0, **more: Any) -> Made:
    body = {
        "event_id": event_id, "claim_id": "C-1", "outcome": outcome, "revision": revision, "cause": "first-decision",
        "supersedes": None, "decision_id": event(f"{event_id}{revision}"), "total_charge": "100.00", "findings": [],
        "amount_at_risk": "0.00", "ruleset": {"sha256": "rules", "version": "2026.11"}, **more,
    }  # fmt: skip
    headers = texts(content_type=content_type("decision"), cs_event_id=event_id)
    value = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return Made(NAMES.outcome(outcome), 0, offset, value, headers)


@dataclass
class Letters:
    """Dead letters, one behind the other on each topic."""

    ends: dict[str, int] = field(default_factory=dict)

    def of(
        self,
        original: Made,
        event_id: str = "",
        *,
        code: str = "unprocessable",
        value: bytes | None = None,
        first: Made | None = None,
        of_item: bool | None = None,
    ) -> Made:
        """A letter of a record, or of an item in it; `first` is the record that failed first, where it was redriven."""
        of_item = code != "unprocessable" if of_item is None else of_item
        topic = NAMES.dlt_of(original.topic)
        offset = self.ends[topic] = self.ends.get(topic, -1) + 1
        headers = texts(
            dlt_original_topic=original.topic,
            dlt_original_partition=str((first or original).partition),
            dlt_original_offset=str((first or original).offset),
            dlt_position=original.position,
            dlt_of="item" if of_item else "record",
            dlt_original_timestamp="1000",
            dlt_exception_code=code,
            dlt_exception_message=f"it is {code}",
            dlt_at="/somewhere",
            dlt_sha256=hashlib.sha256((first or original).value or b"").hexdigest(),
        )
        value = value if value is not None else b"" if of_item else original.value
        return Made(topic, 0, offset, value, [*headers, *(texts(cs_event_id=event_id) if event_id else [])])
