"""The worker's validate over a log in memory: chunks of any size, crashes, and state rebuilt from the changelog."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from itertools import chain, repeat
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

from prometheus_client import CollectorRegistry

from streams.agents.validate import Validate
from streams.deciding import Decider, Taken
from streams.metrics import Metrics
from streams.sealing import Seal
from streams.state.patients import Patients
from streams.topic_layout import OUTCOMES, Topics
from tests.recount.comparing import Output
from tests.recount.making import DAY_MS, KEY, LogRecord
from validators.codes import ESI
from validators.history import Consumption
from validators.ruleset import Ruleset

TOPICS = Topics()
OUTCOME_OF = {TOPICS.outcome(outcome): outcome for outcome in OUTCOMES}
Changelog = list[tuple[bytes, bytes | None]]


class Judged(NamedTuple):
    """What rules were shown of the lines of a claim at a position: prior sessions, and the use of what they cite."""

    position: int
    prior_sessions: tuple[frozenset[date], ...]
    consumed: tuple[Consumption, ...]


@dataclass(frozen=True)
class Watched(Decider):
    """A decider that notes what rules are shown, at once: the history goes on."""

    judged: list[Judged] = field(default_factory=list)

    def weigh(self, *given: Any) -> Taken:
        """What a record gives reason to."""
        taken = super().weigh(*given)
        for decided in taken.decided:
            context = decided.context
            prior = (
                context.prior_sessions(line.region, line.service_date) if line.code in ESI else frozenset()
                for line in context.lines
            )
            consumed = map(context.consumed, context.lines)
            self.judged.append(Judged(context.event.position, tuple(prior), tuple(consumed)))
        return taken


@dataclass
class Outbox:
    """What a chunk gave, in order."""

    outputs: list[Output] = field(default_factory=list)
    changes: Changelog = field(default_factory=list)
    then: list[Callable[[], None]] = field(default_factory=list)

    def add(
        self, topic: str, _: int, key: bytes, value: bytes | None, headers: Iterable[tuple[str, bytes]] = ()
    ) -> None:
        """Take a record for a topic."""
        if topic == TOPICS.state_changelog:
            self.changes.append((key, value))
        else:
            assert value is not None
            self.outputs.append(Output.of(OUTCOME_OF[topic], value, headers))

    def accounts_for(self, _records: int) -> None:
        """Nobody counts here."""

    def on_confirmed(self, then: Callable[[], None]) -> None:
        """Take what is to be done once the broker has everything."""
        self.then.append(then)


class Step(NamedTuple):
    """A chunk of so many records, and how it ends: in good order, in trouble with the broker, or in a crash.

    After trouble it is worked once more on the same state; after a crash the next worker reads state from the
    changelog, compacted or not. `written` is how many of its changes the changelog had by then.
    """

    records: int
    ends: Literal["well", "in trouble", "in a crash"] = "well"
    written: int = 0
    compacted: bool = False


@dataclass
class Worker:
    """A partition of the log, what was published and kept of it, and its state as the worker of the moment has it."""

    log: Sequence[LogRecord]
    rules: Ruleset
    outputs: list[Output] = field(default_factory=list)
    changelog: Changelog = field(default_factory=list)
    done: int = 0
    committed: int = 0
    newest_ms: int = 0

    def __post_init__(self) -> None:
        self._seal = Seal(KEY)
        self.decider = Watched(self.rules)
        self.restart(compacted=False)

    def play(self, steps: Iterable[Step], *, lag: int) -> None:
        """Go through the log by steps, then to its end; commits stay up to `lag` records behind what is done."""
        for step in chain(steps, repeat(Step(len(self.log)))):
            if self.done == len(self.log):
                return
            if self._end_of_what_may_repeat() == self.done:
                self.committed = self.done
            self._chunk(step)
            if step.ends == "in a crash":
                self.done = self.committed
                self.restart(compacted=step.compacted)
            elif step.ends == "well":
                self.committed = max(self.committed, self.done - lag)

    def again_from(self, offset: int) -> None:
        """A new worker, to which everything from an offset on is delivered again, or from soon after it."""
        self.restart(compacted=True)
        self.committed = max(self.committed, offset)
        while self._end_of_what_may_repeat() < len(self.log):
            self.committed += 1
        self.done = self.committed
        self._chunk(Step(len(self.log)))

    def restart(self, *, compacted: bool) -> None:
        """State as another worker has it from the changelog, compacted or not."""
        changes = _compacted(self.changelog) if compacted else self.changelog
        self.patients = Patients(self._seal, self.rules.state)
        for key, value in changes:
            self.patients.restore(key, value)

    def _end_of_what_may_repeat(self) -> int:
        """Up to where work may go on before more is committed: no crash goes back by more than `revision_days`."""
        oldest_ms, newest_ms = arrived_ms_of(self.log[self.committed]), self.newest_ms
        for end in range(self.committed, len(self.log)):
            arrived_ms = arrived_ms_of(self.log[end])
            oldest_ms, newest_ms = min(oldest_ms, arrived_ms), max(newest_ms, arrived_ms)
            if newest_ms - oldest_ms > self.rules.state.revision_days * DAY_MS:
                return end
        return len(self.log)

    def _chunk(self, step: Step) -> None:
        end = self._end_of_what_may_repeat()
        records = self.log[self.done : min(self.done + step.records, end)]
        chunk = SimpleNamespace(records=records, partition=0, progress=SimpleNamespace(committed=self.committed))
        store, out = SimpleNamespace(of=lambda _: self.patients), Outbox()
        validate = Validate(TOPICS, self.decider, store, _metrics())  # type: ignore[arg-type]
        asyncio.run(validate.work(chunk, out))  # type: ignore[arg-type]
        self.outputs += out.outputs
        self.newest_ms = max(self.newest_ms, *map(arrived_ms_of, records), 0)
        if step.ends != "well":
            self.changelog += out.changes[: step.written]
            return
        self.changelog += out.changes
        self.done += len(records)
        for then in out.then:
            then()


def _compacted(changelog: Changelog) -> Changelog:
    last: dict[bytes, bytes | None] = {}
    for key, value in changelog:
        last.pop(key, None)
        last[key] = value
    return [*last.items()]


def arrived_ms_of(record: LogRecord) -> int:
    return int(dict(record.headers)["cs-arrived-ms"])


@cache
def _metrics() -> Metrics:
    return Metrics(CollectorRegistry())
