"""A broker in memory: logs with gaps, producer sequences, groups with generations.

Modelled after Apache Kafka: `ProducerAppendInfo.checkSequence` (idempotence), `GroupCoordinator` (eager rebalances:
a commit needs a known member and the current generation, also while a rebalance gathers its members), `ListOffsets`
and `Fetch` with `read_committed` (nothing at or after the last stable offset).
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from aiokafka.errors import (
    IllegalGenerationError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from faust.types.tuples import TP

from tests.simulation.network import Answer, Network, Process
from tests.simulation.scheduler import World

SESSION_SECONDS = 6.0
REBALANCE_SECONDS = 20.0
FETCH_WAIT_SECONDS = 0.05
BACKOFF_SECONDS = 0.1  # of clients


class Entry(NamedTuple):
    """A place in a log: a record, or nothing to read from `offset` to `next_offset` (markers, aborted, compacted)."""

    offset: int
    next_offset: int
    value: bytes | None


class Input:
    """One input partition."""

    def __init__(self, first: int) -> None:
        self.first = self.end = first
        self.entries: list[Entry] = []
        self.stable: int | None = None  # set while a transaction hangs
        self._offsets: list[int] = []

    def append(self, value: bytes | None, places: int = 1) -> None:
        self._offsets.append(self.end)
        self.entries.append(Entry(self.end, self.end + places, value))
        self.end += places

    def skip(self, places: int) -> None:
        """Offsets that no batch holds any more."""
        self.end += places

    @property
    def stable_end(self) -> int:
        return self.end if self.stable is None else self.stable

    def read(self, position: int, most: int) -> list[Entry]:
        start = bisect_right(self._offsets, position)
        if start and self.entries[start - 1].next_offset > position:
            start -= 1
        return [entry for entry in self.entries[start : start + most] if entry.offset < self.stable_end]


@dataclass
class Member:
    deadline: float
    process: Process
    joining: Answer | None = None


class Broker(Network):
    """The one broker of a world."""

    def __init__(self, world: World, inputs: Mapping[TP, Input], limits: Mapping[str, int]) -> None:
        super().__init__(world)
        self.inputs = dict(inputs)
        self.limits = limits
        self.outputs: defaultdict[tuple[str, int], list[bytes]] = defaultdict(list)
        self.written: Counter[bytes] = Counter()
        self.committed: dict[TP, int] = {}
        self.members: dict[str, Member] = {}
        self.generation = 0
        self.assignment: dict[str, list[TP]] = {}
        self.gathering_since: float | None = None
        self.on_expired: Callable[[str], None] = lambda _member: None
        self.on_joined: Callable[[str], None] = lambda _process: None
        self.on_commit: Callable[[TP, int, int], None] = lambda _tp, _before, _offset: None
        self.on_append: Callable[[str, str, list[bytes]], None] = lambda _process, _topic, _values: None
        self.on_refused: Callable[[], None] = lambda: None
        self._sequences: dict[tuple[int, str, int], int] = {}
        self._producers = 0
        self.loop.call_later(0.5, self._watch)

    # Logs

    def fetch(self, positions: Mapping[TP, int], answer: Answer, *, waited: bool = False) -> None:
        """Answer {tp: entries} from these positions, after a while if there is nothing."""
        found = {
            tp: entries
            for tp, position in positions.items()
            if (entries := self.inputs[tp].read(position, 1 + int(self.world.random.random() * 6)))
        }
        if found or waited:
            answer((found, {tp: (self.inputs[tp].end, self.inputs[tp].stable_end) for tp in positions}))
        else:
            self.loop.call_later(FETCH_WAIT_SECONDS, lambda: self.fetch(positions, answer, waited=True))

    def new_producer_id(self) -> int:
        self._producers += 1
        return self._producers

    def produce(
        self, process: str, producer: int, tp: tuple[str, int], sequence: int, values: list[bytes], answer: Answer
    ) -> None:
        """Append a batch once, in sequence; refuse one that is too large, and whatever follows the hole it leaves."""
        expected = self._sequences.get((producer, *tp))
        size = max(map(len, values))
        if size > self.limits.get(tp[0], 1 << 30):
            self.counts["refused batches"] += 1
            self.on_refused()
            self.world.note(f"producer {producer} {tp}: batch of {len(values)} refused")
            answer(MessageSizeTooLargeError())
        elif expected is not None and sequence < expected:
            self.counts["batches sent twice"] += 1
            answer("there already")
        elif expected is not None and sequence > expected:
            self.counts["out of sequence"] += 1
            answer(OutOfOrderSequenceNumber())
        else:
            self._sequences[producer, *tp] = sequence + len(values)
            self.outputs[tp].extend(values)
            self.written.update(value.split(b" ", 1)[0] for value in values)
            self.on_append(process, tp[0], values)
            self.world.note(f"producer {producer} {tp}: {b' '.join(values).decode()[:80]}")
            answer("appended")

    # The group

    def join(self, member: str, process: Process, answer: Answer, *, is_new: bool) -> None:
        """Answer (generation, partitions) once every member has come, or the others' time is up."""
        if member not in self.members and not is_new:
            answer(UnknownMemberIdError())
            return
        self.members.setdefault(member, Member(0.0, process)).joining = answer
        self._gather()
        self._complete_when_all_are_there()

    def leave(self, member: str, answer: Answer) -> None:
        self._remove(member)
        answer(None)

    def heartbeat(self, member: str, generation: int, answer: Answer) -> None:
        error = self._refusal(member, generation)
        if error is None:
            self.members[member].deadline = self.world.now + SESSION_SECONDS
            if self.gathering_since is not None:
                error = RebalanceInProgressError()
        answer(error)

    def commit(self, member: str, generation: int, offsets: Mapping[TP, int], answer: Answer) -> None:
        error = self._refusal(member, generation)
        if error is None:
            for tp, offset in offsets.items():
                self.on_commit(tp, self.committed.get(tp, 0), offset)
            self.committed.update(offsets)
            self.counts["commits"] += 1
        else:
            self.counts["fenced commits"] += 1
        shown = " ".join(f"{tp.partition}:{offset}" for tp, offset in offsets.items())
        self.world.note(f"{member} commits {shown} {'' if error is None else type(error).__name__}")
        answer(error)

    def _refusal(self, member: str, generation: int) -> Exception | None:
        if member not in self.members:
            return UnknownMemberIdError()
        return None if generation == self.generation else IllegalGenerationError()

    def _remove(self, member: str) -> None:
        if self.members.pop(member, None) is not None:
            self.assignment.pop(member, None)
            self._gather()
            self._complete_when_all_are_there()

    def _gather(self) -> None:
        if self.gathering_since is None:
            self.gathering_since = self.world.now

    def _complete_when_all_are_there(self) -> None:
        if self.gathering_since is not None and all(member.joining for member in self.members.values()):
            self._complete()

    def _complete(self) -> None:
        self.gathering_since = None
        self.generation += 1
        self.counts["rebalances"] += 1
        names = sorted(self.members)
        self.assignment = {name: [] for name in names}
        for n, tp in enumerate(sorted(self.inputs) if names else ()):
            self.assignment[names[(n + self.generation) % len(names)]].append(tp)
        self.world.note(
            f"generation {self.generation}: { {n: [t.partition for t in a] for n, a in self.assignment.items()} }"
        )
        for name in names:
            member = self.members[name]
            answer, member.joining = member.joining, None
            member.deadline = self.world.now + SESSION_SECONDS
            self.on_joined(member.process.name)
            if answer is not None:
                answer((self.generation, self.assignment[name]))

    def interrupt(self, seconds: float, *, frozen: bool) -> None:
        """The broker is away: frozen with its connections open, or down. Sessions go on where they were."""
        until = self.world.now + seconds
        self.world.note(f"the broker is {'frozen' if frozen else 'down'} for {seconds:.2f} s")
        if frozen:
            self.trouble.frozen_until = until
        else:
            self.trouble.down_until = until
        for member in self.members.values():
            member.deadline += seconds + 1.0
        if self.gathering_since is not None:
            self.gathering_since += seconds

    def _watch(self) -> None:
        self.loop.call_later(0.5, self._watch)
        now = self.world.now
        late: Iterable[str] = [
            name for name, member in self.members.items() if member.joining is None and member.deadline < now
        ]
        if self.gathering_since is not None and now - self.gathering_since > REBALANCE_SECONDS:
            late = [name for name, member in self.members.items() if member.joining is None]
        for name in list(late):
            self.world.note(f"{name} expires")
            self.counts["expired members"] += 1
            self.on_expired(name)
            self._remove(name)
