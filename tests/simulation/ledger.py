"""What must hold of one simulated run, checked at every step where it can be, and once more at the end."""

from collections.abc import Callable, Mapping

from faust.types.tuples import TP

from streams.chunks import Chunk
from tests.simulation.broker import Broker
from tests.simulation.worker import CHUNK_MAX, WINDOW, Worker

MOST_A_FETCH_GIVES = 6
TO_DEAD_LETTERS = frozenset({"poison", "oversize", "refused"})


def identity(value: bytes) -> bytes:
    """`partition:offset` of the record an output was made of."""
    return value.split(b" ", 1)[0]


class Ledger:
    """Every record, every confirmation, every commit, and what may be repeated."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.violations: list[str] = []
        self.kinds: dict[bytes, str] = {}
        self.allowed_repeats = 0
        self.zombies: set[str] = set()
        self._records: dict[TP, list[int]] = {tp: [] for tp in broker.inputs}
        self._first_unconfirmed: dict[TP, int] = dict.fromkeys(broker.inputs, 0)
        self._confirmed: set[bytes] = set()
        broker.on_expired = self.expired
        broker.on_joined = self.zombies.discard
        broker.on_commit = self.committed
        broker.on_append = self.appended
        broker.on_refused = self.refused

    def record(self, tp: TP, offset: int, kind: str) -> None:
        """A record has been put into the input."""
        self._records[tp].append(offset)
        self.kinds[b"%d:%d" % (tp.partition, offset)] = kind

    def violation(self, sentence: str) -> None:
        """Something that must not be."""
        self.broker.world.note(f"VIOLATION {sentence}")
        self.violations.append(sentence)

    # At every step

    def confirmed(self, _topic: str, values: list[bytes]) -> None:
        """A producer has the broker's word for these outputs."""
        self._confirmed.update(map(identity, values))

    def about_to_commit(self, offsets: Mapping[TP, int]) -> None:
        """A worker, whether it still may or not, asks to commit."""
        for tp, offset in offsets.items():
            records, first = self._records[tp], self._first_unconfirmed[tp]
            while first < len(records) and b"%d:%d" % (tp.partition, records[first]) in self._confirmed:
                first += 1
            self._first_unconfirmed[tp] = first
            if first < len(records) and offset > records[first]:
                self.violation(f"commit of {tp.partition}:{offset} passes unconfirmed {records[first]}")
            if offset > self.broker.inputs[tp].end:
                self.violation(f"commit of {tp.partition}:{offset} passes the end {self.broker.inputs[tp].end}")

    def committed(self, tp: TP, before: int, offset: int) -> None:
        """The group has a new offset."""
        if offset < before:
            self.violation(f"the commit of {tp.partition} goes back from {before} to {offset}")

    def taken(self, chunk: Chunk) -> None:
        """Work on a chunk begins."""
        if not chunk.owned:
            self.violation(f"work begins on a chunk of {chunk.partition} after its partition left")

    # What may be repeated

    def lost(self, worker: Worker) -> None:
        """A worker has gone without handing over."""
        for name, member in self.broker.members.items():
            if member.process is worker.process:
                self._allow(self.broker.assignment.get(name, []))

    def expired(self, name: str) -> None:
        """The group has given up a member; it may go on for a while without knowing."""
        self.zombies.add(self.broker.members[name].process.name)
        self._allow(self.broker.assignment.get(name, []))

    def appended(self, process: str, topic: str, values: list[bytes]) -> None:
        """The broker has taken a batch."""
        if process in self.zombies:
            self.allowed_repeats += len(values)

    def refused(self) -> None:
        """A batch was refused: the other batches of its chunk, and of the halves of it, are written again."""
        self.allowed_repeats += 2 * CHUNK_MAX

    def hung(self) -> None:
        """Work takes as long as a hand-over waits, or longer: others may do the chunk again."""
        self.allowed_repeats += CHUNK_MAX

    def _allow(self, tps: list[TP]) -> None:
        for tp in tps:
            committed = self.broker.committed.get(tp, 0)
            beyond = sum(1 for offset in self._records[tp] if offset >= committed and self._written(tp, offset))
            self.allowed_repeats += beyond + WINDOW * CHUNK_MAX + MOST_A_FETCH_GIVES

    def _written(self, tp: TP, offset: int) -> bool:
        return b"%d:%d" % (tp.partition, offset) in self.broker.written

    # At the end

    @property
    def complete(self) -> bool:
        """Whether everything is written and committed up to the end of each partition."""
        inputs = self.broker.inputs
        return len(self.broker.written) >= len(self.kinds) and all(
            self.broker.committed.get(tp, log.first) == log.end for tp, log in inputs.items()
        )

    @property
    def repeats(self) -> int:
        return sum(self.broker.written.values()) - len(self.broker.written)

    def check_end(self) -> None:
        """Nothing lost, nothing strange, everything in its place and in order, no more repeats than promised."""
        broker = self.broker
        lost = sorted(self.kinds.keys() - broker.written.keys())
        if lost:
            self.violation(f"lost: {lost[:5]} and {len(lost)} in all")
        for (topic, partition), values in broker.outputs.items():
            offsets = list(dict.fromkeys(int(identity(value).split(b":")[1]) for value in values))
            if offsets != sorted(offsets):
                self.violation(f"first outputs of {topic} {partition} are out of order: {offsets}")
            wrong = [v for v in map(identity, values) if (self.kinds.get(v) in TO_DEAD_LETTERS) != (topic == "dead")]
            if wrong:
                self.violation(f"{topic} {partition} holds what belongs elsewhere: {wrong[:5]}")
        if self.repeats > self.allowed_repeats:
            self.violation(f"{self.repeats} repeats where {self.allowed_repeats} are allowed")


def checked_take(ledger: Ledger, stock: Callable[[Chunk], bool]) -> Callable[[Chunk], bool]:
    """`Chunk.take` that tells the ledger."""

    def take(chunk: Chunk) -> bool:
        took = stock(chunk)
        if took:
            ledger.taken(chunk)
        return took

    return take
