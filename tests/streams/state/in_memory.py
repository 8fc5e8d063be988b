"""A log, its changelog and a worker between them, in memory; read as Kafka would be read."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from aiokafka import TopicPartition

from schemas.authorization import Authorization
from schemas.codec import Kind, content_type
from streams import headers as h
from streams.agents.validate import from_log
from streams.deciding import Decider
from streams.intake.arrival import Arrived, ArrivedFact
from streams.state.identity import KEY
from streams.state.patients import Change, Patients
from streams.state.purging import Request
from streams.topic_layout import Topics
from tests.validators.building import (
    a_claim,
    an_authorization,
    an_encounter,
    arrived,
    arrived_fact,
    line,
    nobody,
    ruleset,
)

NAMES = Topics()
PARTITION = 0
CLAIM = a_claim()
TOKEN = arrived(CLAIM).patient_token
EVENTS: list[Arrived | ArrivedFact | str] = [
    arrived(CLAIM, "first"),
    arrived(a_claim(claim_id="EX-2", service_lines=[line("64483")]), "second"),
    arrived(a_claim(frequency_code="7", service_lines=[line("62323", units="2")]), "replacement"),
    arrived(a_claim(frequency_code="8", service_lines=[line("99213")]), "void out of scope"),
    arrived(a_claim(service_lines=[line("99213")]), "out of scope, resubmits"),
    arrived(a_claim(claim_id="EX-3", service_lines=[line("99213")]), "out of scope"),
    arrived(a_claim(claim_id="EX-4", test=True), "test"),
    arrived(a_claim(claim_id="EX-5", subscriber={"member_id": "another"}), "another member"),
    arrived_fact(an_authorization(CLAIM, services=[{"procedure_code": "62323"}]), "authorization"),
    arrived_fact(an_encounter(CLAIM, guidance="none"), "encounter"),
    TOKEN,
]
"""What may come of a member, and a claim of another; a token alone is a request to purge it."""


@dataclass(frozen=True)
class Stored:
    topic: str
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    timestamp: int = 0
    partition: int = PARTITION


def milliseconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp() * 1000)


def logged(event: Arrived | ArrivedFact | str, offset: int, day: date) -> Stored:
    """An event as intake writes it into the log; of a token alone, the request to purge it."""
    if isinstance(event, str):
        request = Request.at(event, milliseconds(day) + offset)
        return Stored(NAMES.patient_events, offset, event.encode(), request.value, request.headers())
    content = event.claim if isinstance(event, Arrived) else event.fact
    kind: Kind = "claim"
    if isinstance(event, ArrivedFact):
        kind = "authorization" if isinstance(event.fact, Authorization) else "encounter"
    headers = {
        h.CONTENT_TYPE: content_type(kind),
        h.EVENT_ID: event.event_id,
        h.PERSON: event.person,
        h.ARRIVED_MS: str(milliseconds(day)),
    }
    body = content.model_dump_json(exclude_defaults=True).encode()
    return Stored(NAMES.patient_events, offset, event.patient_token.encode(), body, h.written(headers))


class Consumer:
    """Gives at most so many records of all partitions at a time."""

    def __init__(self, *partitions: Sequence[Any], firsts: dict[Any, int] | None = None, at_once: int = 3) -> None:
        self._records = {TopicPartition(each[0].topic, each[0].partition): each for each in partitions if each}
        self._firsts = firsts or {}
        self._positions: dict[Any, int] = {}
        self._at_once = at_once

    async def beginning_offsets(self, tps: Iterable[Any]) -> dict[Any, int]:
        return {tp: self._firsts.get(tp, 0) for tp in tps}

    async def end_offsets(self, tps: Iterable[Any]) -> dict[Any, int]:
        return {tp: self._end(tp) for tp in tps}

    def assign(self, tps: Iterable[Any]) -> None:
        self._positions = dict.fromkeys(tps, 0)

    def seek(self, tp: Any, offset: int) -> None:
        self._positions[tp] = offset

    async def position(self, tp: Any) -> int:
        return self._positions[tp]

    async def getmany(self, *tps: Any, timeout_ms: int, max_records: int | None = None) -> dict[Any, list[Any]]:
        del timeout_ms
        await asyncio.sleep(0)
        left, found = min(max_records or self._at_once, self._at_once), {}
        for tp in tps:
            behind = [record for record in self._records.get(tp, ()) if record.offset >= self._positions[tp]][:left]
            if behind:
                found[tp], left = behind, left - len(behind)
                self._positions[tp] = behind[-1].offset + 1
        return found

    def _end(self, tp: Any) -> int:
        records = self._records.get(tp, ())
        return records[-1].offset + 1 if records else 0


@dataclass
class Worker:
    """Takes the log, chunk by chunk; what it writes to the changelog stands there, whatever it commits."""

    log: list[Stored] = field(default_factory=list)
    changelog: list[Stored] = field(default_factory=list)
    patients: Patients = field(default_factory=nobody)
    taken: int = 0
    committed: int = 0

    def receive(self, event: Arrived | ArrivedFact | str, day: date) -> None:
        self.log.append(logged(event, len(self.log), day))

    def work(self) -> None:
        """One chunk, of everything there is."""
        chunk, self.taken = self.log[self.taken :], len(self.log)
        for record in chunk:
            said = from_log(record)
            self._write(Decider(ruleset()).take(said.arrived, said.moment, self.patients).changes)
        self._write(self.patients.swept(self.committed))

    def commit(self) -> None:
        self.committed = self.taken

    def crash(self) -> None:
        """Another worker takes over from the changelog and what was committed."""
        self.patients, self.taken = self.rebuilt(), self.committed

    def rebuilt(self) -> Patients:
        patients = nobody()
        for record in self.changelog:
            patients.restore(record.key, record.value)
        return patients

    def _write(self, changes: Iterable[Change]) -> None:
        for change in changes:
            self.changelog.append(Stored(NAMES.state_changelog, len(self.changelog), *change))

    def begin_with_identity(self) -> None:
        self.changelog.append(Stored(NAMES.state_changelog, len(self.changelog), KEY, b"{}"))
