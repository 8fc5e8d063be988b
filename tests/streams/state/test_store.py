import asyncio
from collections.abc import Callable

import pytest

from streams.embedded_kafka import free_port
from streams.state import store as store_module
from streams.state.changelog import UnknownEntryError
from streams.state.patients import Patients
from streams.state.store import Store
from tests.streams.state.building import TOKEN, met
from tests.validators.building import nobody, ruleset, seal


class Tried(Store):
    """A store whose reads fail as told, then give an empty state; without `troubles` of its own it really reads."""

    def __init__(self, *troubles: Exception) -> None:
        super().__init__("claims.state", {"bootstrap_servers": f"127.0.0.1:{free_port()}"}, seal(), ruleset().state)
        self.troubles = list(troubles)
        self.tries: list[tuple[int, str]] = []
        self.on_retry = lambda partition, exc: self.tries.append((partition, type(exc).__name__))


class Failing(Tried):
    async def _read(self, partition: int) -> Patients:
        if self.troubles:
            raise self.troubles.pop(0)
        return nobody()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "FIRST_DELAY_SECONDS", 0.001)
    monkeypatch.setattr(store_module, "LONGEST_DELAY_SECONDS", 0.001)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - another task makes it true
            await asyncio.sleep(0.001)


async def test_a_rebuild_that_fails_is_tried_again_although_nobody_asks_for_it(caplog):
    store = Failing(OSError(), UnknownEntryError())
    store.assigned({3})
    await until(lambda: store.warm)

    assert store.tries == [(3, "OSError"), (3, "UnknownEntryError")]
    assert "the state of partition 3 cannot be rebuilt, next try in 0.0 s: UnknownEntryError at " in caplog.text


async def test_who_waits_for_a_partition_gets_it_when_a_later_try_succeeds():
    store = Failing(OSError())
    store.assigned({3})
    await store.ready(3)

    assert store.of(3).events == 0


async def test_a_broker_that_is_away_is_asked_until_the_partition_goes_and_every_consumer_is_closed(caplog):
    store = Tried()
    store.assigned({3})
    waiting = asyncio.ensure_future(store.ready(3))
    await until(lambda: len(store.tries) >= 2)
    store.revoked({3})
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert store.tries[0] == (3, "KafkaConnectionError")
    assert "next try in 0.0 s: KafkaConnectionError" in caplog.text
    assert "Unclosed" not in caplog.text


async def test_members_and_events_of_all_partitions_are_counted():
    store = Failing()
    store.assigned({3, 4})
    await until(lambda: store.warm)
    for partition, position in ((3, 0), (3, 1), (4, 2)):
        store.of(partition).put(TOKEN, met(position))

    assert (store.patients(), store.events()) == (2, 3)

    store.revoked({3})

    assert (store.patients(), store.events()) == (1, 1)


async def test_a_partition_that_is_assigned_again_is_rebuilt_afresh():
    store = Failing()
    store.assigned({3})
    await store.ready(3)
    store.of(3).put(TOKEN, met(0))
    store.revoked({3})
    store.assigned({3})
    await store.ready(3)

    assert store.events() == 0


def test_partitions_that_were_never_assigned_may_be_revoked():
    store = Tried()
    store.revoked({3})

    assert store.warm
