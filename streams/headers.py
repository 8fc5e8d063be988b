"""The record headers of the contract: read leniently, written once. None of them names a person."""

from collections.abc import Mapping, Sequence
from datetime import date

from streams.clock import day_of

CONTENT_TYPE = "content-type"
SOURCE = "cs-source"
RECEIVED_ON = "cs-received-on"
EVENT_ID = "cs-event-id"
FIRST_CLAIM = "cs-first-claim"
BUNDLE = "cs-bundle"
REDRIVE_OF = "cs-redrive-of"
PERSON = "cs-person"
POSITION = "cs-position"
ORIGIN = "cs-origin"
ARRIVED_MS = "cs-arrived-ms"
REPLAY_JOB = "cs-replay-job"
REKEYED_FROM = "cs-rekeyed-from"
ORIGINAL_TIMESTAMP = "dlt-original-timestamp"
FAILED_AT = "dlt-position"
LETTER_OF = "dlt-of"

Headers = list[tuple[str, bytes]]


def texts(headers: Sequence[tuple[str, bytes | None]]) -> dict[str, str]:
    """Headers by name as text; of several with one name the last, undecodable bytes replaced."""
    return {name: (content or b"").decode(errors="replace") for name, content in headers}


def written(values: Mapping[str, str]) -> Headers:
    """Headers from texts by name."""
    return [(name, value.encode()) for name, value in values.items()]


def day(text: str | None) -> date | None:
    """A calendar day of a header, YYYY-MM-DD; None when it is absent or no such day."""
    written_as = (text or "").strip()
    try:
        found = date.fromisoformat(written_as)
    except ValueError:
        return None
    # Python reads week dates and days without hyphens too, which the contract does not have.
    return found if found.isoformat() == written_as else None


def day_of_timestamp(text: str | None) -> date | None:
    """The day of a broker timestamp in milliseconds; None when it is absent or no number."""
    return day_of(int(text)) if text and text.isascii() and text.isdigit() and len(text) <= 14 else None


def ordinal(text: str | None) -> int:
    """The number of a claim in its transaction, from 1; 1 when it is absent or no such number."""
    return max(1, int(text)) if text and text.isascii() and text.isdigit() and len(text) <= 9 else 1


def position(topic: str, partition: int, offset: int) -> str:
    """Where a record stands: `topic:partition:offset`."""
    return f"{topic}:{partition}:{offset}"
