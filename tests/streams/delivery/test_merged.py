import asyncio
from collections.abc import Sequence

from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from streams.delivery.linear import merged
from tests.streams.state.in_memory import Consumer, Stored

Times = Sequence[Sequence[int]]


def partitions(times: Times) -> list[list[Stored]]:
    return [
        [Stored("t", offset, None, b"", timestamp=at, partition=number) for offset, at in enumerate(of_one)]
        for number, of_one in enumerate(times)
    ]


def read(times: Times, at_once: int, skipped: int = 0) -> list[tuple[int, int]]:
    """Partition and offset of each record, from the offset `skipped` on, as merged."""
    records = partitions(times)
    spans = {TopicPartition("t", number): range(skipped, len(each)) for number, each in enumerate(records)}

    async def all_of() -> list[tuple[int, int]]:
        consumer = Consumer(*records, at_once=at_once)
        return [(record.partition, record.offset) async for record in merged(consumer, spans)]

    return asyncio.run(all_of())


def test_records_come_by_time_then_partition_then_offset() -> None:
    assert [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1)] == read([[1, 3], [1, 4], [2]], at_once=9)


def test_a_time_that_goes_back_leaves_a_partition_in_order() -> None:
    assert [(1, 0), (0, 0), (0, 1), (1, 1)] == read([[5, 1], [2, 6]], at_once=9)


times = st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=4)


@given(times, st.integers(1, 5), st.integers(0, 2))
def test_the_order_is_one_and_the_same_however_records_are_fetched(times: Times, at_once: int, skipped: int) -> None:
    found = read(times, at_once, skipped)

    assert found == read(times, 99, skipped)
    assert sorted(found) == [
        (number, offset) for number, of_one in enumerate(times) for offset in range(skipped, len(of_one))
    ]


@given(st.lists(st.lists(st.integers(0, 9), max_size=6).map(sorted), max_size=4), st.integers(1, 5))
def test_where_time_only_goes_forward_it_is_the_order_of_time(times: Times, at_once: int) -> None:
    placed = [(times[number][offset], number, offset) for number, offset in read(times, at_once)]

    assert placed == sorted(placed)
