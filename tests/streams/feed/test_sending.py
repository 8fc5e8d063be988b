import asyncio
from dataclasses import dataclass, field

import pytest
from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError

from streams.feeding import sending
from streams.feeding.sending import IN_FLIGHT_RECORDS, Outgoing, Sender


@dataclass
class FakeProducer:
    """Acknowledges nothing until `answers` says so; refuses the values it is told to."""

    answers: bool = True
    refused: bytes = b"-"
    sent: list[bytes] = field(default_factory=list)
    open: list[asyncio.Future[None]] = field(default_factory=list)

    async def send(self, topic, value, *, key, headers):
        if value == self.refused:
            raise MessageSizeTooLargeError
        self.sent.append(value)
        future = asyncio.get_running_loop().create_future()
        self.open.append(future)
        if self.answers:
            future.set_result(None)
        return future


def outgoing(count: int) -> list[Outgoing]:
    return [Outgoing(b"%d" % number, b"key", []) for number in range(count)]


async def test_all_is_acknowledged_in_order():
    producer, told = FakeProducer(), []
    await Sender(producer, "topic").send(outgoing(3), told.append)

    assert [b"0", b"1", b"2"] == producer.sent
    assert 3 == sum(told)


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_no_more_than_so_many_are_in_flight():
    producer, told = FakeProducer(answers=False), []
    task = asyncio.create_task(Sender(producer, "topic").send(outgoing(3 * IN_FLIGHT_RECORDS), told.append))
    await turns(3 * IN_FLIGHT_RECORDS)
    assert IN_FLIGHT_RECORDS == len(producer.sent)
    for future in producer.open[:10]:
        future.set_result(None)
    await turns(100)
    assert IN_FLIGHT_RECORDS + 10 == len(producer.sent)
    task.cancel()
    for future in producer.open[10:20]:
        future.set_result(None)
    for future in producer.open[20:]:
        future.set_exception(KafkaTimeoutError())

    with pytest.raises(asyncio.CancelledError):
        await task
    assert 20 == sum(told)  # what came in while it ended counts


async def test_a_record_that_is_refused_ends_it_after_those_before():
    producer, told = FakeProducer(refused=b"2"), []

    with pytest.raises(MessageSizeTooLargeError):
        await Sender(producer, "topic").send(outgoing(4), told.append)
    assert ([b"0", b"1"], 2) == (producer.sent, sum(told))


async def test_a_broker_that_is_silent_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr(sending, "ANSWER_SECONDS", 0.0)
    monkeypatch.setattr(sending, "STOP_SECONDS", 0.0)

    with pytest.raises(KafkaTimeoutError):
        await Sender(FakeProducer(answers=False), "topic").send(outgoing(1), lambda _: None)


async def test_a_pace_is_kept_in_claims(monkeypatch):
    waits = []
    monkeypatch.setattr(sending.clock, "monotonic", lambda: 0.0)
    monkeypatch.setattr(sending.asyncio, "sleep", lambda seconds: waits.append(seconds) or _nothing())
    records = [Outgoing(b"", b"", [], 5), Outgoing(b"", b"", [], 1)]
    await Sender(FakeProducer(), "topic", rate=10).send(records, lambda _: None)

    assert [0.5, 0.6] == waits


async def _nothing() -> None:
    pass
