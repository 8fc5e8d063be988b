"""A chunk, an outbox and a store without Kafka."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from streams.state.patients import Patients
from tests.validators.building import nobody


@dataclass(frozen=True)
class FakeRecord:
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    key: bytes | None = None
    topic: str = "claims.received"
    partition: int = 3
    offset: int = 17
    timestamp: int = 1_781_481_600_000  # 2026-06-15


@dataclass(frozen=True)
class FakeProgress:
    committed: int = 0


@dataclass(frozen=True)
class FakeChunk:
    records: list[FakeRecord]
    partition: int = 3
    progress: FakeProgress = FakeProgress()


@dataclass(frozen=True)
class Output:
    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]


@dataclass
class FakeOutbox:
    outputs: list[Output] = field(default_factory=list)
    then: list[Callable[[], None]] = field(default_factory=list)
    accounted: int = 0

    def accounts_for(self, records: int) -> None:
        self.accounted += records

    def add(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Iterable[tuple[str, bytes]] = (),
    ) -> None:
        self.outputs.append(Output(topic, partition, key, value, dict(headers)))

    def on_confirmed(self, then: Callable[[], None]) -> None:
        self.then.append(then)

    def confirm(self) -> None:
        for each in self.then:
            each()

    def to(self, topic: str) -> list[Output]:
        return [output for output in self.outputs if output.topic == topic]


@dataclass
class FakeStore:
    patients: Patients = field(default_factory=nobody)

    def of(self, partition: int) -> Patients:
        assert partition == 3
        return self.patients
