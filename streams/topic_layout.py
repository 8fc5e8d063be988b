"""The topic layout of the contract as data: names, counts, settings, and how what a broker has differs from it.

No broker here, so that code which may not know one can still name topics; `streams.topics` talks to brokers.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

MIB = 1024 * 1024
DAY_MS = 86_400_000
Outcome = Literal["accepted", "flagged", "denied-risk"]
OUTCOMES: tuple[Outcome, ...] = ("accepted", "flagged", "denied-risk")


@dataclass(frozen=True, slots=True)
class Topics:
    """The full names of all topics under a prefix (`demo.`, separator included; empty by default)."""

    prefix: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9._-]{0,200}", self.prefix):
            raise ValueError(f"topic prefix {self.prefix!r}: use up to 200 letters, digits, dots, hyphens, underscores")

    def _full(self, name: str) -> str:
        return f"{self.prefix}claims.{name}"

    @property
    def received(self) -> str:
        """What arrives, in any supported format."""
        return self._full("received")

    @property
    def patient_events(self) -> str:
        """The one log of a patient: claims, authorizations, encounters."""
        return self._full("patient-events")

    @property
    def accepted(self) -> str:
        """Decisions without a deny or flag finding."""
        return self._full("accepted")

    @property
    def flagged(self) -> str:
        """Decisions with a flag finding."""
        return self._full("flagged")

    @property
    def denied_risk(self) -> str:
        """Decisions with a deny finding."""
        return self._full("denied-risk")

    @property
    def acknowledgements(self) -> str:
        """Receipts for the senders."""
        return self._full("acknowledgements")

    @property
    def manifests(self) -> str:
        """What was found in each received record."""
        return self._full("manifests")

    @property
    def state_changelog(self) -> str:
        """Patient state, compacted."""
        return self._full("state-changelog")

    @property
    def received_dlt(self) -> str:
        """Dead letters of `received`."""
        return self.dlt_of(self.received)

    @property
    def patient_events_dlt(self) -> str:
        """Dead letters of `patient_events`."""
        return self.dlt_of(self.patient_events)

    @property
    def copartitioned(self) -> tuple[str, ...]:
        """The topics of equal partition count, the log first: an output goes to its input's partition."""
        return (self.patient_events, self.accepted, self.flagged, self.denied_risk, self.state_changelog)

    def outcome(self, outcome: str) -> str:
        """The topic of decisions with this outcome: accepted, flagged or denied-risk."""
        if outcome not in OUTCOMES:
            raise ValueError(f"{outcome!r} is not an outcome; the outcomes are {', '.join(OUTCOMES)}")
        return self._full(outcome)

    def dlt_of(self, topic: str) -> str:
        """The dead letter topic of a topic that is read, given by its full name."""
        if topic not in (self.received, self.patient_events):
            raise ValueError(f"{topic!r} has no dead letters; {self.received} and {self.patient_events} have")
        return f"{topic}-dlt"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic as it must be; `config` holds every topic setting that does not stay the broker's choice."""

    name: str
    partitions: int
    replication_factor: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Layout:
    """The counts a deployment chooses; -1 leaves the replication factor to the broker."""

    partitions: int = 8
    received_partitions: int = 4
    side_partitions: int = 4
    replication_factor: int = -1

    def topics(self, names: Topics) -> tuple[Topic, ...]:
        """Every topic of the contract, in its order."""
        side, events = self.side_partitions, self.partitions
        month, quarter, years = _delete(30), _delete(90), _delete(730)
        # Larger than the 8 MiB a reader accepts: a record over the limit must arrive to be dead-lettered, and its dead
        # letter adds headers. What a decision becomes is at most 1 MiB, as the engine sends it; twice that is 2 MiB.
        rows = (
            (names.received, self.received_partitions, month, 16),
            (names.patient_events, events, years, 10),
            (names.accepted, events, years, 2),
            (names.flagged, events, years, 2),
            (names.denied_risk, events, years, 2),
            (names.acknowledgements, side, month, 2),
            (names.manifests, side, years, 2),
            (names.state_changelog, events, _COMPACT, 2),
            (names.received_dlt, side, quarter, 17),
            (names.patient_events_dlt, side, quarter, 12),
        )
        return tuple(
            Topic(
                name, partitions, self.replication_factor, _COMMON | config | {"max.message.bytes": str(largest * MIB)}
            )
            for name, partitions, config, largest in rows
        )


_COMMON = {
    "compression.type": "producer",  # the engine compresses; a broker that does it again wastes its CPU
    # The broker's clock: positions by time are in order, and no sender's clock makes retention delete early.
    "message.timestamp.type": "LogAppendTime",
}
_COMPACT = {
    "cleanup.policy": "compact",
    "segment.ms": str(DAY_MS),
    "delete.retention.ms": str(DAY_MS),
    "max.compaction.lag.ms": str(7 * DAY_MS),  # what `state purge` removed is gone from disk within a week or so
}


def _delete(days: int) -> dict[str, str]:
    # Only closed segments are deleted, so what is 30 days old goes within a day; yet a broker maps every segment of two
    # years into memory, so there are about a hundred.
    segment_days = max(1, days // 100)
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(days * DAY_MS),
        "retention.bytes": "-1",
        "segment.ms": str(segment_days * DAY_MS),
    }


DEFAULT_LAYOUT = Layout()

Kind = Literal[
    "missing",
    "partitions",
    "unequal-partitions",
    "replication-factor",
    "cleanup.policy",
    "retention.ms",
    "retention.bytes",
    "max.message.bytes",
    "message.timestamp.type",
]
_EXACT: tuple[Kind, ...] = ("cleanup.policy", "retention.ms", "retention.bytes", "message.timestamp.type")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing about a topic that is not as it must be; `message` says what, where and the fix."""

    topic: str
    kind: Kind
    expected: str
    found: str
    message: str


@dataclass(frozen=True, slots=True)
class Found:
    """One topic as a broker has it; `replication_factor` is that of the partition with the fewest replicas."""

    partitions: int
    replication_factor: int
    config: Mapping[str, str]


def compare(wanted: Sequence[Topic], topics: Topics, found: Mapping[str, Found]) -> list[Difference]:
    """The differences between the layout and what a broker has."""
    differences = []
    for topic in wanted:
        if topic.name in found:
            differences += _differences(topic, found[topic.name], topics)
        else:
            message = f"topic {topic.name} does not exist; run `claimstream topics apply`"
            differences.append(Difference(topic.name, "missing", "a topic", "none", message))
    counts = {name: found[name].partitions for name in topics.copartitioned if name in found}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
        message = (
            f"the partition counts of the log of patients and what goes with it differ ({listed}), and an output goes "
            "to its input's partition; set another CLAIMSTREAM_BROKER__PREFIX and run `claimstream topics apply`"
        )
        wanted_counts = "equal counts"
        differences.append(Difference(topics.patient_events, "unequal-partitions", wanted_counts, listed, message))
    return differences


def _differences(topic: Topic, found: Found, topics: Topics) -> list[Difference]:
    differences = []
    if found.partitions != topic.partitions:
        differences.append(partitions_difference(topic, found.partitions, topics))
    if topic.replication_factor > 0 and found.replication_factor != topic.replication_factor:
        expected, has = str(topic.replication_factor), str(found.replication_factor)
        message = (
            f"topic {topic.name} has replication factor {has} instead of {expected}; "
            f"reassign its partitions (kafka-reassign-partitions.sh) or give this factor as --replication-factor"
        )
        differences.append(Difference(topic.name, "replication-factor", expected, has, message))
    differing = [kind for kind in _EXACT if kind in topic.config and found.config.get(kind) != topic.config[kind]]
    differences += [_config_difference(topic, kind, found) for kind in differing]
    if int(found.config["max.message.bytes"]) < int(topic.config["max.message.bytes"]):
        differences.append(_config_difference(topic, "max.message.bytes", found))
    return differences


def partitions_difference(topic: Topic, found: int, topics: Topics) -> Difference:
    """What to say of a topic with another number of partitions, `found`, than it must have."""
    if topic.name in topics.copartitioned:
        fix = (
            f"set CLAIMSTREAM_BROKER__PARTITIONS={found} or another CLAIMSTREAM_BROKER__PREFIX "
            "(never add partitions: patients would move between them)"
        )
    elif topic.name == topics.received:
        fix = f"set CLAIMSTREAM_BROKER__RECEIVED_PARTITIONS={found}"
    elif found < topic.partitions:
        fix = f"run `kafka-topics.sh --alter --topic {topic.name} --partitions {topic.partitions}`"
    else:
        fix = "once it has been read, delete it and run `claimstream topics apply`"
    message = f"topic {topic.name} has {found} partitions instead of {topic.partitions}; {fix}"
    return Difference(topic.name, "partitions", str(topic.partitions), str(found), message)


def _config_difference(topic: Topic, kind: Kind, found: Found) -> Difference:
    expected, has = topic.config[kind], found.config.get(kind, "nothing")
    least = "at least " if kind == "max.message.bytes" else ""
    message = (
        f"topic {topic.name} has {kind}={has} instead of {least}{expected}; set it with "
        f"`kafka-configs.sh --alter --topic {topic.name} --add-config {kind}={expected}`"
    )
    return Difference(topic.name, kind, expected, has, message)
