"""The patient log of one prefix replayed into that of another: under another key, aliases, tenants or partition count.

Each record keeps its bytes and headers and gets the patient and person that the settings now come to. What it was is in
its header `cs-rekeyed-from`, by which a run that was stopped or killed goes on, and a second one adds nothing: the
order is one and the same each time, and each partition is written strictly in it.
"""

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from streams import clock
from streams import headers as h
from streams.agents.validate import NotInLogError, from_log
from streams.chunks import Outbox, Record, Turn, partition_of
from streams.clients import deliver
from streams.connecting import TopicsError
from streams.delivery.linear import Spans, merged, read
from streams.intake.arrival import DEFAULT_SOURCE, Arrived, ArrivedFact, ArrivedPurge, keyed, keyed_fact
from streams.state.snapshot import Passed
from streams.tokens import Tokens
from streams.topic_layout import Layout, Topics

RUN_RECORDS: Final = 500
RUN_BYTES: Final = 16 << 20
"""What is written together, and in memory: the first of both that is reached."""

TAKEN_RECORDS: Final = 5000

BUFFERED_BYTES: Final = 256 << 20
"""What all partitions of the old log may hold in memory together, waiting to be merged."""

_FROM: Final = re.compile("(?P<topic>.+):(?P<partition>[0-9]{1,9}):(?P<offset>[0-9]{1,19})")
Reached = Mapping[int, Mapping[int, int]]
"""By partition of the new log, and partition of the old one: the last offset that was copied."""


class NotRekeyedError(TopicsError):
    """The new log holds what no rekey of the old one wrote."""


def fetch_bytes(partitions: int) -> int:
    """How much may be fetched of each partition of the old log."""
    return max(64 << 10, min(4 << 20, BUFFERED_BYTES // max(1, partitions)))


@dataclass(slots=True)
class Tally:
    """What became of the records of the old log: each is in one of these counts.

    `copied_before` by an earlier run; `purged` are hidden by a purge, and stay behind with the `purges`; `foreign` is
    what no intake wrote. Where there are tenants, `without_source` of the copied are facts whose source nobody wrote
    down, in times before a record of the log said it. `purge_again`: patients of the new log who were purged in the
    old one since they were copied.
    """

    records: int = 0
    copied: int = 0
    copied_before: int = 0
    purged: int = 0
    purges: int = 0
    foreign: int = 0
    without_source: int = 0
    purge_again: set[str] = field(default_factory=set)

    def as_object(self) -> dict[str, Any]:
        """For programs."""
        counts = {"records": self.records, "copied": self.copied, "copied_before": self.copied_before}
        left = {"purged": self.purged, "purges": self.purges, "foreign": self.foreign}
        return {**counts, **left, "without_source": self.without_source, "purge_again": sorted(self.purge_again)}


async def reached(consumer: Any, spans: Spans, old_log: str, passed: Passed, stop: asyncio.Event) -> Reached:
    """How far the new log has come. Raises NotRekeyedError for a record in it that is not of the old log."""
    found: dict[int, dict[int, int]] = {}
    async for records in read(consumer, spans, stop):
        for record in records:
            was = _FROM.fullmatch(h.texts(record.headers).get(h.REKEYED_FROM, ""))
            if was is None or was["topic"] != old_log:
                place = h.position(record.topic, record.partition, record.offset)
                raise NotRekeyedError(
                    f"{place} was not written by a rekey of {old_log}, and records of before cannot come after it; set "
                    "CLAIMSTREAM_BROKER__PREFIX to one without records, and run `claimstream topics apply`"
                )
            of_old = found.setdefault(record.partition, {})
            of_old[int(was["partition"])] = max(int(was["offset"]), of_old.get(int(was["partition"]), -1))
        passed(len(records))
    return found


async def last_purges(consumer: Any, spans: Spans, passed: Passed, stop: asyncio.Event) -> dict[str, int]:
    """Of each patient who was purged in the old log, the offset of the last purge in the patient's partition."""
    found = {}
    async for records in read(consumer, spans, stop):
        for record in records:
            with suppress(NotInLogError):
                if any(name == h.CONTENT_TYPE and b".purge+" in (text or b"") for name, text in record.headers):
                    logged = from_log(record)
                    found[logged.arrived.patient_token] = record.offset
        passed(len(records))
    return found


@dataclass(slots=True)
class Rekey:
    """One run. `rate` is records a second at most, 0 for no limit; `await Rekey(...).run(spans)` does it."""

    consumer: Any
    producer: Any
    topics: Topics
    layout: Layout
    tokens: Tokens
    reached: Reached
    purges: Mapping[str, int]
    tally: Tally
    stop: asyncio.Event
    rate: float = 0

    async def run(self, spans: Spans, passed: Passed) -> bool:
        """Copy these offsets of the old log; False when it was stopped before the end."""
        began, turn, run = clock.monotonic(), Turn(), self._new_run()
        async for record in merged(self.consumer, spans):
            if self.stop.is_set():
                break
            self._take(record, run)
            if run.is_full:
                await self._write(run, passed)
                run = self._new_run()
                await self._rest(began)
            await turn.give()
        await self._write(run, passed)
        return not self.stop.is_set()

    def _new_run(self) -> "_Run":
        limits = {each.name: int(each.config["max.message.bytes"]) for each in self.layout.topics(self.topics)}
        records = min(RUN_RECORDS, max(1, int(self.rate / 4))) if self.rate else RUN_RECORDS
        return _Run(Outbox(self.producer.create_batch, limits), records)

    def _take(self, record: Record, run: "_Run") -> None:
        tally = self.tally
        run.taken += 1
        tally.records += 1
        try:
            arrived = from_log(record).arrived
        except NotInLogError:
            tally.foreign += 1
            return
        if isinstance(arrived, ArrivedPurge):
            tally.purges += 1
            return
        event, sourced = self._keyed(arrived, record)
        partition = partition_of(event.patient_token.encode(), self.layout.partitions)
        copied = record.offset <= self.reached.get(partition, {}).get(record.partition, -1)
        purge = self.purges.get(arrived.patient_token, -1)
        if record.offset < purge:
            tally.purged += 1
            if copied and purge > max(of_old.get(record.partition, -1) for of_old in self.reached.values()):
                tally.purge_again.add(event.patient_token)
        elif copied:
            tally.copied_before += 1
        else:
            tally.copied += 1
            tally.without_source += bool(self.tokens.tenants) and not sourced
            self._add(record, event, partition, run)

    def _keyed(self, arrived: Arrived | ArrivedFact, record: Record) -> tuple[Arrived | ArrivedFact, bool]:
        """The event under its new token; whether its source is known."""
        if isinstance(arrived, Arrived):
            return keyed(arrived.claim, arrived.event_id, self.tokens), True
        source = h.texts(record.headers).get(h.SOURCE)
        return keyed_fact(arrived.fact, source or DEFAULT_SOURCE, arrived.event_id, self.tokens), bool(source)

    def _add(self, record: Record, event: Arrived | ArrivedFact, partition: int, run: "_Run") -> None:
        changed = {
            h.PERSON: event.person.encode(),
            h.REKEYED_FROM: h.position(record.topic, record.partition, record.offset).encode(),
        }
        headers = [(name, text) for name, text in record.headers if name not in changed]
        key = event.patient_token.encode()
        run.out.add(self.topics.patient_events, partition, key, record.value, [*headers, *changed.items()])
        run.written += 1
        run.size_bytes += len(record.value or b"")

    async def _write(self, run: "_Run", passed: Passed) -> None:
        await deliver(self.producer, run.out.batches)
        passed(run.taken)

    async def _rest(self, began: float) -> None:
        """Keep the pace, but not when it is time to stop."""
        ahead = self.tally.copied / self.rate - (clock.monotonic() - began) if self.rate else 0
        if ahead > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(ahead):
                    await self.stop.wait()


@dataclass(slots=True)
class _Run:
    """Records taken, and those of them that are written together."""

    out: Outbox
    most: int
    taken: int = 0
    written: int = 0
    size_bytes: int = 0

    @property
    def is_full(self) -> bool:
        """Whether it is time to write: enough to be written, or so many that were not that people want to know."""
        return self.written >= self.most or self.size_bytes >= RUN_BYTES or self.taken >= TAKEN_RECORDS
