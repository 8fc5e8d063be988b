"""Intake: a received record becomes the claims in it, a manifest of what was found, and dead letters of the rest."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pydantic import BaseModel

from schemas.authorization import Authorization
from schemas.codec import Kind, content_type
from schemas.manifest import Manifest, ManifestRejection, ManifestWarning
from streams import headers as h
from streams.chunks import Chunk, Outbox, Record, Turn, partition_of
from streams.delivery.dead_letters import Event, Provenance, bundle_of, dead_letter_headers, redrive_of
from streams.intake.arrival import (
    DEFAULT_SOURCE,
    Arrived,
    ArrivedFact,
    Circumstances,
    arrive,
    arrive_fact,
    event_id,
)
from streams.intake.items import ReadClaim, ReadFact, Rejected
from streams.intake.reading import format_of, read_record
from streams.metrics import Metrics
from streams.tokens import Tokens
from streams.topic_layout import Layout, Topics

# One part has at most 121 kB each of event and fact ids and some 720 kB of rejections, within a batch of 1 MiB.
MANIFEST_ITEMS = 1800
MANIFEST_WARNINGS = 100


@dataclass(frozen=True, slots=True)
class Intake:
    """What intake needs; an agent is `intake.work`."""

    topics: Topics
    layout: Layout
    tokens: Tokens
    sources: frozenset[str]
    ruleset: str
    worker: str
    metrics: Metrics

    async def work(self, chunk: Chunk, out: Outbox) -> None:
        """Read every record of the chunk; outputs go to `out`, counts follow once the broker has them."""
        turn = Turn()
        for record in chunk.records:
            received = self._received(record)
            for item in read_record(
                record.value or b"",
                received.content_type,
                first_ordinal=received.first_ordinal,
                bundle=received.bundle,
            ):
                if isinstance(item, ReadClaim):
                    arrived = arrive(item, received.circumstances, self.tokens)
                    self._log("claim", arrived, arrived.claim, received, out)
                    received.event_ids.append(arrived.event_id)
                    received.unknown_fields += item.unknown_fields
                elif isinstance(item, ReadFact):
                    noted = arrive_fact(item, received.circumstances, self.tokens)
                    kind: Kind = "authorization" if isinstance(item.fact, Authorization) else "encounter"
                    self._log(kind, noted, noted.fact, received, out)
                    received.fact_ids.append(noted.event_id)
                    received.unknown_fields += item.unknown_fields
                elif isinstance(item, Rejected):
                    self._put_aside(item, received, out)
                elif len(received.warnings) < MANIFEST_WARNINGS:
                    received.warnings.append(ManifestWarning(message=item.message, at=item.at))
                await turn.give()
            for part in received.manifests():
                key = received.source.encode()
                partition = partition_of(key, self.layout.side_partitions)
                type_header = h.written({h.CONTENT_TYPE: content_type("manifest")})
                out.add(self.topics.manifests, partition, key, part.model_dump_json().encode(), type_header)
            out.accounts_for(1)
            out.on_confirmed(received.counted(self.metrics))

    def _received(self, record: Record) -> "_Received":
        texts = h.texts(record.headers)
        named = texts.get(h.SOURCE)
        source = named if named in self.sources and named is not None else DEFAULT_SOURCE
        redriven = redrive_of(record.topic, texts)
        circumstances = Circumstances(
            source=source,
            stated_on=h.day(texts.get(h.RECEIVED_ON)),
            original_on=h.day_of_timestamp(texts.get(h.ORIGINAL_TIMESTAMP)),
            fallback_on=h.day_of_timestamp(str(record.timestamp)),
        )
        return _Received(
            record,
            source,
            texts.get(h.CONTENT_TYPE),
            circumstances,
            first_ordinal=h.ordinal(texts.get(h.FIRST_CLAIM)),
            bundle=bundle_of(texts) if redriven else b"",
            redrive_of=redriven,
            unlisted_source=named not in (None, source),
        )

    def _log(
        self, kind: Kind, arrived: Arrived | ArrivedFact, content: BaseModel, received: "_Received", out: Outbox
    ) -> None:
        """Put a claim or fact into the log of its patient."""
        record = received.record
        key = arrived.patient_token.encode()
        headers = h.written(
            {
                h.CONTENT_TYPE: content_type(kind),
                h.EVENT_ID: arrived.event_id,
                h.PERSON: arrived.person,
                h.SOURCE: received.source,  # a fact does not say it, and its tenant makes the patient's token
                h.ORIGIN: h.position(record.topic, record.partition, record.offset),
                h.ARRIVED_MS: str(max(0, record.timestamp)),  # a broker without a time for it says -1
            }
        )
        body = content.model_dump_json(exclude_defaults=True).encode()
        out.add(self.topics.patient_events, partition_of(key, self.layout.partitions), key, body, headers)

    def _put_aside(self, item: Rejected, received: "_Received", out: Outbox) -> None:
        rejected_id = event_id(received.source, item.identity)
        index = received.items
        received.rejections.append(ManifestRejection(index=index, event_id=rejected_id, rejection=item.rejection))
        why = Provenance(
            code=item.rejection.code,
            message=item.rejection.message,
            at=item.rejection.at,
            span=(item.span.start, item.span.end),
            ruleset=self.ruleset,
            worker=self.worker,
            event=Event(rejected_id, item.first_ordinal, item.bundle),
        )
        headers = dead_letter_headers(received.record, why, self.sources)
        key = received.source.encode()
        partition = partition_of(key, self.layout.side_partitions)
        out.add(self.topics.received_dlt, partition, key, item.original, headers)


@dataclass(slots=True)
class _Received:
    """One received record while it is read."""

    record: Record
    source: str
    content_type: str | None
    circumstances: Circumstances
    first_ordinal: int
    bundle: bytes
    redrive_of: str | None
    unlisted_source: bool
    event_ids: list[str] = field(default_factory=list)
    fact_ids: list[str] = field(default_factory=list)
    rejections: list[ManifestRejection] = field(default_factory=list)
    warnings: list[ManifestWarning] = field(default_factory=list)
    unknown_fields: int = 0

    @property
    def items(self) -> int:
        return len(self.event_ids) + len(self.rejections)

    def manifests(self) -> Iterator[Manifest]:
        """What was found, in parts that fit a batch; at least one."""
        record = self.record
        value = record.value or b""
        form, sha256 = format_of(value, self.content_type), hashlib.sha256(value).hexdigest()
        size = max(len(self.event_ids), len(self.fact_ids), len(self.rejections))
        starts = range(0, max(size, 1), MANIFEST_ITEMS)
        for part, start in enumerate(starts):
            end = start + MANIFEST_ITEMS
            yield Manifest(
                position=h.position(record.topic, record.partition, record.offset),
                source=self.source,
                format=form,
                sha256=sha256,
                items=self.items,
                part=part,
                parts=len(starts),
                event_ids=tuple(self.event_ids[start:end]),
                fact_ids=tuple(self.fact_ids[start:end]),
                rejections=tuple(self.rejections[start:end]),
                warnings=tuple(self.warnings) if part == 0 else (),
                unknown_fields=self.unknown_fields,
                redrive_of=self.redrive_of,
            )

    def counted(self, metrics: Metrics) -> Callable[[], None]:
        """What to count once the broker has the outputs of this record."""
        form = format_of(self.record.value or b"", self.content_type)
        topic = self.record.topic

        def count() -> None:
            if self.unlisted_source:
                metrics.unlisted_sources.inc()
            metrics.received.labels(self.source, form).inc(self.items)
            if self.record.timestamp > 0:
                metrics.last_received.labels(self.source).set(self.record.timestamp / 1000)
            metrics.unknown_fields.inc(self.unknown_fields)
            for rejected in self.rejections:
                code = rejected.rejection.code
                metrics.rejected.labels(form, code).inc()
                metrics.dead_letters.labels(f"{topic}-dlt", code).inc()

        return count
