"""What a row of the report says, and the records it is worked out from. Nothing here knows how the worker works."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

SHOWN = 5
"""How many of the places of each kind of violation are told."""


class Record(Protocol):
    """A record as it was read from a topic."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


@dataclass(frozen=True)
class Found:
    """All records of a scenario's topics, each topic read from its beginning to its end."""

    received: Sequence[Record]
    received_dead: Sequence[Record]
    manifests: Sequence[Record]
    log: Sequence[Record]
    log_dead: Sequence[Record]
    decisions: Mapping[str, Sequence[Record]]
    """By outcome."""
    changelog: Sequence[Record]


@dataclass
class Account:
    """What one agent made of its records.

    `repeats` counts by place what stood more often than wanted; `lost`, `contradictory` and `wrong` name places.
    """

    records: int = 0
    lost: list[str] = field(default_factory=list)
    repeats: Counter[str] = field(default_factory=Counter)
    contradictory: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def duplicates(self) -> int:
        """Records beyond the one that was wanted."""
        return self.repeats.total()

    def count(self, wanted: Counter[str], found: Counter[str], what: str) -> None:
        """Compare what was wanted with what stands there, both by place."""
        for place, missing in (wanted - found).items():
            self.lost += [f"{what} {place}"] * missing
        for place, more in (found - wanted).items():
            if wanted[place]:
                self.repeats[place] += more
            else:
                self.wrong += [f"{what} {place} was never wanted"] * more

    def agree(self, bodies: Mapping[str, set[bytes]], what: str) -> None:
        """Each identity has one body."""
        split = [f"{what} {name} has {len(found)} bodies" for name, found in bodies.items() if len(found) > 1]
        self.contradictory += split


def texts(record: Record) -> dict[str, str]:
    """The headers by name, as text."""
    return {name: (content or b"").decode(errors="replace") for name, content in record.headers}


def place_of(record: Record) -> str:
    """`topic:partition:offset`."""
    return f"{record.topic}:{record.partition}:{record.offset}"


def origin_of(dead_letter: Record) -> str:
    """Where the original of a dead letter stood."""
    said = texts(dead_letter)
    return ":".join(said.get(f"dlt-original-{name}", "?") for name in ("topic", "partition", "offset"))


def bodies_by(records: Iterable[tuple[str, Record]]) -> dict[str, set[bytes]]:
    """The different values under each name."""
    bodies: dict[str, set[bytes]] = defaultdict(set)
    for name, record in records:
        bodies[name].add(record.value or b"")
    return bodies
