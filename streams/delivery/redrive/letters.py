"""Dead letters as they stand on their topic: read, chosen, counted, and made into records that are sent again."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from schemas.rejection import REJECTION_CODES
from streams import headers as h
from streams.delivery.dead_letters import ATTEMPT, REDRIVEN, Original, attempts
from streams.intake.arrival import DEFAULT_SOURCE
from streams.topic_layout import Topics

_POSITION: Final = ("dlt-original-topic", "dlt-original-partition", "dlt-original-offset")


class UnknownTopicNameError(Exception):
    """A topic that holds no dead letters: what was named, and what can be."""


class LetterRecord(Original, Protocol):
    """A record as an aiokafka consumer gives it."""

    @property
    def key(self) -> bytes | None:
        """Its key."""


@dataclass(frozen=True, slots=True)
class Route:
    """A dead letter topic and the topic its letters came from and go to again."""

    letters: str
    target: str

    @classmethod
    def of(cls, name: str, topics: Topics) -> "Route":
        """The route of a dead letter topic by its full name. Raises UnknownTopicNameError."""
        routes = {topics.dlt_of(topic): topic for topic in (topics.received, topics.patient_events)}
        if name not in routes:
            raise UnknownTopicNameError(
                f"{name} is no topic of dead letters; name {topics.received_dlt} or {topics.patient_events_dlt}"
            )
        return cls(name, routes[name])

    @property
    def marks(self) -> str:
        """The topic that says which letters were redriven."""
        return f"{self.letters}.redriven"


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter; `at_ms` is when it became one, in milliseconds since the epoch."""

    topic: str
    partition: int
    offset: int
    at_ms: int
    key: bytes | None
    value: bytes | None
    texts: Mapping[str, str]

    @classmethod
    def read(cls, record: LetterRecord) -> "Letter | None":
        """The letter of a record; None for one that no worker wrote."""
        texts = h.texts(record.headers)
        numbers = (texts.get(name, "") for name in _POSITION[1:])
        ours = texts.get("dlt-exception-code") in REJECTION_CODES and all(
            number.isascii() and number.isdigit() for number in numbers
        )
        if not ours or f"{texts.get(_POSITION[0])}-dlt" != record.topic:
            return None
        return cls(record.topic, record.partition, record.offset, record.timestamp, record.key, record.value, texts)

    @property
    def place(self) -> tuple[int, int]:
        """Partition and offset."""
        return self.partition, self.offset

    @property
    def position(self) -> str:
        """Where it stands."""
        return h.position(self.topic, self.partition, self.offset)

    @property
    def original(self) -> str:
        """Where the record stood that first failed."""
        return ":".join(self.texts[name] for name in _POSITION)

    @property
    def original_partition(self) -> int:
        """The partition of that."""
        return int(self.texts[_POSITION[1]])

    @property
    def code(self) -> str:
        """Why it is one."""
        return self.texts["dlt-exception-code"]

    @property
    def at(self) -> str:
        """Where in its bytes the fault is."""
        return self.texts.get("dlt-at", "")

    @property
    def source(self) -> str:
        """Who sent it, as intake takes it; empty for what the log of patients held, which does not say it."""
        of_log = self.topic.endswith(Topics().patient_events_dlt)
        return "" if of_log else self.texts.get(h.SOURCE, DEFAULT_SOURCE)

    @property
    def attempt(self) -> int:
        """How often it has failed."""
        return max(1, attempts(self.texts))

    def redriven_headers(self) -> h.Headers:
        """The headers it is sent again under: the event and its dates stay what they were."""
        kept = {name: text for name, text in self.texts.items() if name in REDRIVEN}
        return h.written(kept | {ATTEMPT: str(self.attempt), h.REDRIVE_OF: self.position})


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters are redriven; empty collections and 0 are no limit."""

    codes: Collection[str] = ()
    sources: Collection[str] = ()
    attempts_max: int = 0

    def takes(self, letter: Letter) -> bool:
        """Whether this letter is among them."""
        return (
            (not self.codes or letter.code in self.codes)
            and (not self.sources or letter.source in self.sources)
            and (not self.attempts_max or letter.attempt <= self.attempts_max)
        )


@dataclass(slots=True)
class Group:
    """The chosen letters of one code and source."""

    letters: int = 0
    attempts: Counter[int] = field(default_factory=Counter)
    first_ms: int = 0
    last_ms: int = 0

    def add(self, letter: Letter) -> None:
        """Count one."""
        self.first_ms = min(self.first_ms, letter.at_ms) if self.letters else letter.at_ms
        self.last_ms = max(self.last_ms, letter.at_ms)
        self.letters += 1
        self.attempts[letter.attempt] += 1


@dataclass(slots=True)
class Tally:
    """What was met on a topic of dead letters: each record is in exactly one of these counts.

    `chosen` are those to be sent, of which `sent` went; `too_large` those the other topic would not take, `redriven`
    those sent before, `passed_over` those not asked for, `foreign` what no worker wrote. `examples` are the first
    `examples_max` chosen ones of each code and source. No letter is kept with its bytes, some MiB at most.
    """

    examples_max: int
    chosen: int = 0
    redriven: int = 0
    passed_over: int = 0
    foreign: int = 0
    sent: int = 0
    groups: dict[tuple[str, str], Group] = field(default_factory=dict)
    examples: list[Letter] = field(default_factory=list)
    too_large: list[Letter] = field(default_factory=list)

    @property
    def records(self) -> int:
        """All of them."""
        return self.chosen + len(self.too_large) + self.redriven + self.passed_over + self.foreign

    def choose(self, letter: Letter) -> None:
        """Count a letter that is to be sent."""
        self.chosen += 1
        group = self.groups.setdefault((letter.code, letter.source), Group())
        group.add(letter)
        if group.letters <= self.examples_max:
            self.examples.append(replace(letter, key=None, value=None))

    def leave(self, letter: Letter) -> None:
        """Count a letter that is too large to be sent."""
        self.too_large.append(replace(letter, key=None, value=None))
