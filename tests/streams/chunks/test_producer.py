import asyncio
from collections import Counter
from collections.abc import Awaitable
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError, MessageSizeTooLargeError
from aiokafka.producer.message_accumulator import BatchBuilder

from streams.chunks.producer import BATCH_BYTES, ChunkProducer, Outbox, RecordTooLarge, partition_of, size_bound

ZSTD = 4


def create_batch(compression: int = 0) -> BatchBuilder:
    return BatchBuilder(BATCH_BYTES, compression, is_transactional=0, key_serializer=None, value_serializer=None)


def new_outbox(**limits: int) -> Outbox:
    return Outbox(create_batch, limits)


@pytest.mark.parametrize(
    ("key", "murmur2"),
    [
        # org.apache.kafka.common.utils.UtilsTest.testMurmur2
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
@pytest.mark.parametrize("partitions", [1, 12, 48])
def test_a_key_goes_where_the_java_client_sends_it(key: bytes, murmur2: int, partitions: int) -> None:
    assert (murmur2 & 0x7FFFFFFF) % partitions == partition_of(key, partitions)


def test_records_of_one_partition_share_a_batch_in_order() -> None:
    out = new_outbox()
    for n in range(3):
        out.add("accepted", n % 2, b"key", b"decision %d" % n, [("ce_id", b"1")])

    assert list(out.batches) == [("accepted", 0), ("accepted", 1)]
    assert [batch.record_count() for [batch] in out.batches.values()] == [2, 1]


def test_a_batch_is_split_before_it_passes_the_producers_limit() -> None:
    out = new_outbox()
    for _ in range(30):
        out.add("accepted", 0, None, b"x" * 100_000)
    batches = out.batches["accepted", 0]

    assert [batch.record_count() for batch in batches] == [10, 10, 10]
    assert all(batch.size() <= BATCH_BYTES for batch in batches)


def test_a_batch_is_split_before_it_passes_a_lower_limit_of_its_topic() -> None:
    out = new_outbox(accepted=1000)
    for _ in range(4):
        out.add("accepted", 0, b"key", b"x" * 400)

    assert [batch.record_count() for batch in out.batches["accepted", 0]] == [2, 2]


def test_a_large_record_makes_a_batch_of_its_own_between_its_neighbours() -> None:
    out = new_outbox(dead=17 << 20)
    for value in (b"before", b"x" * (16 << 20), b"after"):
        out.add("dead", 0, None, value)

    assert [batch.record_count() for batch in out.batches["dead", 0]] == [1, 1, 1]


def test_a_record_the_broker_would_refuse_is_named_by_topic_and_sizes_only() -> None:
    with pytest.raises(RecordTooLarge, match=r"^a record of \d+ bytes is over the 1000 bytes of accepted$") as raised:
        new_outbox(accepted=1000).add("accepted", 0, b"member", b"secret" * 200)

    assert (raised.value.topic, raised.value.limit_bytes) == ("accepted", 1000)
    assert raised.value.record_bytes > 1200


def test_a_topic_nothing_is_said_about_takes_two_mebibytes() -> None:
    out = new_outbox()
    out.add("accepted", 0, None, b"x" * (2_000_000))
    with pytest.raises(RecordTooLarge):
        out.add("accepted", 0, None, b"x" * (2 << 20))


@pytest.mark.parametrize("compression", [0, ZSTD])
@pytest.mark.parametrize(
    ("key", "value", "headers"),
    [
        (None, None, []),
        (b"k" * 100, b"v" * 70_000, [("dlt-at", "/a/ü".encode())] * 20),
        (b"", bytes(range(256)) * 4000, [("ü" * 200, b"")] * 200),
    ],
)
def test_the_bound_is_never_less_than_what_goes_over_the_wire(
    compression: int, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
) -> None:
    batch = create_batch(compression)
    batch.append(timestamp=1, key=key, value=value, headers=headers)

    assert len(batch._build()) <= 61 + size_bound(key, value, headers)


class FakeKafkaProducer:
    """Takes batches and answers as told; `refusals` are raised by `send_batch`, `answers` by the broker."""

    def __init__(self, refusals: list[Exception] | None = None, answers: list[Exception] | None = None) -> None:
        self.refusals = refusals or []
        self.answers = answers or []
        self.sent: list[tuple[str, int, Any]] = []
        self.unconfirmed: list[asyncio.Future[None]] = []
        self.most_unconfirmed = 0
        self.started = self.stopped = False
        self.hold = False
        self.start_trouble: Exception | None = None

    def create_batch(self) -> BatchBuilder:
        return create_batch()

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> "asyncio.Future[None]":
        if self.refusals:
            raise self.refusals.pop(0)
        self.sent.append((topic, partition, batch))
        confirmation: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.unconfirmed = [*(c for c in self.unconfirmed if not c.done()), confirmation]
        self.most_unconfirmed = max(self.most_unconfirmed, len(self.unconfirmed))
        if not self.hold:
            asyncio.get_running_loop().call_soon(self.confirm, confirmation)
        return confirmation

    def confirm(self, confirmation: "asyncio.Future[None]") -> None:
        if self.answers:
            confirmation.set_exception(self.answers.pop(0))
        else:
            confirmation.set_result(None)

    async def start(self) -> None:
        if self.start_trouble:
            raise self.start_trouble
        self.started = True

    async def stop(self) -> None:
        self.stopped = True


class FakeChunkProducer(ChunkProducer):
    """The delivery of `ChunkProducer` without an app around it."""

    def __init__(self, first: FakeKafkaProducer) -> None:
        self._deliveries = Counter()
        self._renewing, self._large_one = asyncio.Lock(), asyncio.Lock()
        self._producer = first
        self.made: list[FakeKafkaProducer] = []
        self.start_trouble: Exception | None = None
        self.futures: list[asyncio.Future[None]] = []

    def _ensure_producer(self) -> Any:
        return self._producer

    def _new_producer(self) -> Any:
        self.made.append(FakeKafkaProducer())
        self.made[-1].start_trouble = self.start_trouble
        return self.made[-1]

    def add_future(self, coro: Awaitable[None]) -> None:
        self.futures.append(asyncio.ensure_future(coro))


def filled(**records: bytes) -> Outbox:
    out = new_outbox(dead=17 << 20)
    for topic, value in records.items():
        for partition in range(2):
            out.add(topic, partition, None, value)
    return out


async def test_deliver_returns_only_when_the_broker_confirmed_everything() -> None:
    kafka = FakeKafkaProducer()
    kafka.hold = True
    delivering = asyncio.ensure_future(FakeChunkProducer(kafka).deliver(filled(accepted=b"a", flagged=b"f")))
    while len(kafka.sent) < 4:  # noqa: ASYNC110 - the fake tells nobody
        await asyncio.sleep(0)
    for confirmation in kafka.unconfirmed[:-1]:
        kafka.confirm(confirmation)
    await asyncio.sleep(0)

    assert not delivering.done()

    kafka.confirm(kafka.unconfirmed[-1])
    await delivering


async def test_an_empty_outbox_sends_nothing() -> None:
    kafka = FakeKafkaProducer()
    await FakeChunkProducer(kafka).deliver(new_outbox())

    assert kafka.sent == []


async def test_a_batch_that_found_no_room_is_sent_again() -> None:
    kafka = FakeKafkaProducer(refusals=[KafkaTimeoutError(), KafkaTimeoutError()])
    await FakeChunkProducer(kafka).deliver(filled(accepted=b"a"))

    assert len(kafka.sent) == 2


async def test_trouble_that_passes_is_raised_and_keeps_the_producer() -> None:
    kafka = FakeKafkaProducer(answers=[KafkaConnectionError()])
    producer = FakeChunkProducer(kafka)
    with pytest.raises(KafkaConnectionError):
        await producer.deliver(filled(accepted=b"a"))

    assert kafka is producer._producer
    assert len(kafka.sent) == 2


async def test_a_refused_batch_renews_the_producer_and_the_old_one_stops_after_its_last_delivery() -> None:
    kafka = FakeKafkaProducer()
    producer = FakeChunkProducer(kafka)
    kafka.hold = True
    slow = asyncio.ensure_future(producer.deliver(filled(accepted=b"a")))
    while len(kafka.sent) < 2:  # noqa: ASYNC110 - the fake tells nobody
        await asyncio.sleep(0)
    kafka.hold, kafka.answers = False, [MessageSizeTooLargeError()]
    waiting = list(kafka.unconfirmed)
    with pytest.raises(MessageSizeTooLargeError):
        await producer.deliver(filled(flagged=b"f"))

    assert producer.made == [producer._producer]
    assert producer.made[0].started
    assert not kafka.stopped

    for confirmation in waiting:
        kafka.confirm(confirmation)
    await slow
    await asyncio.gather(*producer.futures)

    assert kafka.stopped


async def test_a_refusal_is_raised_before_trouble_that_passes_and_names_its_topic() -> None:
    kafka = FakeKafkaProducer(answers=[KafkaConnectionError(), MessageSizeTooLargeError()])
    producer = FakeChunkProducer(kafka)
    with pytest.raises(MessageSizeTooLargeError) as refused:
        await producer.deliver(filled(accepted=b"a"))

    assert producer.made == [producer._producer]
    assert refused.value.__notes__ == ["accepted"]


async def test_a_new_producer_that_cannot_start_leaves_nothing_behind_and_the_old_one_in_place() -> None:
    kafka = FakeKafkaProducer(answers=[MessageSizeTooLargeError()])
    producer = FakeChunkProducer(kafka)
    producer.start_trouble = KafkaConnectionError()
    with pytest.raises(KafkaConnectionError):
        await producer.deliver(filled(accepted=b"a"))

    assert kafka is producer._producer
    assert producer.made[0].stopped


@pytest.mark.parametrize(("value", "most"), [(b"x" * (2 << 20), 1), (b"small", 2)])
async def test_large_batches_go_one_at_a_time(value: bytes, most: int) -> None:
    kafka = FakeKafkaProducer()
    await FakeChunkProducer(kafka).deliver(filled(dead=value))

    assert most == kafka.most_unconfirmed
