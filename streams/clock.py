"""The one module that reads a clock: for metrics, never for a decision."""

import time
from datetime import UTC, date, datetime


def seconds() -> float:
    """Seconds since the epoch, for metrics and latency."""
    return time.time()  # noqa: TID251 - this is the one place


def monotonic() -> float:
    """Seconds of a clock that only goes forward, for durations."""
    return time.monotonic()


def today() -> date:
    """The UTC calendar day, for what people are told of now."""
    return day_of(int(seconds() * 1000))


def day_of(timestamp_ms: int) -> date:
    """The UTC calendar day of a broker timestamp in milliseconds."""
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC).date()
