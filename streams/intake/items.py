"""What reading a record gives: claims, rejections and warnings, each with its place in the original bytes."""

from dataclasses import dataclass
from datetime import date

from schemas.authorization import Authorization
from schemas.claim import Claim
from schemas.encounter import Encounter
from schemas.rejection import Rejection


@dataclass(frozen=True, slots=True)
class Span:
    """A byte range of the record, end exclusive."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ReadClaim:
    """A claim as the record has it.

    `identity` are the parts that, with the source, make its event id. `received_on` is the date the record itself
    carries outside the claim (X12 BHT04). `where` names its place for a person ("ST 0001 · claim 1").
    """

    claim: Claim
    identity: tuple[bytes, ...]
    span: Span
    where: str
    received_on: date | None = None
    unknown_fields: int = 0


@dataclass(frozen=True, slots=True)
class Rejected:
    """What could not be read; `original` is the smallest piece of the record that can be sent again on its own.

    Its items are the same events then, where it is read with `first_ordinal`, the number its first claim had in its
    transaction or Bundle, and with `bundle`, the SHA-256 of that Bundle (empty for all else).
    """

    rejection: Rejection
    identity: tuple[bytes, ...]
    span: Span
    where: str
    original: bytes
    first_ordinal: int = 1
    bundle: bytes = b""


@dataclass(frozen=True, slots=True)
class Warned:
    """A fault of the record that keeps no claim from being read: a wrong count, padding, a control number."""

    message: str
    at: str


@dataclass(frozen=True, slots=True)
class ReadFact:
    """An authorization or encounter as the record has it; else as a claim."""

    fact: Authorization | Encounter
    identity: tuple[bytes, ...]
    span: Span
    where: str = ""
    unknown_fields: int = 0


Item = ReadClaim | ReadFact | Rejected | Warned
