"""The consumer thread against a fake aiokafka consumer: what overtakes a rewind, what ends a commit."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import (
    CommitFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    OffsetOutOfRangeError,
)

from streams.chunks import TP, ChunkApp, DeadLetter
from streams.chunks import thread as thread_module
from streams.chunks.thread import ChunkConsumerThread, ConsumerEndedError

ZERO, ONE = TP("claims.received", 0), TP("claims.received", 1)


class FakeKafkaConsumer:
    """Committed at 100 and at nothing, logs from 40; notes seeks and commits."""

    def __init__(self) -> None:
        self.committed_at: dict[TP, int | None] = {ZERO: 100, ONE: None}
        self.beginnings = {ZERO: 40, ONE: 40}
        self.answers = asyncio.Event()
        self.answers.set()
        self.seeks: list[tuple[TP, int]] = []
        self.commits: list[Mapping[TP, int]] = []
        self.trouble: Exception | None = None
        self._subscription = SimpleNamespace(fetch_context=self._touch)
        self._coordinator = FakeCoordinator()
        self._fetcher = SimpleNamespace(_fetch_task=FakeTask())
        self.touched = 0

    def _touch(self) -> Any:
        self.touched += 1
        return nullcontext()

    def assignment(self) -> set[TP]:
        return set(self.committed_at)

    async def committed(self, tp: TP) -> int | None:
        await self.answers.wait()
        return self.committed_at[tp]

    async def beginning_offsets(self, partitions: list[TP]) -> dict[TP, int]:
        return {tp: self.beginnings[tp] for tp in partitions}

    async def end_offsets(self, partitions: list[TP]) -> dict[TP, int]:
        await self.answers.wait()
        return dict.fromkeys(partitions, 500)

    def seek(self, tp: TP, offset: int) -> None:
        self.seeks.append((tp, offset))

    async def commit(self, offsets: Mapping[TP, Any]) -> None:
        await self.answers.wait()
        if self.trouble:
            raise self.trouble
        self.commits.append({tp: kept.offset for tp, kept in offsets.items()})


class FakeTask:
    def __init__(self) -> None:
        self.ended = False

    def done(self) -> bool:
        return self.ended

    def get_name(self) -> str:
        return "coordination"


class FakeCoordinator:
    def __init__(self) -> None:
        self._coordination_task = FakeTask()
        self.error: Exception | None = None
        self.rejoins = 0

    def check_errors(self) -> None:
        if self.error:
            raise self.error

    def request_rejoin(self) -> None:
        self.rejoins += 1


class Scene:
    """A thread whose calls run on the loop of the test."""

    def __init__(self) -> None:
        self.app = ChunkApp(
            "app",
            broker="kafka://127.0.0.1:1",
            dead_letter=lambda record, _exc: DeadLetter("dead", record.key, record.value, []),
        )
        consumer: Any = self.app.consumer
        self.thread: Any = ChunkConsumerThread(consumer, loop=consumer.loop, beacon=consumer.beacon)
        self.thread._consumer = self.kafka = FakeKafkaConsumer()

        async def call(fun: Callable[..., Any], *args: Any) -> Any:
            return await fun(*args)

        self.thread.call_thread = call
        self.thread.parent_loop = asyncio.get_running_loop()


@pytest.fixture
async def scene() -> Scene:
    return Scene()


async def test_positions_are_the_committed_ones_and_the_beginning_where_there_are_none(scene: Scene) -> None:
    assert await scene.thread.rewind() == (1, {ZERO: 100, ONE: 40})
    assert sorted(scene.kafka.seeks) == [(ZERO, 100), (ONE, 40)]


async def test_a_rewind_that_is_overtaken_changes_neither_positions_nor_epoch(scene: Scene) -> None:
    scene.kafka.answers.clear()
    overtaken = asyncio.ensure_future(scene.thread.rewind())
    await asyncio.sleep(0)
    last = asyncio.ensure_future(scene.thread.rewind())
    await asyncio.sleep(0)
    scene.kafka.answers.set()

    assert await overtaken == (0, {})
    assert await last == (1, {ZERO: 100, ONE: 40})
    assert len(scene.kafka.seeks) == 2


async def test_a_rewind_to_offsets_of_another_epoch_changes_nothing(scene: Scene) -> None:
    await scene.thread.rewind()

    assert await scene.thread.rewind({ZERO: 7}, 0) == (1, {})
    assert await scene.thread.rewind({ZERO: 7}, 1) == (2, {ZERO: 7})


async def test_records_deleted_before_they_were_read_are_said_and_stay_in_the_account(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.kafka.beginnings[ZERO] = 130

    assert await scene.thread.rewind() == (1, {ZERO: 130, ONE: 40})
    assert await scene.thread.rewind() == (2, {ZERO: 130, ONE: 40})
    await asyncio.sleep(0)

    assert scene.app.account.unaccounted == 30
    assert "claims.received[0] was committed to offset 100 and begins at 130" in caplog.text


async def test_a_partition_that_ends_before_the_committed_offset_is_read_anew(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def out_of_range(*_: Any, **__: Any) -> None:
        raise OffsetOutOfRangeError({ZERO: 100})

    monkeypatch.setattr(scene.thread, "_fetch_records", out_of_range)
    with pytest.raises(OffsetOutOfRangeError):
        await scene.thread.fetch({ZERO}, 0.1)

    assert await scene.thread.rewind() == (1, {ZERO: 40, ONE: 40})
    assert "committed to offset 100 and ends before: it is read anew, from offset 40" in caplog.text
    assert await scene.thread.rewind() == (2, {ZERO: 100, ONE: 40})


async def test_a_commit_takes_no_longer_than_its_limit(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_module, "COMMIT_SECONDS", 0.001)
    scene.kafka.answers.clear()

    with pytest.raises(TimeoutError):
        await scene.thread.commit({ZERO: 120})


async def test_a_commit_of_a_partition_that_went_away_is_not_said_to_be_done(scene: Scene) -> None:
    gone = TP("claims.received", 7)

    assert not await scene.thread.commit({ZERO: 120, gone: 3})
    assert scene.kafka.commits == [{ZERO: 120}]
    assert await scene.thread.commit({ZERO: 121})


async def test_a_commit_the_group_has_moved_on_from_is_none_and_other_trouble_is_told(scene: Scene) -> None:
    scene.kafka.trouble = CommitFailedError()

    assert not await scene.thread.commit({ZERO: 120})

    scene.kafka.trouble = KafkaConnectionError()
    with pytest.raises(KafkaConnectionError):
        await scene.thread.commit({ZERO: 120})


async def test_a_check_keeps_the_membership_of_a_consumer_that_does_not_fetch(scene: Scene) -> None:
    await scene.thread.check()

    assert scene.kafka.touched == 1
    assert scene.kafka._coordinator.rejoins == 0


async def test_an_error_of_the_group_is_told_and_the_group_joined_anew(scene: Scene) -> None:
    scene.kafka._coordinator.error = GroupAuthorizationFailedError("app")
    with pytest.raises(GroupAuthorizationFailedError):
        await scene.thread.check()

    assert scene.kafka._coordinator.rejoins == 1


async def test_a_background_task_that_ended_is_told(scene: Scene) -> None:
    scene.kafka._coordinator._coordination_task.ended = True
    with pytest.raises(ConsumerEndedError, match="coordination ended"):
        await scene.thread.check()


async def test_ends_are_those_of_the_assigned_partitions(scene: Scene) -> None:
    assert await scene.thread.ends() == {ZERO: 500, ONE: 500}

    scene.kafka.committed_at.clear()

    assert await scene.thread.ends() == {}
