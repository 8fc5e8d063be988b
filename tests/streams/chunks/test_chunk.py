import asyncio
from typing import NamedTuple

import pytest

from streams.chunks.chunk import TP, Account, Chunk, Progress, Record, State, Turn, split


class FakeRecord(NamedTuple):
    offset: int
    value: bytes | None = b"claim"
    key: bytes | None = None
    topic: str = "claims.received"
    partition: int = 3
    timestamp: int = 1_782_000_000_000
    headers: tuple[tuple[str, bytes], ...] = ()


def records(*offsets: int) -> list[Record]:
    return [FakeRecord(offset) for offset in offsets]


class Changes:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.fixture
def changes() -> Changes:
    return Changes()


@pytest.fixture
def progress(changes: Changes) -> Progress:
    return Progress(100, changes)


def chunk_of(progress: Progress, *offsets: int, size_bytes: int = 10) -> Chunk:
    chunk = Chunk(TP("claims.received", 3), records(*offsets), progress, size_bytes)
    progress.add(chunk)
    return chunk


def test_a_run_ends_at_the_number_of_records() -> None:
    runs = [[r.offset for r in run] for run, _ in split(records(*range(5)), chunk_max=2, chunk_bytes=1000)]

    assert runs == [[0, 1], [2, 3], [4]]


def test_a_run_ends_before_the_bytes_would_be_too_many() -> None:
    given = [FakeRecord(n, value=b"x" * 40, key=b"k" * 10) for n in range(5)]
    runs = [(len(run), run_bytes) for run, run_bytes in split(given, chunk_max=200, chunk_bytes=100)]

    assert runs == [(2, 100), (2, 100), (1, 50)]


def test_a_record_larger_than_a_run_runs_alone() -> None:
    given = [FakeRecord(0), FakeRecord(1, value=b"x" * 5000), FakeRecord(2), FakeRecord(3, value=None)]
    runs = [[r.offset for r in run] for run, _ in split(given, chunk_max=200, chunk_bytes=100)]

    assert runs == [[0], [1], [2, 3]]


def test_nothing_makes_no_run() -> None:
    assert list(split([], chunk_max=200, chunk_bytes=100)) == []


def test_the_watermark_is_the_end_of_the_longest_run_of_done_chunks(progress: Progress, changes: Changes) -> None:
    first, second, third = (chunk_of(progress, n, n + 1) for n in (100, 102, 110))
    for chunk in (first, second, third):
        chunk.take()
    second.ack()

    assert progress.watermark == 100

    first.ack()

    assert progress.watermark == 104
    assert progress.running

    third.ack()

    assert progress.watermark == 112
    assert not progress.running
    assert progress.pending_bytes == 0
    assert changes.count == 3


def test_a_chunk_is_taken_once(progress: Progress) -> None:
    chunk = chunk_of(progress, 100)

    assert chunk.take()
    assert not chunk.take()


def test_chunks_nobody_started_are_dropped_and_the_running_one_stays(progress: Progress) -> None:
    first, second, third = (chunk_of(progress, n) for n in (100, 101, 102))
    first.take()
    progress.drop_queued()

    assert [c.state for c in (first, second, third)] == [State.RUNNING, State.DROPPED, State.DROPPED]
    assert [first] == list(progress.pending)
    assert progress.pending_bytes == 10
    assert not second.take()


def test_a_partition_that_leaves_owns_nothing_any_more(progress: Progress, changes: Changes) -> None:
    running, queued = chunk_of(progress, 100), chunk_of(progress, 101)
    running.take()
    progress.release()

    assert not running.owned
    assert State.DROPPED is queued.state
    assert changes.count == 1


def test_what_is_confirmed_after_the_partition_has_left_moves_no_watermark(progress: Progress) -> None:
    chunk = chunk_of(progress, 100, 101)
    chunk.take()
    progress.release()
    chunk.ack()

    assert progress.watermark == 100
    assert not progress.running


def test_a_dropped_chunk_moves_no_watermark(progress: Progress) -> None:
    chunk = chunk_of(progress, 100)
    chunk.take()
    chunk.drop()
    progress.advance()

    assert progress.watermark == 100


@pytest.mark.parametrize(("chunks", "size_bytes", "room"), [(1, 10, True), (2, 10, False), (1, 50, False)])
def test_the_window_is_bounded_in_chunks_and_in_bytes(
    progress: Progress, chunks: int, size_bytes: int, room: bool
) -> None:
    for n in range(chunks):
        chunk_of(progress, 100 + n, size_bytes=size_bytes)

    assert room == progress.has_room(window=2, window_bytes=50)


def test_markers_are_passed_over_only_when_nothing_is_in_hand(progress: Progress) -> None:
    chunk = chunk_of(progress, 100)
    progress.pass_over(105)

    assert progress.watermark == 100

    chunk.take()
    chunk.ack()
    progress.pass_over(105)

    assert progress.watermark == 105

    progress.pass_over(104)

    assert progress.watermark == 105


def test_halves_hold_the_same_records_in_order_and_share_the_progress(progress: Progress) -> None:
    chunk = chunk_of(progress, 100, 101, 107)
    first, second = chunk.halves()

    assert [r.offset for r in first.records] == [100]
    assert [r.offset for r in second.records] == [101, 107]
    assert (first.next_offset, second.next_offset) == (101, 108)
    assert progress is first.progress
    assert [chunk] == list(progress.pending)


async def test_a_turn_is_given_only_when_it_is_time() -> None:
    at = [0.0]
    turns: list[float] = []
    turn = Turn(tick=lambda: at[0])
    for at[0] in (0.019, 0.020, 0.039, 0.041):
        asyncio.get_running_loop().call_soon(turns.append, at[0])
        already = len(turns)
        await turn.give()
        if len(turns) > already:
            turns.append(-1)

    assert turns == [0.019, 0.020, -1, 0.039, 0.041, -1]


def test_a_watermark_that_passes_records_leaves_those_nobody_accounted_for_in_the_account(changes: Changes) -> None:
    account = Account()
    progress = Progress(100, changes, account)
    first, second = chunk_of(progress, 100, 101), chunk_of(progress, 102, 103, 104)
    for chunk, accounted in ((first, 2), (second, 1)):
        chunk.take()
        chunk.accounted = accounted
    second.ack()

    assert account.unaccounted == 0

    first.ack()

    assert account.unaccounted == 2


def test_delivery_goes_on_behind_the_last_chunk_in_hand(progress: Progress) -> None:
    assert progress.delivered == 100

    chunk_of(progress, 100, 107)

    assert progress.delivered == 108


def test_a_partition_about_to_leave_is_ours_until_it_has_gone_but_starts_nothing(progress: Progress) -> None:
    queued = chunk_of(progress, 100)
    progress.leave()

    assert progress.owned
    assert progress.left.is_set()
    assert not queued.take()
