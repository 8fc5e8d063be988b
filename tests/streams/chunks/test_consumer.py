"""The read loop against a fake consumer thread: what an epoch, a stopped flow and a full window do to a fetch."""

import asyncio
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiokafka.errors import (
    CorruptRecordException,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
)

from streams.chunks import TP, ChunkApp, DeadLetter
from streams.chunks import consumer as consumer_module
from streams.chunks.chunk import Chunk
from streams.chunks.consumer import ChunkConsumer, Fetched
from streams.chunks.thread import ChunkConsumerThread, ConsumerEndedError

CLAIMS = TP("claims.received", 0)


class FakeRecord(NamedTuple):
    offset: int
    value: bytes = b"claim"
    key: bytes | None = None
    topic: str = CLAIMS.topic
    partition: int = CLAIMS.partition
    timestamp: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


class FakeThread:
    """Gives the fetches it was told to, then none; notes what it is asked."""

    def __init__(self) -> None:
        self.epoch = 0
        self.fetches: deque[Fetched] = deque()
        self.rewinds: list[Mapping[TP, int] | None] = []
        self.commits: list[Mapping[TP, int]] = []
        self.trouble: Exception | None = None
        self.fetch_troubles: list[Exception] = []
        self.rewind_troubles: list[Exception] = []
        self.check_trouble: Exception | None = None
        self.look_trouble: Exception | None = None

    async def fetch(self, wanted: set[TP], _seconds: float) -> Fetched:
        await asyncio.sleep(0)
        if self.fetch_troubles:
            raise self.fetch_troubles.pop(0)
        return self.fetches.popleft() if self.fetches else Fetched(self.epoch, {}, {})

    async def rewind(self, offsets: Mapping[TP, int] | None = None, epoch: int = 0) -> tuple[int, dict[TP, int]]:
        if self.rewind_troubles:
            raise self.rewind_troubles.pop(0)
        self.rewinds.append(offsets)
        self.epoch += 1
        return self.epoch, {CLAIMS: 100} if offsets is None else dict(offsets)

    async def commit(self, offsets: Mapping[TP, int]) -> bool:
        if self.trouble:
            raise self.trouble
        self.commits.append(offsets)
        return True

    async def check(self) -> None:
        if self.check_trouble:
            raise self.check_trouble

    async def ends(self) -> dict[TP, int]:
        if self.look_trouble:
            raise self.look_trouble
        return {CLAIMS: 120}

    def assignment(self) -> set[TP]:
        return {CLAIMS}

    def highwater(self, _tp: TP) -> int:
        return 1000

    def stable_end(self, _tp: TP) -> int | None:
        return None


class FakeFetcher:
    def __init__(self) -> None:
        self._stopped = asyncio.Event()


class Scene:
    """A consumer that owns one partition, committed to 100, at epoch 1."""

    def __init__(self, folder: Path) -> None:
        self.app = ChunkApp(
            "app",
            broker="kafka://127.0.0.1:1",
            dead_letter=lambda record, _exc: DeadLetter("dead", record.key, record.value, []),
        )
        self.consumer: Any = self.app.consumer
        self.thread = self.consumer._thread = FakeThread()
        self.topic = self.app.chunk_topic(CLAIMS.topic, partitions=1, chunk_max=2, window=2)
        self.app.topics._tp_index[CLAIMS] = {self.topic}
        self.consumer._set_active_tps({CLAIMS})
        self.app.flow_control.resume()
        self.fetcher = FakeFetcher()

    def fetched(self, *offsets: int, epoch: int = 1) -> None:
        self.thread.fetches.append(Fetched(epoch, {CLAIMS: [FakeRecord(offset) for offset in offsets]}, {}))

    async def drain(self, turns: int = 1) -> None:
        for _ in range(turns):
            await self.consumer._drain_once(self.fetcher)

    @property
    def chunks(self) -> list[Chunk]:
        return list(self.consumer._progress[CLAIMS].pending)

    @property
    def offsets(self) -> list[list[int]]:
        return [[record.offset for record in chunk.records] for chunk in self.chunks]


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(consumer_module, "TROUBLE_SECONDS", 0.001)
    scene = Scene(tmp_path)
    await scene.consumer.perform_seek()
    return scene


async def test_a_fetch_becomes_chunks_of_the_agent(scene: Scene) -> None:
    scene.fetched(100, 101, 105)
    await scene.drain()

    assert type(scene.consumer) is ChunkConsumer
    assert scene.offsets == [[100, 101], [105]]
    assert scene.topic.queue.qsize() == 2


async def test_a_fetch_from_before_the_positions_were_set_back_is_void(scene: Scene) -> None:
    scene.fetched(100, 101, epoch=0)
    await scene.drain()

    assert scene.offsets == []


async def test_a_fetch_from_after_the_positions_were_set_back_waits_until_that_is_known(scene: Scene) -> None:
    scene.fetched(100, 101, epoch=2)
    draining = asyncio.ensure_future(scene.drain())
    await asyncio.sleep(0)
    await scene.consumer.perform_seek()
    await draining

    assert scene.offsets == [[100, 101]]


async def test_records_that_come_while_the_flow_is_stopped_are_sought_again(scene: Scene) -> None:
    scene.fetched(100, 101)
    scene.consumer.stop_flow()
    await scene.drain()

    assert scene.offsets == []

    scene.consumer.resume_flow()
    scene.fetched(100, 101, epoch=2)
    await scene.drain()

    assert scene.thread.rewinds == [None, {CLAIMS: 100}]
    assert scene.offsets == [[100, 101]]


async def test_a_full_window_is_not_fetched_for_until_a_chunk_is_done(scene: Scene) -> None:
    scene.fetched(100, 101, 102, 103)
    await scene.drain()

    assert scene.consumer._wanted() == (set(), True)

    scene.chunks[0].take()
    scene.chunks[0].ack()

    assert scene.consumer._wanted() == ({CLAIMS}, False)


async def test_an_empty_fetch_lets_the_commit_pass_what_no_one_can_read(scene: Scene) -> None:
    scene.thread.fetches.append(Fetched(1, {}, {CLAIMS: 107}))
    await scene.drain()
    await scene.consumer.force_commit()

    assert scene.thread.commits == [{CLAIMS: 107}]
    assert scene.consumer.positions == {CLAIMS: (107, 107, None)}


async def test_only_confirmed_chunks_are_committed_and_only_once(scene: Scene) -> None:
    scene.fetched(100, 101, 102)
    await scene.drain()
    first, second = scene.chunks
    first.take()
    second.take()
    second.ack()
    await scene.consumer.force_commit()

    assert scene.thread.commits == []

    first.ack()
    await scene.consumer.force_commit()
    await scene.consumer.force_commit()

    assert scene.thread.commits == [{CLAIMS: 103}]


async def test_a_hand_over_waits_for_what_runs_drops_the_rest_and_commits(scene: Scene) -> None:
    scene.fetched(100, 101, 102)
    await scene.drain()
    running, queued = scene.chunks
    running.take()
    settling = asyncio.ensure_future(scene.consumer.settle(5))
    await asyncio.sleep(0)

    assert not queued.take()
    assert not settling.done()

    running.ack()
    await settling

    assert scene.thread.commits == [{CLAIMS: 102}]


async def test_a_hand_over_ends_at_its_limit_and_says_when_the_commit_failed(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.fetched(100, 101, 102)
    await scene.drain()
    done, running = scene.chunks
    done.take()
    running.take()
    done.ack()
    scene.thread.trouble = KafkaConnectionError()
    await scene.consumer.settle(0.01)

    assert "so records will be repeated" in caplog.text
    assert not running.owned  # or its next records would be worked on without their state


async def test_a_hand_over_waits_no_longer_than_one_that_began_after_it(scene: Scene) -> None:
    scene.fetched(100)
    await scene.drain()
    scene.chunks[0].take()
    rebalance = asyncio.ensure_future(scene.consumer.settle(3600))
    await asyncio.sleep(0)
    await scene.consumer.settle(0.01)
    async with asyncio.timeout(60):
        await rebalance

    assert not scene.chunks[0].owned


async def test_what_is_confirmed_before_the_limit_of_a_hand_over_is_committed_and_nothing_after(scene: Scene) -> None:
    scene.fetched(100, 101, 102)
    await scene.drain()
    done, running = scene.chunks
    done.take()
    running.take()
    done.ack()
    await scene.consumer.settle(0.01)
    running.ack()
    await scene.consumer.force_commit()

    assert scene.thread.commits == [{CLAIMS: 102}]


def test_a_crash_of_the_consumer_thread_is_logged_and_its_text_printed_nowhere(capsys, caplog):
    try:
        int("QUACKENBUSH")
    except ValueError as error:
        ChunkConsumerThread.on_crash(None, "{0!r}", error)

    assert ("", "") == tuple(capsys.readouterr())
    assert ["the consumer thread crashed"] == caplog.messages


async def test_a_commit_before_a_hand_over_is_tried_again_until_its_limit(scene: Scene) -> None:
    scene.fetched(100, 101)
    await scene.drain()
    scene.chunks[0].take()
    scene.chunks[0].ack()
    scene.thread.trouble = KafkaConnectionError()
    settling = asyncio.ensure_future(scene.consumer.settle(30))
    await asyncio.sleep(0.01)
    scene.thread.trouble = None
    await settling

    assert scene.thread.commits == [{CLAIMS: 102}]


@pytest.mark.parametrize("trouble", [KafkaConnectionError(), TimeoutError(), TopicAuthorizationFailedError("t")])
async def test_a_commit_that_fails_is_counted_and_left_to_the_next(scene: Scene, trouble: Exception) -> None:
    told: list[object] = []
    scene.app.on_trouble = lambda partitions, exc: told.append((partitions, exc))
    scene.fetched(100, 101)
    await scene.drain()
    scene.chunks[0].take()
    scene.chunks[0].ack()
    scene.thread.trouble = trouble

    assert not await scene.consumer.force_commit()
    assert told == [({CLAIMS}, trouble)]

    scene.thread.trouble = None

    assert await scene.consumer.force_commit()
    assert scene.thread.commits == [{CLAIMS: 102}]


async def test_after_a_fetch_that_failed_reading_goes_on_where_delivery_stands(scene: Scene) -> None:
    scene.fetched(100, 101)
    await scene.drain()
    scene.thread.fetch_troubles = [CorruptRecordException()]
    await scene.consumer._drain_patiently(scene.fetcher)
    scene.fetched(102, epoch=2)
    await scene.drain()

    assert scene.thread.rewinds == [None, {CLAIMS: 102}]
    assert scene.offsets == [[100, 101], [102]]


async def test_what_was_skipped_stays_skipped_until_the_rewind_succeeds(scene: Scene) -> None:
    scene.fetched(100, 101)
    scene.consumer.stop_flow()
    await scene.drain()
    scene.consumer.resume_flow()
    scene.thread.rewind_troubles = [KafkaConnectionError()] * 2
    for _ in range(3):
        await scene.consumer._drain_patiently(scene.fetcher)

    assert scene.thread.rewinds == [None, {CLAIMS: 100}]


async def test_a_position_the_broker_no_longer_has_is_found_anew(scene: Scene) -> None:
    scene.fetched(100, 101)
    await scene.drain()
    chunk = scene.chunks[0]
    scene.thread.fetch_troubles = [OffsetOutOfRangeError({CLAIMS: 102})]
    await scene.consumer._drain_patiently(scene.fetcher)

    assert scene.thread.rewinds == [None, None]
    assert not chunk.owned


async def test_positions_are_asked_for_until_the_broker_tells_them_and_nothing_is_fetched_before(scene: Scene) -> None:
    scene.thread.rewind_troubles = [KafkaConnectionError()] * 3
    seeking = asyncio.ensure_future(scene.consumer.perform_seek())
    await asyncio.sleep(0)

    assert scene.consumer._wanted() == (set(), False)

    await seeking

    assert scene.consumer._wanted() == ({CLAIMS}, False)
    assert scene.consumer.positions == {CLAIMS: (100, 100, None)}


async def test_the_end_of_a_rebalance_does_not_wait_for_positions_for_ever(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "SEEK_WAIT_SECONDS", 0.001)
    monkeypatch.setattr(consumer_module, "TROUBLE_SECONDS", 3600)
    scene.thread.rewind_troubles = [KafkaConnectionError()] * 2
    await scene.consumer.perform_seek()

    assert scene.consumer.owned == set()

    monkeypatch.setattr(consumer_module, "SEEK_WAIT_SECONDS", 30)
    scene.thread.rewind_troubles = []
    await scene.consumer.perform_seek()

    assert scene.consumer.owned == {CLAIMS}


async def test_a_look_at_the_broker_tells_ends_and_whether_it_answered(scene: Scene) -> None:
    looks: list[Exception | None] = []
    scene.app.on_look = looks.append
    await scene.consumer._look()
    scene.thread.look_trouble = TimeoutError()
    await scene.consumer._look()

    assert looks == [None, scene.thread.look_trouble]
    assert scene.consumer.positions == {CLAIMS: (100, 120, None)}
    assert scene.app.unread == set()


async def test_a_partition_with_records_and_without_a_position_is_unread(scene: Scene) -> None:
    await scene.consumer._look()
    scene.consumer._forget_positions()

    assert scene.app.unread == {CLAIMS}


async def test_trouble_of_the_group_is_waited_out_and_told_with_its_fix(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.thread.check_trouble = GroupAuthorizationFailedError("app")
    await scene.consumer._check()

    assert "--operation Read --group app` allows it" in caplog.text
    assert scene.app.exit_code is None


async def test_a_consumer_whose_tasks_ended_ends_the_worker_once(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    stops: list[str] = []
    scene.app.on_end = lambda: stops.append("stop")
    scene.thread.check_trouble = ConsumerEndedError("aiokafka's fetcher ended")
    await scene.consumer._check()
    await scene.consumer._check()

    assert scene.app.exit_code == 70
    assert stops == ["stop"]
    assert "aiokafka's fetcher ended, so this worker reads nothing more" in caplog.text


async def test_the_same_trouble_is_said_now_and_then_and_counted_each_time(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    counted: list[object] = []
    scene.app.on_trouble = lambda partitions, _exc: counted.append(partitions)
    scene.thread.check_trouble = KafkaConnectionError()
    for _ in range(3):
        await scene.consumer._check()

    assert caplog.text.count("Trouble with the group") == 1
    assert counted == [{CLAIMS}] * 3
