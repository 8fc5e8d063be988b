"""Records as senders make them, and as intake writes them into the log: made-up members of a few payers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from schemas.authorization import Authorization
from schemas.codec import content_type
from schemas.purge import Purge
from streams import headers as h
from streams.clock import day_of
from streams.intake.arrival import Arrived, Circumstances, arrive, arrive_fact, event_id
from streams.intake.items import ReadClaim, ReadFact
from streams.intake.reading import read_record
from streams.tokens import Tokens
from tests.validators.building import completed, default_claim, laid_over
from validators.loading import load_ruleset
from validators.ruleset import Ruleset

PACKS = Path(__file__).with_name("packs")
KEY = b"a key that only the recount has"
SOURCES = ("health-system", "pain-network")
TOPIC = "claims.patient-events"
DAY_MS = 86_400_000
NOON_MS = DAY_MS // 2

Tree = dict[str, Any]


@cache
def ruleset() -> Ruleset:
    """The rules of a site that is sent authorizations, and wants the encounters of one payer."""
    return load_ruleset(PACKS)


@cache
def tokens() -> Tokens:
    """The tokens of that site."""
    return Tokens(KEY, ruleset().payers)


class Member(NamedTuple):
    """A policy with the first names and birth dates of its people, the subscriber first."""

    payer: Tree
    member_id: str
    people: tuple[tuple[str, str], ...]

    @property
    def names(self) -> Tree:
        """Payer and member as an authorization or encounter names them."""
        return {"payer_id": self.payer["id"], "member_id": self.member_id}


def claim_of(member: Member, person: int, fields: Mapping[str, Any]) -> Tree:
    """A claim of one of the people of a member; what is not said is that of the default claim."""
    (subscriber, born), (first_name, birth_date) = member.people[0], member.people[person]
    whose: Tree = {
        "payer": member.payer,
        "subscriber": {
            "member_id": member.member_id,
            "first_name": subscriber,
            "birth_date": born,
            "relationship": "spouse" if person else "self",
        },
        "patient": {"first_name": first_name, "birth_date": birth_date} if person else None,
        "received_on": None,
    }
    return completed(laid_over(laid_over(default_claim(), whose), fields))


def fact_of(member: Member, person: int | None, fields: Mapping[str, Any]) -> Tree:
    """An authorization or encounter about one of the people of a member, or about any of them."""
    if person is None:
        return {**member.names, **fields}
    first_name, birth_date = member.people[person]
    return {**member.names, "patient": {"first_name": first_name, "birth_date": birth_date}, **fields}


@dataclass(frozen=True)
class Made:
    """A record as a sender makes it; the same value of the same source is the same event again."""

    value: bytes
    source: str
    arrived_on: date

    @classmethod
    def of(cls, tree: Tree, source: str, arrived_on: date) -> "Made":
        """A record of an object."""
        return cls(json.dumps(tree, separators=(",", ":")).encode(), source, arrived_on)


class LogRecord(NamedTuple):
    """A record of the log, in memory."""

    offset: int
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]
    partition: int = 0
    topic: str = TOPIC
    timestamp: int = 0

    def __repr__(self) -> str:
        """What matters of it, for a failing example."""
        said = dict(self.headers)
        kind, person = said["content-type"].decode().split(".")[2].partition("+")[0], said["cs-person"][:4].decode()
        return f"{self.offset} {day_of(int(said['cs-arrived-ms']))} {kind} {person} {self.value.decode()}"


def arrived_ms(day: date) -> int:
    """Noon of a day, as a broker writes times."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000 + NOON_MS


def event_id_of(made: Made) -> str:
    """The identity of a record that holds one claim, authorization or encounter."""
    (item,) = read_record(made.value)
    return event_id(made.source, item.identity)


def logged(made: Made, offset: int) -> LogRecord:
    """What intake writes into the log of a record that holds one claim, authorization or encounter."""
    (item,) = read_record(made.value)
    assert isinstance(item, ReadClaim | ReadFact)
    how = Circumstances(source=made.source, fallback_on=made.arrived_on)
    arrived = arrive(item, how, tokens()) if isinstance(item, ReadClaim) else arrive_fact(item, how, tokens())
    content = arrived.claim if isinstance(arrived, Arrived) else arrived.fact
    kind = "claim" if isinstance(arrived, Arrived) else "encounter"
    texts = {
        h.CONTENT_TYPE: content_type("authorization" if isinstance(content, Authorization) else kind),
        h.EVENT_ID: arrived.event_id,
        h.PERSON: arrived.person,
        h.ARRIVED_MS: str(arrived_ms(made.arrived_on)),
    }
    value = content.model_dump_json(exclude_defaults=True).encode()
    return LogRecord(offset, arrived.patient_token.encode(), value, h.written(texts))


def purged(token: str, arrived_on: date, offset: int) -> LogRecord:
    """What `state purge` writes into the log of a patient."""
    value = Purge(requested_at=f"{arrived_on}T12:00:00Z {offset}").model_dump_json().encode()
    texts = {
        h.CONTENT_TYPE: content_type("purge"),
        h.EVENT_ID: event_id("purge", (value,)),
        h.PERSON: "",
        h.ARRIVED_MS: str(arrived_ms(arrived_on)),
    }
    return LogRecord(offset, token.encode(), value, h.written(texts))
