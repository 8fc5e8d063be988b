"""What the product says of made-up claims, without a broker: intake, decider and history as the worker has them."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from schemas.claim import Claim
from schemas.decision import Decision
from streams.demo import json_writer, x12_writer
from streams.demo.draft import Draft
from streams.demo.generator import FeedRecord
from streams.demo.visits import Visits
from streams.intake.arrival import Circumstances, arrive, event_id
from streams.intake.items import Item, ReadClaim, Rejected, Warned
from streams.intake.reading import read_record
from tests.validators.building import Desk, tokens


@dataclass
class Judge:
    """Decides one claim after another, each with those before it as history."""

    desk: Desk = field(default_factory=Desk)

    def decide(self, item: ReadClaim, source: str) -> Decision:
        (decided,) = self.desk.take(arrive(item, Circumstances(source=source), tokens()))
        return decided.decision

    def decide_draft(self, draft: Draft) -> Decision:
        (item,) = items(json_writer.json_bytes(json_writer.claim_object(draft)))
        assert isinstance(item, ReadClaim)
        return self.decide(item, draft.practice.source)


@dataclass(frozen=True)
class Judged:
    """A feed with what was read of it; `first` are decisions by event id, repeats left out."""

    items: list[tuple[FeedRecord, list[ReadClaim | Rejected]]]
    warnings: list[tuple[FeedRecord, Warned]]
    first: dict[str, Decision]


def items(value: bytes, content_type: str | None = None) -> list[ReadClaim | Rejected]:
    return [item for item in read_record(value, content_type) if not isinstance(item, Warned)]


def judge(records: Iterable[FeedRecord]) -> Judged:
    desk, judged = Judge(), Judged([], [], {})
    for record in records:
        found: list[Item] = list(read_record(record.value, record.content_type))
        judged.items.append((record, [item for item in found if not isinstance(item, Warned)]))
        judged.warnings.extend((record, item) for item in found if isinstance(item, Warned))
        for item in found:
            if isinstance(item, ReadClaim) and (event := event_id(record.source, item.identity)) not in judged.first:
                judged.first[event] = desk.decide(item, record.source)
    return judged


def claims(judged: Judged) -> Iterator[Claim]:
    for _, found in judged.items:
        yield from (item.claim for item in found if isinstance(item, ReadClaim))


def visits(seed: int = 1) -> Visits:
    return Visits(random.Random(seed), 1000)


def as_x12(*drafts: Draft, newlines: bool = True) -> bytes:
    return x12_writer.interchange(drafts, control=42, newlines=newlines)
