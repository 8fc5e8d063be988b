"""The read loop against a fake consumer thread: what an epoch, a stopped flow and a full window do to a fetch."""

import asyncio
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiokafka.errors import KafkaConnectionError

from streams.chunks import TP, ChunkApp, DeadLetter
from streams.chunks.chunk import Chunk
from streams.chunks.consumer import ChunkConsumer, ChunkConsumerThread, Fetched

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

    async def fetch(self, wanted: set[TP], _seconds: float) -> Fetched:
        await asyncio.sleep(0)
        return self.fetches.popleft() if self.fetches else Fetched(self.epoch, {}, {})

    async def rewind(self, offsets: Mapping[TP, int] | None = None, epoch: int = 0) -> tuple[int, dict[TP, int]]:
        self.rewinds.append(offsets)
        self.epoch += 1
        return self.epoch, {CLAIMS: 100} if offsets is None else dict(offsets)

    async def commit(self, offsets: Mapping[TP, int]) -> bool:
        if self.trouble:
            raise self.trouble
        self.commits.append(offsets)
        return True

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
async def scene(tmp_path: Path) -> Scene:
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
    assert running.owned


def test_a_crash_of_the_consumer_thread_is_logged_and_its_text_printed_nowhere(capsys, caplog):
    try:
        int("QUACKENBUSH")
    except ValueError as error:
        ChunkConsumerThread.on_crash(None, "{0!r}", error)

    assert ("", "") == tuple(capsys.readouterr())
    assert ["the consumer thread crashed"] == caplog.messages
