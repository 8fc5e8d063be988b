"""A claim that was read becomes an event: whose it is, when it came, and an identity that survives a repeat."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from schemas.authorization import Authorization
from schemas.claim import Claim, Payer
from schemas.encounter import Encounter
from streams.intake.items import ReadClaim, ReadFact
from streams.tokens import Tokens

DEFAULT_SOURCE = "default"


@dataclass(frozen=True, slots=True)
class Arrived:
    """A claim as it goes into the log of its patient; `person` is the person within the member, as a token."""

    claim: Claim
    event_id: str
    patient_token: str
    person: str


@dataclass(frozen=True, slots=True)
class ArrivedFact:
    """An authorization or encounter as it goes into the log; an empty `person` means any person of the member."""

    fact: Authorization | Encounter
    event_id: str
    patient_token: str
    person: str


@dataclass(frozen=True, slots=True)
class ArrivedPurge:
    """A request in the log of a patient to forget what stands before it."""

    event_id: str
    patient_token: str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known of a record besides its bytes, in the order in which it dates a claim (contract section 2).

    `stated_on` is the header `cs-received-on`, `original_on` the broker day of a redriven record, `as_of` the flag of
    `check`, `fallback_on` the broker day or file date.
    """

    source: str | None
    stated_on: date | None = None
    original_on: date | None = None
    as_of: date | None = None
    fallback_on: date | None = None


def event_id(source: str, identity: Iterable[bytes]) -> str:
    """SHA-256 in hex over the source and the parts of an item's identity, each with its length before it."""
    digest = hashlib.sha256()
    for part in (source.encode(), *identity):
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.hexdigest()


def arrive(item: ReadClaim, circumstances: Circumstances, tokens: Tokens) -> Arrived:
    """The event of a claim that was read. Without a source of its circumstances the claim's own counts."""
    source = circumstances.source or item.claim.source or DEFAULT_SOURCE
    received_on = (
        item.claim.received_on
        or circumstances.stated_on
        or circumstances.original_on
        or item.received_on
        or circumstances.as_of
        or circumstances.fallback_on
    )
    claim = item.claim.model_copy(update={"source": source, "received_on": received_on})
    return keyed(claim, event_id(source, item.identity), tokens)


def arrive_fact(
    item: ReadFact, circumstances: Circumstances, tokens: Tokens, *, of_medicare: bool = False
) -> ArrivedFact:
    """The event of an authorization or encounter that was read; `of_medicare`: its payer id is one of Medicare."""
    source = circumstances.source or DEFAULT_SOURCE
    return keyed_fact(item.fact, source, event_id(source, item.identity), tokens, of_medicare=of_medicare)


def keyed(claim: Claim, event: str, tokens: Tokens) -> Arrived:
    """The event of a claim whose source is known, under the token of its patient."""
    token = tokens.patient(claim)
    return Arrived(claim, event, token, tokens.person(claim.who, token))


def keyed_fact(
    fact: Authorization | Encounter, source: str, event: str, tokens: Tokens, *, of_medicare: bool = False
) -> ArrivedFact:
    """The event of an authorization or encounter, under the token of its patient."""
    # These programs are Medicare's alone: the record may name a payer id that only its claims show to be Medicare.
    of_medicare = of_medicare or (isinstance(fact, Authorization) and fact.program in ("wiser", "opd"))
    payer = Payer(id=fact.payer_id, line_of_business="medicare_ffs" if of_medicare else None)
    token = tokens.member(source, payer, fact.member_id)
    who = fact.patient
    # A patient without birth date and name tells nobody apart.
    person = tokens.person(who, token) if who is not None and (who.birth_date or who.first_name) else ""
    return ArrivedFact(fact, event, token, person)
