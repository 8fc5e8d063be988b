"""The run of a job: fold each partition of the log up to the window, then decide and emit what is in it.

Partitions follow one another, so the state of one is in memory at a time. How far the job has come are the offsets its
group has committed, each only after the broker has every output before it; a run that goes on folds the log again from
its beginning. What the log no longer holds (its retention is two years) is not in that state either.
"""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from aiokafka import TopicPartition

from streams import clock
from streams import headers as h
from streams.agents.validate import NotInLogError, from_log, records_of
from streams.chunks import Outbox, Record, RecordTooLarge, Turn
from streams.clients import deliver, require_topic
from streams.deciding import Decider, Taken
from streams.replay.job import Job, JobLayout, JobRefusedError, JobTopics
from streams.sealing import Seal
from streams.state.patients import Patients

RUN_RECORDS = 500
"""Records decided between two commits: what a killed run repeats at most, and what is in memory."""

STOP_SECONDS = 10.0
_SEAL = Seal(b"a replay keeps its state to itself")
T = TypeVar("T")


class Progress(Protocol):
    """Who is told how far a job has come."""

    def reached(self, done: int, *, rebuilding: int | None = None) -> None:
        """So many places of the window are done; `rebuilding` names the partition whose past is being folded."""


@dataclass(slots=True)
class Replay:
    """One run of a job. `rate` is claims a second at most, 0 for no limit."""

    job: Job
    topics: JobTopics
    decider: Decider
    consumer: Any
    producer: Any
    progress: Progress
    rate: float = 0
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    skipped: int = 0
    _done: int = 0
    _limits: Mapping[str, int] = field(default_factory=dict)

    async def run(self) -> bool:
        """Go on to the end of the window; False when it was told to stop before."""
        layout = JobLayout(partitions=len(self.job.spans))
        self._limits = {topic.name: int(topic.config["max.message.bytes"]) for topic in layout.topics(self.topics)}
        await require_topic(self.consumer, self.job.source)
        left = {tp: span for tp, span in (await remaining(self.consumer, self.job)).items() if span}
        self._done = self.job.positions - sum(map(len, left.values()))
        self.progress.reached(self._done)
        for tp, span in left.items():
            if not await self._partition(tp, span):
                return False
        return True

    async def _partition(self, tp: Any, span: range) -> bool:
        patients = Patients(_SEAL, self.decider.ruleset.state)
        first = (await self.consumer.beginning_offsets([tp]))[tp]
        if first > span.start:
            raise JobRefusedError(
                f"{tp.topic} partition {tp.partition} begins at offset {first} now, and the job needs {span.start}: "
                "its retention has passed; give --job another name and a later --start"
            )
        self.consumer.assign([tp])
        self.consumer.seek(tp, first)
        done_before = self._done
        async for records in self._runs(tp, span):
            if self.stop.is_set():
                return False
            before = [record for record in records if record.offset < span.start]
            window = [record for record in records if span.start <= record.offset < span.stop]
            await self._fold(before, patients)
            if window:
                await self._emit(tp, window, patients)
                self._done = done_before + window[-1].offset + 1 - span.start
            self.progress.reached(self._done, rebuilding=None if window else tp.partition)
        await self.consumer.commit({tp: span.stop})  # behind the last record, where gaps are
        self._done = done_before + len(span)
        return True

    async def _runs(self, tp: Any, span: range) -> AsyncIterator[Sequence[Record]]:
        """The records of a partition up to the end of the window; those behind it may follow."""
        while (position := await self.consumer.position(tp)) < span.stop:
            paced = self.rate and position >= span.start
            most = min(RUN_RECORDS, max(1, math.ceil(self.rate / 4))) if paced else RUN_RECORDS
            fetched = await self.consumer.getmany(tp, timeout_ms=500, max_records=most)
            yield fetched.get(tp, ())

    async def _fold(self, records: Sequence[Record], patients: Patients) -> None:
        """Enter what stands before the window into the state, and emit nothing."""
        turn = Turn()
        for record in records:
            with contextlib.suppress(NotInLogError):
                self._weigh(record, patients).enter(patients)
            await turn.give()

    async def _emit(self, tp: Any, records: Sequence[Record], patients: Patients) -> None:
        """Decide records of the window; returns when the broker has every output and the offset behind them."""
        out, turn, began = Outbox(self.producer.create_batch, self._limits), Turn(), clock.monotonic()
        for record in records:
            try:
                taken = self._weigh(record, patients)
                for decided in taken.decided:
                    for topic, value, headers in records_of(decided, record, self.topics):
                        headers.append((h.REPLAY_JOB, self.topics.job.encode()))
                        out.add(topic, tp.partition, record.key, value, headers)
                taken.enter(patients)
            except (NotInLogError, RecordTooLarge):
                self.skipped += 1  # the worker puts it into the dead letters
            await turn.give()
        await deliver(self.producer, out.batches)
        await self.consumer.commit({tp: records[-1].offset + 1})
        if self.rate:
            await self._rest(len(records) / self.rate - (clock.monotonic() - began))

    def _weigh(self, record: Record, patients: Patients) -> Taken:
        logged = from_log(record)
        return self.decider.weigh(logged.arrived, logged.moment, patients)

    async def _rest(self, seconds: float) -> None:
        """Wait, but not when it is time to stop."""
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self.stop.wait()


async def remaining(consumer: Any, job: Job) -> dict[Any, range]:
    """What is left of the window in each partition; `consumer` is of the job's group."""
    left = {}
    for partition, span in enumerate(job.spans):
        tp = TopicPartition(job.source, partition)
        committed = await consumer.committed(tp)
        left[tp] = range(max(span.start, committed or 0), span.stop)
    return left


async def until_stopped(work: Coroutine[Any, Any, T], stop: asyncio.Event) -> T | None:
    """What `work` gives; once `stop` is set it has a little time to end cleanly, then is left where it is: None."""
    running, told = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([running, told], return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait([running], timeout=STOP_SECONDS if stop.is_set() else None)
        return await running if running.done() else None
    finally:
        told.cancel()
        running.cancel()
        await asyncio.wait([running, told])
