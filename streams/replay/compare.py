"""A replay's decisions beside those that were made live about the same events."""

from bisect import insort
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from schemas.decision import OUTCOMES, Outcome
from streams import headers as h
from streams.replay.job import Job, JobTopics, outcome_topics
from streams.replay.outputs import NOTHING, Seen, latest_of
from streams.topic_layout import Topics

LOG = Topics().patient_events


@dataclass(slots=True)
class Cell:
    """Claims with one outcome live and one in the replay: their charges, and the dollars at risk before and after."""

    claims: int = 0
    charge: Decimal = NOTHING
    at_risk_live: Decimal = NOTHING
    at_risk_replay: Decimal = NOTHING


@dataclass(slots=True)
class RuleChange:
    """What became of one rule's findings: claims, and the sum of their dollars at risk.

    `changed`: the rule fires on both sides and says another thing; its dollars are the difference.
    """

    gained: int = 0
    gained_dollars: Decimal = NOTHING
    lost: int = 0
    lost_dollars: Decimal = NOTHING
    changed: int = 0
    changed_dollars: Decimal = NOTHING

    @property
    def dollars(self) -> Decimal:
        """What the rule adds to the dollars of its findings."""
        return self.gained_dollars - self.lost_dollars + self.changed_dollars


class Example(NamedTuple):
    """A claim that was decided otherwise; sorted, the smallest comes first."""

    lines: int
    charge: Decimal
    claim_id: str
    event_id: str
    live: Outcome
    replay: Outcome
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    changed: tuple[str, ...]


@dataclass(slots=True)
class Comparison:
    """Takes events one by one; keeps sums and the `limit` smallest examples.

    `equal`: the same outcome and the same findings; `identical`: the same decision, byte for byte.
    """

    limit: int = 5
    equal: int = 0
    identical: int = 0
    only_live: int = 0
    only_replay: int = 0
    cells: dict[tuple[Outcome, Outcome], Cell] = field(default_factory=dict)
    rules: dict[str, RuleChange] = field(default_factory=dict)
    examples: list[Example] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cells = {(live, replay): Cell() for live in OUTCOMES for replay in OUTCOMES}

    @property
    def both(self) -> int:
        """Claims that were decided on both sides."""
        return sum(cell.claims for cell in self.cells.values())

    @property
    def differing(self) -> int:
        """Claims with another outcome or other findings."""
        return self.both - self.equal

    def take_all(self, live: Mapping[str, Seen], replay: Mapping[str, Seen]) -> None:
        """Take the events of a partition."""
        self.only_live += len(live.keys() - replay.keys())
        self.only_replay += len(replay.keys() - live.keys())
        for event_id, replayed in replay.items():
            if event_id in live:
                self.take(live[event_id], replayed)

    def take(self, live: Seen, replay: Seen) -> None:
        """Take an event that was decided on both sides."""
        cell = self.cells[live.outcome, replay.outcome]
        cell.claims += 1
        cell.charge += replay.charge
        cell.at_risk_live += live.at_risk
        cell.at_risk_replay += replay.at_risk
        self.identical += live.decision_id == replay.decision_id
        gained, lost, changed = self._rules(live, replay)
        if live.outcome == replay.outcome and not (gained or lost or changed):
            self.equal += 1
            return
        # A claim id is the sender's own and may come twice; the event id makes the order one.
        what = (live.outcome, replay.outcome, gained, lost, changed)
        insort(self.examples, Example(replay.lines, replay.charge, replay.claim_id, replay.event_id, *what))
        del self.examples[self.limit :]

    def _rules(self, live: Seen, replay: Seen) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """The rules with findings on the replay's side only, on the live side only, and with other ones."""
        before, after = _by_rule(live), _by_rule(replay)
        gained = tuple(sorted(after.keys() - before.keys()))
        lost = tuple(sorted(before.keys() - after.keys()))
        changed = tuple(sorted(rule for rule in after.keys() & before.keys() if after[rule][1] != before[rule][1]))
        for rule in gained:
            change = self.rules.setdefault(rule, RuleChange())
            change.gained += 1
            change.gained_dollars += after[rule][0]
        for rule in lost:
            change = self.rules.setdefault(rule, RuleChange())
            change.lost += 1
            change.lost_dollars += before[rule][0]
        for rule in changed:
            change = self.rules.setdefault(rule, RuleChange())
            change.changed += 1
            change.changed_dollars += after[rule][0] - before[rule][0]
        return gained, lost, changed


def _by_rule(seen: Seen) -> dict[str, tuple[Decimal, Counter[bytes]]]:
    found: dict[str, tuple[Decimal, Counter[bytes]]] = {}
    for finding in seen.findings:
        dollars, said = found.get(finding.rule, (NOTHING, Counter()))
        said[finding.digest] += 1
        found[finding.rule] = dollars + finding.dollars, said
    return found


def live_topics(job: Job, prefix: str) -> Topics:
    """The live topics beside the log a job replays; those under `prefix` when the log's name does not tell."""
    return Topics(job.source.removesuffix(LOG) if job.source.endswith(LOG) else prefix)


async def compare(consumer: Any, job: Job, topics: JobTopics, live: Topics, limit: int) -> Comparison:
    """Compare the outputs of a job with the live ones, a partition at a time: an event's are all in one."""
    comparison = Comparison(limit)
    for partition, span in enumerate(job.spans):
        replay = await latest_of(consumer, outcome_topics(topics), partition)
        in_window = _InWindow(job.source, partition, span, replay)
        comparison.take_all(await latest_of(consumer, outcome_topics(live), partition, in_window), replay)
    return comparison


@dataclass(frozen=True, slots=True)
class _InWindow:
    """Whether a live decision is about an event of the window: by its place in the log, or because it was replayed."""

    source: str
    partition: int
    span: range
    replay: Mapping[str, Seen]

    def __call__(self, texts: Mapping[str, str]) -> bool:
        if texts.get(h.EVENT_ID) in self.replay:
            return True
        source, _, rest = texts.get(h.POSITION, "").rpartition(":")
        at = f"{self.source}:{self.partition}"
        return source == at and rest.isascii() and rest.isdigit() and int(rest) in self.span


def as_objects(comparison: Comparison, job: str, *, finished: bool) -> Sequence[dict[str, Any]]:
    """For programs: the counts, then each transition, rule and example."""
    counts = {
        "kind": "summary", "job": job, "finished": finished, "claims": comparison.both, "equal": comparison.equal,
        "identical": comparison.identical, "differing": comparison.differing, "only_live": comparison.only_live,
        "only_replay": comparison.only_replay,
    }  # fmt: skip
    transitions = [
        {
            "kind": "transition", "live": live, "replay": replay, "claims": cell.claims,
            "total_charge": str(cell.charge), "amount_at_risk_live": str(cell.at_risk_live),
            "amount_at_risk_replay": str(cell.at_risk_replay),
        }
        for (live, replay), cell in comparison.cells.items()
    ]  # fmt: skip
    rules = [
        {
            "kind": "rule", "rule": rule, "gained": change.gained, "gained_dollars": str(change.gained_dollars),
            "lost": change.lost, "lost_dollars": str(change.lost_dollars), "changed": change.changed,
            "changed_dollars": str(change.changed_dollars),
        }
        for rule, change in sorted(comparison.rules.items())
    ]  # fmt: skip
    examples = [
        {
            "kind": "example", "claim_id": each.claim_id, "event_id": each.event_id, "live": each.live,
            "replay": each.replay, "gained": each.gained, "lost": each.lost, "changed": each.changed,
        }
        for each in comparison.examples
    ]  # fmt: skip
    return [counts, *transitions, *rules, *examples]
