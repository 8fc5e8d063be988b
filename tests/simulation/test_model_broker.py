"""The rules of Kafka that the simulation leans on, on the model broker alone."""

from collections.abc import Callable
from typing import Any

import pytest
from aiokafka.errors import IllegalGenerationError, UnknownMemberIdError
from faust.types.tuples import TP

from tests.simulation.broker import Broker, Input
from tests.simulation.network import Process
from tests.simulation.scheduler import Loop, World

CLAIMS = TP("in", 0)


@pytest.fixture
def broker() -> Broker:
    return Broker(World(1), {CLAIMS: Input(0)}, {"out": 10})


def answers_of(*calls: Callable[[Callable[[Any], None]], None]) -> list[Any]:
    answers: list[Any] = []
    for call in calls:
        call(answers.append)
    return [type(answer).__name__ if isinstance(answer, Exception) else answer for answer in answers]


def test_a_batch_that_comes_twice_is_written_once(broker: Broker) -> None:
    def produce(answer: Callable[[Any], None]) -> None:
        broker.produce("w1", 1, ("out", 0), 0, [b"0:1"], answer)

    assert answers_of(produce, produce) == ["appended", "there already"]
    assert broker.outputs["out", 0] == [b"0:1"]


def test_after_a_refused_batch_its_producer_is_out_of_sequence_and_a_new_one_is_not(broker: Broker) -> None:
    def produce(producer: int, sequence: int, value: bytes) -> Callable[[Callable[[Any], None]], None]:
        return lambda answer: broker.produce("w1", producer, ("out", 0), sequence, [value], answer)

    steps = (produce(1, 0, b"0:1"), produce(1, 1, b"0:2" + b"x" * 10), produce(1, 2, b"0:3"), produce(2, 0, b"0:3"))

    assert answers_of(*steps) == ["appended", "MessageSizeTooLargeError", "OutOfOrderSequenceNumber", "appended"]


def test_a_commit_needs_a_known_member_and_the_generation_of_now(broker: Broker) -> None:
    joined: list[Any] = []
    broker.join("w1-1", Process("w1"), joined.append, is_new=True)
    broker.join("w2-1", Process("w2"), joined.append, is_new=True)
    refused: list[Any] = []
    broker.commit("w3-1", 1, {CLAIMS: 1}, refused.append)
    broker.commit("w1-1", 0, {CLAIMS: 1}, refused.append)
    broker.commit("w1-1", 1, {CLAIMS: 1}, refused.append)

    assert joined == [(1, [CLAIMS])]
    assert [type(answer) for answer in refused] == [UnknownMemberIdError, IllegalGenerationError, type(None)]
    assert broker.committed == {CLAIMS: 1}


def test_a_fetch_inside_a_gap_goes_on_behind_it_and_stops_where_a_transaction_hangs() -> None:
    log = Input(100)
    log.append(b"first")
    log.skip(5)
    log.append(None, places=3)
    log.append(b"last")

    assert [(entry.offset, entry.value) for entry in log.read(102, 9)] == [(106, None), (109, b"last")]

    log.stable = 109

    assert [entry.offset for entry in log.read(100, 9)] == [100, 106]


def test_a_loop_runs_its_callbacks_in_order_and_a_dead_one_none() -> None:
    world, ran = World(3), list[tuple[str, int]]()
    one, other, dead = (Loop(world, name) for name in ("one", "other", "dead"))
    for n in range(20):
        for loop in (one, other, dead):
            loop.call_soon(ran.append, (loop.name, n))
    world.kill(dead)
    world.run(1.0)

    assert [n for name, n in ran if name == "one"] == list(range(20))
    assert {"one", "other"} == {name for name, _ in ran}
    assert ran != sorted(ran)
