"""The window of a replay: its bounds as they were asked for, and the offsets they were pinned at."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import TopicPartition

_OFFSET = re.compile("offset:([0-9]{1,18})")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_EPOCH = datetime.fromtimestamp(0, UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Bound:
    """One side of a window: an offset, the same in each partition, or milliseconds since the epoch. One is set."""

    offset: int | None = None
    instant_ms: int | None = None

    @classmethod
    def read(cls, text: str) -> "Bound":
        """`offset:N` or an RFC 3339 instant, finer than a millisecond taken up to the next one.

        Raises ValueError with what to write.
        """
        if by_offset := _OFFSET.fullmatch(text):
            return cls(offset=int(by_offset[1]))
        if _INSTANT.fullmatch(text):
            try:
                since = datetime.fromisoformat(text.upper()) - _EPOCH
            except (ValueError, OverflowError):
                pass  # a 30th of February has the right form too
            else:
                return cls(instant_ms=max(0, -(-since // _MILLISECOND)))
        raise ValueError(f"{text!r} is neither an instant like 2026-06-15T00:00:00Z nor offset:N")

    def __str__(self) -> str:
        if self.instant_ms is None:
            return f"offset:{self.offset}"
        return (_EPOCH + self.instant_ms * _MILLISECOND).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def after(self, other: "Bound") -> bool:
        """Whether it lies behind another of its kind; bounds of two kinds are compared by nobody."""
        if self.instant_ms is not None and other.instant_ms is not None:
            return self.instant_ms > other.instant_ms
        return self.offset is not None and other.offset is not None and self.offset > other.offset


async def pin(consumer: Any, source: str, partitions: int, start: Bound, end: Bound) -> tuple[range, ...]:
    """The offsets of the window in each partition, from the first one in it to the first one behind it.

    A bound before the log's first record is pinned there, one behind its last record at its end of now.
    """
    tps = [TopicPartition(source, partition) for partition in range(partitions)]
    # The ends come first: what arrives while we ask is behind them, and behind the window.
    ends = await consumer.end_offsets(tps)
    firsts = await consumer.beginning_offsets(tps)
    starts_at = await _at(consumer, tps, start, ends)
    ends_at = await _at(consumer, tps, end, ends)
    spans = []
    for tp in tps:
        begin = min(max(starts_at[tp], firsts[tp]), ends[tp])
        spans.append(range(begin, max(begin, min(ends_at[tp], ends[tp]))))
    return tuple(spans)


async def _at(consumer: Any, tps: Sequence[Any], bound: Bound, ends: Mapping[Any, int]) -> dict[Any, int]:
    if bound.instant_ms is None:
        return dict.fromkeys(tps, bound.offset or 0)
    found = await consumer.offsets_for_times(dict.fromkeys(tps, bound.instant_ms))
    return {tp: ends[tp] if found.get(tp) is None else found[tp].offset for tp in tps}
