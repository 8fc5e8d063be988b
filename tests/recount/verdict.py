"""What a run left, judged by the recount, one partition after another."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import ConsumerRecord

from schemas.claim import Claim
from streams.topics import Topics
from tests.recount.comparing import Output, differences, rebuilt_differs
from tests.recount.making import ruleset
from tests.recount.playing import Played
from tests.recount.recount import PatientRecount, recount
from tests.recount.site import PARTITIONS
from tests.recount.told import told

REBUILD_RECORDS_MIN, REBUILD_RECORDS_A_SECOND_MIN = 200_000, 50_000


@dataclass
class Verdict:
    """What was counted, and every difference as a sentence."""

    counted: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


def judge(played: Played, topics: Topics) -> Verdict:
    """Compare everything a run left with the recount of its log."""
    verdict = Verdict()
    verdict.differences += _lost(played, topics, verdict)
    for partition in range(PARTITIONS):
        log = played.topics[topics.patient_events][partition]
        patients = recount(map(told, log), ruleset())
        verdict.counted["log_records"] += len(log)
        _count(verdict.counted, patients.values())
        verdict.differences += (
            f"partition {partition}: {said}" for said in _differ(played, topics, partition, patients)
        )
    if played.rebuilt_records >= REBUILD_RECORDS_MIN and _rebuilt_a_second(played) < REBUILD_RECORDS_A_SECOND_MIN:
        verdict.differences.append(f"state was rebuilt at {_rebuilt_a_second(played)} records/s")
    return verdict


def summary(played: Played, verdict: Verdict) -> dict[str, Any]:
    """The run in numbers."""
    return {
        **dict(sorted(verdict.counted.items())),
        "rebuilt_records": played.rebuilt_records,
        "rebuilt_records_a_second": _rebuilt_a_second(played),
        "delivered_again": sum(map(len, played.again.values())),
        "differences": len(verdict.differences),
        "seconds": played.seconds,
    }


def _rebuilt_a_second(played: Played) -> int:
    return round(played.rebuilt_records / max(played.rebuild_seconds, 1e-9))


def _lost(played: Played, topics: Topics, verdict: Verdict) -> Iterator[str]:
    """Everything that was sent stands in the log, and nothing else; nothing was put aside."""
    logged = {event for records in played.topics[topics.patient_events].values() for event in map(_event, records)}
    verdict.counted["lost"] = len(played.sent - logged)
    for event in sorted(played.sent ^ logged):
        yield f"event {event} {'was lost on its way into the log' if event in played.sent else 'was never sent'}"
    for name in (topics.received_dlt, topics.patient_events_dlt):
        for record in (each for records in played.topics[name].values() for each in records):
            yield f"{name}:{record.partition}:{record.offset} is a dead letter"


def _event(record: ConsumerRecord) -> str:
    return dict(record.headers)["cs-event-id"].decode()


def _count(counted: Counter[str], patients: Iterable[PatientRecount]) -> None:
    for patient in patients:
        counted["patients"] += 1
        counted["different_events"] += len(patient.met)
        counted["claims"] += sum(isinstance(met.told.says, Claim) for met in patient.met)
        counted["repeated_claims"] += sum(at != met.position for at, met in patient.answers.items())
        counted["revisions"] += sum(max(0, len(met.decided) - 1) for met in patient.met)
        counted["withdrawals"] += len(patient.withdrawals)


def _differ(played: Played, topics: Topics, partition: int, patients: Mapping[str, PatientRecount]) -> Iterator[str]:
    """The differences of a partition: before its last claims were delivered again, and after."""
    outputs = {name: played.topics[topics.outcome(name)][partition] for name in ("accepted", "flagged", "denied-risk")}
    changelog = played.topics[topics.state_changelog][partition]
    before = {name: _up_to(played, topics.outcome(name), records, partition) for name, records in outputs.items()}
    state, terms = played.rebuilt[partition], ruleset().state
    changes = [(record.key, record.value) for record in _up_to(played, topics.state_changelog, changelog, partition)]
    yield from differences(patients, _published(before), _entries(changes), state, terms)
    yield from rebuilt_differs(dict(_entries(changes)), state)
    all_changes = _entries((record.key, record.value) for record in changelog)
    for said in differences(patients, _published(outputs), all_changes, state, terms):
        yield f"after the last claims came again: {said}"
    came_again = {name: records[len(before[name]) :] for name, records in outputs.items()}
    answered = {each.claim_offset for each in _published(came_again)}
    for offset in played.again.get(partition, ()):
        if offset not in answered:
            yield f"the claim at {offset} came again and was not decided again"


def _up_to(played: Played, topic: str, records: Sequence[ConsumerRecord], partition: int) -> Sequence[ConsumerRecord]:
    """Those that stood there before the last claims were delivered again."""
    return [record for record in records if record.offset < played.ends[topic, partition]]


def _published(outputs: Mapping[str, Sequence[ConsumerRecord]]) -> list[Output]:
    return [Output.of(name, each.value, each.headers) for name, records in outputs.items() for each in records]


def _entries(changes: Iterable[tuple[bytes, bytes | None]]) -> list[tuple[bytes, bytes | None]]:
    """Without what else stands there: whose state it is."""
    return [(key, value) for key, value in changes if len(key) == 32 + 64]
