"""Dead letters: the original bytes under headers that say where they came from and why they are here.

Headers are readable by anyone who may list a topic, so they carry codes, pointers and hashes, never a value of a claim.
"""

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

UNPROCESSABLE = "unprocessable"
"""The code of a record on which our own code failed."""

PASSED_ON = frozenset({"content-type", "cs-source", "cs-received-on", "cs-event-id", "cs-first-claim"})
"""Headers of the original that a redrive or an account needs; all others stay behind."""

_EVENT_ID = re.compile(rb"[0-9a-f]{64}")


class Original(Protocol):
    """The record as it was read; `timestamp` is in milliseconds."""

    @property
    def topic(self) -> str:
        """The topic it was read from."""

    @property
    def partition(self) -> int:
        """Its partition there."""

    @property
    def offset(self) -> int:
        """Its offset there."""

    @property
    def timestamp(self) -> int:
        """Milliseconds since the epoch."""

    @property
    def value(self) -> bytes | None:
        """The whole original record."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """Its headers; Kafka lets one have no value."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Why a record is a dead letter, and who said so.

    `code` is of the closed list of rejections; `message` holds no value of the claim; `at` is a JSON pointer,
    loop/segment/element or FHIRPath; `span` the bytes of the original that were meant, None for all of them.
    """

    code: str
    message: str
    ruleset: str
    worker: str
    at: str = ""
    span: tuple[int, int] | None = None
    attempt: int = 1


def failed_on(exc: BaseException, *, ruleset: str, worker: str) -> Provenance:
    """Provenance of a record on which our own code raised: the type of the exception, never its text."""
    message = f"our own code failed with {type(exc).__name__}"
    return Provenance(code=UNPROCESSABLE, message=message, ruleset=ruleset, worker=worker)


def dead_letter_headers(record: Original, why: Provenance, sources: Collection[str]) -> list[tuple[str, bytes]]:
    """Headers of the contract for this record: those a redrive needs, then the provenance as UTF-8 text.

    `sources` are the closed list: what another source calls itself could be anybody's name.
    """
    original = record.value or b""
    start, end = why.span if why.span is not None else (0, len(original))
    provenance = {
        "dlt-original-topic": record.topic,
        "dlt-original-partition": str(record.partition),
        "dlt-original-offset": str(record.offset),
        "dlt-original-timestamp": str(record.timestamp),
        "dlt-exception-code": why.code,
        "dlt-exception-message": why.message,
        "dlt-at": why.at,
        "dlt-span": f"{start}:{end}",
        "dlt-sha256": hashlib.sha256(original).hexdigest(),
        "dlt-ruleset": why.ruleset,
        "dlt-worker": why.worker,
        "dlt-attempt": str(why.attempt),
    }
    passed_on = [
        (name, content) for name, content in record.headers if content is not None and _is_ours(name, content, sources)
    ]
    return passed_on + [(name, text.encode()) for name, text in provenance.items()]


def _is_ours(name: str, content: bytes, sources: Collection[str]) -> bool:
    """Whether a header may be passed on: one of ours, with nothing in it that a sender could have made up."""
    if name == "cs-source":
        return content.decode(errors="replace") in sources
    if name == "cs-first-claim":
        return content.isdigit()
    if name == "cs-event-id":
        return _EVENT_ID.fullmatch(content) is not None
    return name in PASSED_ON
