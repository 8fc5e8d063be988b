"""A replay job: its name, its topics, and the record that pins what it replays for as long as its topics stand."""

import json
import re
from dataclasses import dataclass
from typing import Any

from aiokafka import TopicPartition

from schemas.decision import OUTCOMES, RulesetVersion
from streams.clients import partitions_of, require_topic
from streams.replay.window import Bound, pin
from streams.topic_layout import Layout, Topic, Topics
from streams.topics import TopicsDiffer, apply_topics

_NAME = re.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_KEY = b"job"
VERSION = 1


class JobRefusedError(Exception):
    """A job that cannot go on as asked: what was asked, why not, what to do."""


@dataclass(frozen=True, slots=True)
class JobTopics(Topics):
    """The topics of a job: `accepted`, `flagged`, `denied_risk` are its own outputs."""

    job: str = ""

    def __post_init__(self) -> None:
        Topics.__post_init__(self)
        if not _NAME.fullmatch(self.job):
            raise ValueError(f"job {self.job!r}: use up to 64 letters, digits, hyphens and underscores")

    def _full(self, name: str) -> str:
        return f"{self.prefix}claims.replay.{self.job}.{name}"

    @property
    def parameters(self) -> str:
        """Where the job itself stands."""
        return self._full("job")

    @property
    def group(self) -> str:
        """The consumer group that holds how far the job has come."""
        return f"{self.prefix}claimstream-replay-{self.job}"

    @property
    def copartitioned(self) -> tuple[str, ...]:
        """The topics of the log's partition count."""
        return outcome_topics(self)


def outcome_topics(names: Topics) -> tuple[str, ...]:
    """The topics of decisions."""
    return tuple(map(names.outcome, OUTCOMES))


class JobLayout(Layout):
    """The layout of a job's topics: outputs as the live ones, and the job, which is never deleted."""

    def topics(self, names: Topics) -> tuple[Topic, ...]:
        """Every topic of the job."""
        assert isinstance(names, JobTopics)
        outputs = tuple(topic for topic in super().topics(names) if topic.name in names.copartitioned)
        config = {**outputs[0].config, "retention.ms": "-1"}
        return (*outputs, Topic(names.parameters, 1, self.replication_factor, config))


@dataclass(frozen=True, slots=True)
class Job:
    """What a job replays; `spans` are the offsets of the window in each partition of the source."""

    source: str
    start: str
    end: str
    ruleset: RulesetVersion
    spans: tuple[range, ...]

    def encode(self) -> bytes:
        """As it stands in the job's topic."""
        spans = [[span.start, span.stop] for span in self.spans]
        ruleset = self.ruleset.model_dump(mode="json")
        body = {"v": VERSION, "source": self.source, "start": self.start, "end": self.end}
        return json.dumps({**body, "ruleset": ruleset, "spans": spans}, sort_keys=True).encode()

    @classmethod
    def decode(cls, value: bytes) -> "Job":
        """The job of a record. Raises JobRefusedError for one of a version this program does not read."""
        fields = json.loads(value)
        if fields["v"] != VERSION:
            raise JobRefusedError(f"the job has version {fields['v']}, this program reads {VERSION}; use a newer one")
        spans = tuple(range(start, stop) for start, stop in fields["spans"])
        ruleset = RulesetVersion.model_validate(fields["ruleset"])
        return cls(fields["source"], fields["start"], fields["end"], ruleset, spans)

    @property
    def positions(self) -> int:
        """How many places of the log the window has; claims at most."""
        return sum(len(span) for span in self.spans)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command asks a job to replay."""

    source: str
    start: Bound
    end: Bound
    ruleset: RulesetVersion

    def require(self, job: Job, name: str) -> None:
        """Raise JobRefusedError unless the job is what is asked for."""
        kinds = (
            ("source", job.source, self.source),
            ("start", job.start, str(self.start)),
            ("end", job.end, str(self.end)),
            ("ruleset", job.ruleset.sha256[:12], self.ruleset.sha256[:12]),
        )
        for kind, has, asked in kinds:
            if has != asked:
                raise JobRefusedError(
                    f"job {name} was begun with {kind} {has}, not {asked}; go on with that, or give --job another name"
                )


async def open_job(consumer: Any, producer: Any, topics: JobTopics, asked: Asked, client: dict[str, Any]) -> Job:
    """The job, begun if there is none of its name.

    Raises JobRefusedError when it replays something else, UnknownTopicError, TopicsDiffer.
    """
    job = await find_job(consumer, topics)
    if job is None:
        await require_topic(consumer, asked.source)
        partitions = await partitions_of(client, asked.source)
        spans = await pin(consumer, asked.source, partitions, asked.start, asked.end)
        job = Job(asked.source, str(asked.start), str(asked.end), asked.ruleset, spans)
        steps = await apply_topics(client["bootstrap_servers"], topics, JobLayout(partitions=partitions), client=client)
        if differences := [each for step in steps for each in step.differences]:
            raise TopicsDiffer(differences)
        await producer.send_and_wait(topics.parameters, job.encode(), key=_KEY, partition=0)
        # Of two that begin at once the first one's record counts, for both.
        job = await find_job(consumer, topics) or job
    asked.require(job, topics.job)
    return job


async def require_job(consumer: Any, topics: JobTopics) -> Job:
    """The job as it was begun. Raises JobRefusedError when there is none."""
    job = await find_job(consumer, topics)
    if job is None:
        raise JobRefusedError(f"there is no job {topics.job} here; begin it with `claimstream replay run`")
    return job


async def find_job(consumer: Any, topics: JobTopics) -> Job | None:
    """The job as it was begun; None when there is none."""
    if topics.parameters not in await consumer.topics():
        return None
    tp = TopicPartition(topics.parameters, 0)
    end = (await consumer.end_offsets([tp]))[tp]
    consumer.assign([tp])
    consumer.seek(tp, (await consumer.beginning_offsets([tp]))[tp])
    while await consumer.position(tp) < end:
        for record in (await consumer.getmany(tp, timeout_ms=500, max_records=1)).get(tp, ()):
            return Job.decode(record.value)
    return None
