from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

from streams.replay.window import Bound, pin


class Found(NamedTuple):
    offset: int


@dataclass
class FakeLog:
    """One partition after another, as first offset and the times of its records."""

    partitions: list[tuple[int, list[int]]]

    async def beginning_offsets(self, tps: list[Any]) -> dict[Any, int]:
        return {tp: self.partitions[tp.partition][0] for tp in tps}

    async def end_offsets(self, tps: list[Any]) -> dict[Any, int]:
        return {tp: sum((self.partitions[tp.partition][0], len(self.partitions[tp.partition][1]))) for tp in tps}

    async def offsets_for_times(self, times: dict[Any, int]) -> dict[Any, Found | None]:
        found: dict[Any, Found | None] = {}
        for tp, time in times.items():
            first, stamps = self.partitions[tp.partition]
            later = [first + index for index, stamp in enumerate(stamps) if stamp >= time]
            found[tp] = Found(later[0]) if later else None
        return found


def pinned(log: FakeLog, start: str, end: str) -> Any:
    return pin(log, "log", len(log.partitions), Bound.read(start), Bound.read(end))


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("offset:0", Bound(offset=0)),
        ("offset:17", Bound(offset=17)),
        ("1970-01-01T00:00:01Z", Bound(instant_ms=1000)),
        ("1970-01-01t00:00:01z", Bound(instant_ms=1000)),
        ("1970-01-01T01:00:00.250+01:00", Bound(instant_ms=250)),
        ("1970-01-01T00:00:00.0001Z", Bound(instant_ms=1)),
        ("1969-12-31T00:00:00Z", Bound(instant_ms=0)),
    ],
)
def test_a_bound_is_an_offset_or_an_instant(text, bound):
    assert bound == Bound.read(text)
    assert bound == Bound.read(str(bound))


@pytest.mark.parametrize(
    "text",
    [
        "", "17", "offset:", "offset:-1", "offset:1.5", "offset:\u0661", "2026-06-15", "2026-06-15T00:00:00", "now",
        "2026-02-30T00:00:00Z", "2026-W25-1T00:00:00Z", "20260615T000000Z", "offset:1234567890123456789",
        "0001-01-01T00:00:00+23:59 ",
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_what_to_write(text):
    with pytest.raises(ValueError, match="neither an instant like 2026-06-15T00:00:00Z nor offset:N"):
        Bound.read(text)


def test_bounds_of_one_kind_have_an_order():
    assert Bound(offset=2).after(Bound(offset=1))
    assert not Bound(offset=1).after(Bound(offset=1))
    assert Bound(instant_ms=2).after(Bound(instant_ms=1))
    assert not Bound(instant_ms=0).after(Bound(offset=1))


async def test_a_window_by_offsets_keeps_to_what_the_log_holds():
    log = FakeLog([(5, [0] * 10), (0, [0] * 3)])

    assert (range(7, 12), range(3, 3)) == await pinned(log, "offset:7", "offset:12")
    assert (range(5, 15), range(3)) == await pinned(log, "offset:0", "offset:99")


async def test_a_window_by_instants_begins_at_its_first_record_and_ends_before_the_end():
    log = FakeLog([(0, [1000, 2000, 3000]), (4, [1500, 1500]), (0, [])])
    window = await pinned(log, "1970-01-01T00:00:01.500Z", "1970-01-01T00:00:03Z")

    assert (range(1, 2), range(4, 6), range(0)) == window


async def test_an_end_after_now_is_the_end_of_the_log():
    log = FakeLog([(0, [1000, 2000])])

    assert (range(1, 2),) == await pinned(log, "1970-01-01T00:00:02Z", "2099-01-01T00:00:00Z")


async def test_a_window_that_ends_before_it_starts_is_empty():
    log = FakeLog([(0, [1000, 2000])])

    assert (range(2, 2),) == await pinned(log, "1970-01-01T00:00:09Z", "offset:1")
