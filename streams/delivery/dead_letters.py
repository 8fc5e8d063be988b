"""Dead letters: the original bytes under headers that say where they came from and why they are here.

Headers are readable by anyone who may list a topic, so they carry codes, pointers and hashes, never a value of a claim.
A record that was redriven keeps, when it fails again, what was said of it the first time: where it first stood, when it
came, which bytes of which record it is; only its attempts go on.
"""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from streams import headers as h
from streams.intake.arrival import DEFAULT_SOURCE
from streams.intake.reading import plain_content_type
from streams.logs import place_of
from streams.tokens import TOKEN_LENGTH

UNPROCESSABLE = "unprocessable"
"""The code of a record on which our own code failed."""

_TOKEN: Final = re.compile(rb"[0-9a-f]{%d}" % TOKEN_LENGTH)
ATTEMPT: Final = "dlt-attempt"
OF_RECORD, OF_ITEM = "record", "item"
"""What a dead letter is of (`dlt-of`): a whole record our own code failed on, or one of the items in it."""

_SHA256: Final = re.compile("[0-9a-f]{64}")
_ORIGINAL: Final = {
    "dlt-original-partition": re.compile("[0-9]{1,9}"),
    "dlt-original-offset": re.compile("[0-9]{1,19}"),
    h.ORIGINAL_TIMESTAMP: re.compile("-1|[0-9]{1,14}"),  # a broker without a time for it says -1
    "dlt-span": re.compile("[0-9]{1,9}:[0-9]{1,9}"),
    "dlt-sha256": _SHA256,
}
"""What is said of a record the first time it fails, beside its topic."""

_FORMS: Final = {
    h.FIRST_CLAIM: re.compile("[0-9]{1,9}"),
    h.BUNDLE: _SHA256,
    h.EVENT_ID: _SHA256,
    h.PERSON: re.compile(f"(?:[0-9a-f]{{{TOKEN_LENGTH}}})?"),
    h.ORIGIN: re.compile("[A-Za-z0-9._-]{0,200}claims\\.received:[0-9]{1,9}:[0-9]{1,19}"),
    h.ARRIVED_MS: re.compile("[0-9]{1,14}"),
}
PASSED_ON: Final = frozenset({h.CONTENT_TYPE, h.SOURCE, h.RECEIVED_ON, *_FORMS})
"""Headers of the original that a redrive or an account needs; all others stay behind."""

REDRIVEN: Final = frozenset({*PASSED_ON, "dlt-original-topic", *_ORIGINAL, ATTEMPT})
"""Headers of a dead letter under which it is sent again."""


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
class Event:
    """The event a dead letter is of, and what reading its bytes takes to give that id again (`items.Rejected`)."""

    event_id: str
    first_ordinal: int = 1
    bundle: bytes = b""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Why a record is a dead letter, and who said so.

    `code` is of the closed list of rejections; `message` holds no value of the claim; `at` is a JSON pointer,
    loop/segment/element or FHIRPath; `span` the bytes of the original that were meant, None for all of them. Without
    an `event` the record is put aside as it came, and what its headers say of that holds for the letter.
    """

    code: str
    message: str
    ruleset: str
    worker: str
    at: str = ""
    span: tuple[int, int] | None = None
    event: Event | None = None


def failed_on(exc: BaseException, *, ruleset: str, worker: str) -> Provenance:
    """Provenance of a record on which our own code raised: type and place of the exception, never its text."""
    message = f"our own code failed with {place_of(exc)}"
    return Provenance(code=UNPROCESSABLE, message=message, ruleset=ruleset, worker=worker)


def dead_letter_headers(record: Original, why: Provenance, sources: Collection[str]) -> list[tuple[str, bytes]]:
    """Headers of the contract for this record: those a redrive needs, then the provenance as UTF-8 text.

    `sources` are the closed list: what another source calls itself could be anybody's name. Of a redriven record that
    fails again the original is the first one; `dlt-position` is where the record stood this time.
    """
    texts = h.texts(record.headers)
    first_time = _first_time(record.topic, texts)
    passed_on = {name: kept for name in texts if (kept := _kept(name, texts[name], sources)) is not None}
    if why.event is not None:
        passed_on |= {h.EVENT_ID: why.event.event_id, h.FIRST_CLAIM: str(why.event.first_ordinal)}
        passed_on |= {h.BUNDLE: why.event.bundle.hex()}
    provenance = {
        "dlt-original-topic": record.topic,
        **(first_time or _this_time(record, why)),
        "dlt-exception-code": why.code,
        "dlt-exception-message": why.message,
        "dlt-at": why.at,
        "dlt-ruleset": why.ruleset,
        "dlt-worker": why.worker,
        ATTEMPT: str(attempts(texts) + 1 if first_time else 1),
        h.FAILED_AT: h.position(record.topic, record.partition, record.offset),
        h.LETTER_OF: OF_RECORD if why.event is None else OF_ITEM,
    }
    nothing_said = ((h.FIRST_CLAIM, "1"), (h.BUNDLE, ""))
    return h.written({name: text for name, text in passed_on.items() if (name, text) not in nothing_said} | provenance)


def dead_letter_key(key: bytes | None, headers: Sequence[tuple[str, bytes | None]], sources: Collection[str]) -> bytes:
    """The key of a record our own code failed on: a patient token as it is, else the source, as intake writes it."""
    if _TOKEN.fullmatch(key or b""):
        return key or b""
    named = h.texts(headers).get(h.SOURCE)
    return (named if named in sources and named is not None else DEFAULT_SOURCE).encode()


def redrive_of(topic: str, texts: Mapping[str, str]) -> str | None:
    """The position of the dead letter that a record of this topic was; None when it was none."""
    named = texts.get(h.REDRIVE_OF, "")
    return named if re.fullmatch(re.escape(topic) + "-dlt:[0-9]{1,9}:[0-9]{1,19}", named) else None


def bundle_of(texts: Mapping[str, str]) -> bytes:
    """The SHA-256 of the Bundle that a redriven record is a part of; empty for all others."""
    named = texts.get(h.BUNDLE, "")
    return bytes.fromhex(named) if _SHA256.fullmatch(named) else b""


def attempts(texts: Mapping[str, str]) -> int:
    """How often a redriven record or the record of a dead letter has failed."""
    text = texts.get(ATTEMPT, "")
    return int(text) if re.fullmatch("[0-9]{1,6}", text) else 0


def _first_time(topic: str, texts: Mapping[str, str]) -> dict[str, str] | None:
    """What was said of a redriven record when it failed first; None unless all of it is there, in form."""
    if texts.get("dlt-original-topic") != topic:
        return None
    said = {name: texts.get(name, "") for name in _ORIGINAL}
    return said if all(form.fullmatch(said[name]) for name, form in _ORIGINAL.items()) else None


def _this_time(record: Original, why: Provenance) -> dict[str, str]:
    original = record.value or b""
    start, end = why.span if why.span is not None else (0, len(original))
    return {
        "dlt-original-partition": str(record.partition),
        "dlt-original-offset": str(record.offset),
        h.ORIGINAL_TIMESTAMP: str(record.timestamp),
        "dlt-span": f"{start}:{end}",
        "dlt-sha256": hashlib.sha256(original).hexdigest(),
    }


def _kept(name: str, text: str, sources: Collection[str]) -> str | None:
    """What of a header may be passed on: nothing that a sender could have made up."""
    if name == h.SOURCE:
        return text if text in sources else None
    if name == h.RECEIVED_ON:
        found = h.day(text)
        return found.isoformat() if found else None
    if name == h.CONTENT_TYPE:
        return plain_content_type(text)
    form = _FORMS.get(name)
    return text if form is not None and form.fullmatch(text) else None
