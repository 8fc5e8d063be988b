import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError, UnknownTopicOrPartitionError
from aiokafka.producer.message_accumulator import BatchBuilder

from streams.chunks import lane as lane_module
from streams.chunks.chunk import TP, Account, Chunk, Progress, Record, State
from streams.chunks.lane import DeadLetter, Lane
from streams.chunks.producer import BATCH_BYTES, Outbox
from streams.logs import place_of

CLAIMS = TP("claims.received", 1)


class FakeRecord(NamedTuple):
    offset: int
    value: bytes | None = b"claim"
    key: bytes | None = None
    topic: str = CLAIMS.topic
    partition: int = CLAIMS.partition
    timestamp: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


class FakeProducer:
    """Keeps delivered outboxes; `troubles` are raised first, one a delivery."""

    def __init__(self) -> None:
        self.troubles: list[Exception] = []
        self.delivered: list[list[tuple[str, int]]] = []

    def outbox(self) -> Outbox:
        def create_batch() -> BatchBuilder:
            return BatchBuilder(BATCH_BYTES, 0, is_transactional=0, key_serializer=None, value_serializer=None)

        return Outbox(create_batch, {"large": 17 << 20})

    async def partitions_of(self, topic: str) -> int:
        return 12

    async def deliver(self, out: Outbox) -> None:
        if self.troubles:
            raise self.troubles.pop(0)
        self.delivered.append(
            [(*slot, batch.record_count()) for slot, batches in out.batches.items() for batch in batches]
        )


class FakeApp:
    """What a lane sees of `ChunkApp`."""

    def __init__(self) -> None:
        self.producer = FakeProducer()
        self.retries: list[str] = []
        self.counted: list[tuple[str, str]] = []
        self.confirmed: list[TP] = []
        self.asked: list[TP] = []
        self.warm = asyncio.Event()
        self.warm.set()
        self.letter: Callable[[Record, Exception], DeadLetter] = lambda record, exc: DeadLetter(
            "dead", record.key, record.value, [("type", type(exc).__name__.encode())]
        )

    async def opened(self, tp: TP) -> None:
        self.asked.append(tp)
        await self.warm.wait()

    def dead_letter(self, record: Record, exc: Exception) -> DeadLetter:
        return self.letter(record, exc)

    def on_retry(self, tp: TP, exc: Exception) -> None:
        self.retries.append(type(exc).__name__)

    def on_dead_letter(self, topic: str, code: str) -> None:
        self.counted.append((topic, code))

    def on_confirmed(self, tp: TP, work_seconds: float, confirm_seconds: float) -> None:
        assert min(work_seconds, confirm_seconds) >= 0
        self.confirmed.append(tp)


class Work:
    """Notes the offsets of every call; raises on the offsets it is told to."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.raises: dict[int, list[Exception]] = {}
        self.forgets: set[int] = set()

    async def __call__(self, chunk: Chunk, out: Outbox) -> None:
        offsets = [record.offset for record in chunk.records]
        self.calls.append(offsets)
        for record in chunk.records:
            if self.raises.get(record.offset):
                raise self.raises[record.offset].pop(0)
            if record.offset in self.forgets:
                continue
            out.add("accepted", chunk.partition, record.key, record.value)
            out.accounts_for(1)


class Scene:
    def __init__(self) -> None:
        self.app: Any = FakeApp()
        self.work = Work()
        self.done = asyncio.Event()
        self.account = Account()
        self.progress = Progress(0, self.done.set, self.account)
        self.lane = Lane(self.app, CLAIMS, self.work)

    def put(self, *offsets: int) -> Chunk:
        chunk = Chunk(CLAIMS, [FakeRecord(offset) for offset in offsets], self.progress)
        self.progress.add(chunk)
        self.lane.put(chunk)
        return chunk

    async def until(self, watermark: int) -> None:
        async with asyncio.timeout(5):
            while self.progress.watermark != watermark:
                self.done.clear()
                await self.done.wait()

    async def until_true(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - the fakes tell nobody
                await asyncio.sleep(0)


@pytest.fixture
async def scene(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr(lane_module, "FIRST_DELAY_SECONDS", 0.001)
    scene = Scene()
    yield scene
    scene.lane.task.cancel()


async def test_chunks_run_one_after_another_and_are_confirmed(scene: Scene) -> None:
    scene.put(0, 1)
    scene.put(2)
    await scene.until(3)

    assert scene.work.calls == [[0, 1], [2]]
    assert scene.app.producer.delivered == [[("accepted", 1, 2)], [("accepted", 1, 1)]]
    assert scene.app.confirmed == [CLAIMS, CLAIMS]


async def test_state_is_asked_once_for_each_assignment(scene: Scene) -> None:
    scene.put(0)
    scene.put(1)
    await scene.until(2)
    scene.progress = Progress(2, scene.done.set)
    scene.put(2)
    await scene.until(3)

    assert scene.app.asked == [CLAIMS, CLAIMS]


async def test_a_partition_that_leaves_ends_the_wait_for_its_state_and_the_next_assignment_asks_again(
    scene: Scene,
) -> None:
    scene.app.warm.clear()
    gone = scene.put(0)
    await scene.until_true(lambda: scene.app.asked)
    scene.lane.stop_waiting()
    scene.progress.release()
    scene.progress = Progress(0, scene.done.set)
    scene.app.warm.set()
    scene.put(0)
    await scene.until(1)

    assert gone.state is State.DROPPED
    assert scene.work.calls == [[0]]
    assert scene.app.asked == [CLAIMS, CLAIMS]


async def test_state_that_fails_is_asked_again(scene: Scene) -> None:
    troubles: list[BaseException] = [KafkaConnectionError(), asyncio.CancelledError()]

    async def opened(tp: TP) -> None:
        if troubles:
            raise troubles.pop(0)

    scene.app.opened = opened
    scene.put(0)
    await scene.until(1)

    assert scene.app.retries == ["KafkaConnectionError"]


async def test_broker_trouble_is_waited_out_and_no_record_is_blamed(scene: Scene) -> None:
    scene.app.producer.troubles = [KafkaConnectionError(), KafkaConnectionError(), AssertionError("no such partition")]
    scene.work.raises = {1: [KafkaConnectionError()]}
    scene.put(0, 1)
    await scene.until(2)

    assert scene.app.retries == ["KafkaConnectionError"] * 3 + ["AssertionError"]
    assert scene.app.counted == []
    assert scene.app.producer.delivered == [[("accepted", 1, 2)]]
    assert scene.app.confirmed == [CLAIMS]


async def test_the_records_that_fail_are_found_and_put_aside_in_order(scene: Scene) -> None:
    scene.work.raises = {3: [ValueError("1EG4TE5MK73")] * 99, 6: [KeyError("1EG4TE5MK73")] * 99}
    scene.put(*range(8))
    await scene.until(8)
    delivered = [slots for [slots] in scene.app.producer.delivered]

    assert scene.app.counted == [("dead", "unprocessable")] * 2
    assert delivered == [
        ("accepted", 1, 2),
        ("accepted", 1, 1),
        ("dead", 1, 1),
        ("accepted", 1, 2),
        ("dead", 1, 1),
        ("accepted", 1, 1),
    ]


async def test_a_failure_that_does_not_come_again_is_not_the_records(scene: Scene) -> None:
    scene.work.raises = {0: [RuntimeError()]}
    scene.put(0)
    await scene.until(1)

    assert scene.app.counted == []
    assert scene.app.producer.delivered == [[("accepted", 1, 1)]]


async def test_an_output_the_broker_refuses_blames_its_record(scene: Scene) -> None:
    scene.app.producer.troubles = [MessageSizeTooLargeError(), MessageSizeTooLargeError()]
    scene.put(0)
    await scene.until(1)

    assert scene.app.counted == [("dead", "unprocessable")]


async def test_a_record_is_not_passed_before_its_dead_letter_is_confirmed(scene: Scene) -> None:
    scene.work.raises = {0: [ValueError()] * 2}
    scene.app.producer.troubles = [KafkaConnectionError(), KafkaConnectionError()]
    scene.put(0)
    await scene.until(1)

    assert scene.app.retries == ["KafkaConnectionError"] * 2
    assert scene.app.producer.delivered == [[("dead", 1, 1)]]


@pytest.mark.parametrize(("key", "partition", "goes_to"), [(None, None, 1), (b"21", None, 0), (b"21", 5, 5)])
async def test_a_dead_letter_goes_where_it_says_else_by_key_else_to_its_own_partition(
    scene: Scene, key: bytes | None, partition: int | None, goes_to: int
) -> None:
    scene.app.letter = lambda record, _exc: DeadLetter("dead", key, record.value, [], partition)
    scene.work.raises = {0: [ValueError()] * 2}
    scene.put(0)
    await scene.until(1)

    assert scene.app.producer.delivered == [[("dead", goes_to, 1)]]


async def test_a_retry_ends_when_the_partition_has_gone(scene: Scene) -> None:
    scene.app.producer.troubles = [KafkaConnectionError()] * 1000
    chunk = scene.put(0)
    await scene.until_true(lambda: scene.app.retries)
    scene.progress.release()
    await scene.until_true(lambda: chunk.state is State.DROPPED)

    assert scene.progress.watermark == 0


async def test_logs_name_types_and_places_never_what_our_own_exceptions_say(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    scene.work.raises = {0: [ValueError("1EG4TE5MK73")] * 2}
    scene.app.producer.troubles = [RuntimeError("1EG4TE5MK73")]
    scene.put(0)
    await scene.until(1)

    assert "1EG4TE5MK73" not in caplog.text
    assert "ValueError at test_lane.py:" in caplog.text
    assert "RuntimeError at test_lane.py:" in caplog.text


async def test_a_record_the_work_forgets_is_put_aside_never_passed(scene: Scene) -> None:
    scene.work.forgets = {2}
    scene.put(*range(4))
    await scene.until(4)

    assert scene.app.producer.delivered == [[("accepted", 1, 2)], [("dead", 1, 1)], [("accepted", 1, 1)]]
    assert scene.account.unaccounted == 0


async def test_records_found_by_halving_are_accounted_for_once_each(scene: Scene) -> None:
    scene.work.raises = {3: [ValueError()] * 99, 6: [ValueError()], 7: [ValueError()] * 99}
    scene.put(*range(9))
    await scene.until(9)

    assert scene.account.unaccounted == 0


async def test_a_partition_about_to_leave_does_not_wait_for_a_next_try(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_module, "FIRST_DELAY_SECONDS", 3600.0)
    scene.app.producer.troubles = [KafkaConnectionError()] * 1000
    chunk = scene.put(0)
    await scene.until_true(lambda: scene.app.retries)
    scene.progress.leave()
    await scene.until_true(lambda: chunk.state is State.DROPPED)

    assert scene.app.retries == ["KafkaConnectionError"]
    assert scene.progress.watermark == 0


async def test_old_work_ends_before_the_work_of_the_next_assignment_begins(scene: Scene) -> None:
    confirmed = asyncio.Event()
    deliver = scene.app.producer.deliver

    async def deliver_late(out: Outbox) -> None:
        await confirmed.wait()
        await deliver(out)

    scene.app.producer.deliver = deliver_late
    scene.put(0)
    await scene.until_true(lambda: scene.work.calls)
    scene.progress.release()
    scene.progress = Progress(0, scene.done.set, scene.account)
    scene.put(0, 1)
    confirmed.set()
    await scene.until(2)

    assert scene.work.calls == [[0], [0, 1]]
    assert scene.app.producer.delivered == [[("accepted", 1, 1)], [("accepted", 1, 2)]]


async def test_a_count_that_fails_delivers_nothing_twice(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    def on_confirmed(*_: Any) -> None:
        raise ValueError("1EG4TE5MK73")

    scene.app.on_confirmed = on_confirmed
    scene.put(0)
    await scene.until(1)

    assert scene.app.producer.delivered == [[("accepted", 1, 1)]]
    assert "claims.received[1] is counted wrongly: ValueError at test_lane.py:" in caplog.text


async def test_a_dead_letter_that_cannot_be_written_names_its_topic_and_the_fix(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.work.raises = {0: [ValueError()] * 2}
    scene.app.producer.troubles = [UnknownTopicOrPartitionError()]
    scene.put(0)
    await scene.until(1)

    assert "if topic dead was deleted, run `claimstream topics apply`" in caplog.text


def test_an_exception_nobody_raised_has_no_place() -> None:
    assert place_of(ValueError("1EG4TE5MK73")) == "ValueError"


async def test_a_chunk_that_is_halved_when_its_partition_goes_makes_no_dead_letter_of_what_is_left(
    scene: Scene,
) -> None:
    slow, deliver = asyncio.Event(), scene.app.producer.deliver

    async def slowly(out: Outbox) -> None:
        await slow.wait()
        await deliver(out)

    scene.app.producer.deliver = slowly
    scene.work.raises = {2: [ValueError()]}
    chunk = scene.put(0, 1, 2, 3)
    await scene.until_true(lambda: len(scene.work.calls) == 2)
    scene.progress.release()
    scene.work.raises = {offset: [KeyError(), KeyError()] for offset in range(4)}  # the state has gone
    slow.set()
    await scene.until_true(lambda: chunk.state is not State.RUNNING)

    assert chunk.state is State.DROPPED
    assert scene.work.calls == [[0, 1, 2, 3], [0, 1]]
    assert scene.app.producer.delivered == [[("accepted", 1, 2)]]
    assert (scene.app.counted, scene.progress.watermark) == ([], 0)


async def test_a_delivery_nobody_confirms_is_told_again_and_again_until_it_is(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lane_module, "UNCONFIRMED_SECONDS", 0.001)
    slow, deliver = asyncio.Event(), scene.app.producer.deliver

    async def slowly(out: Outbox) -> None:
        await slow.wait()
        await deliver(out)

    scene.app.producer.deliver = slowly
    scene.put(0)
    await scene.until_true(lambda: len(scene.app.retries) >= 2)
    slow.set()
    await scene.until(1)

    assert "claims.received[1]: 1 batches for accepted are not confirmed for 0 s; see whether" in caplog.text
    assert scene.app.producer.delivered == [[("accepted", 1, 1)]]
