from dataclasses import dataclass, field
from typing import Any

import pytest

from streams.demo import run
from streams.demo.feeding import Sent
from streams.demo.tally import Tally
from streams.topics import Topics
from tests.streams.demo.test_tally import Record, decision, manifest

NAMES = Topics("t.")


@dataclass
class Reader:
    """Gives what stands in `now`, and `late` when it is asked to read to the end."""

    now: list[Record] = field(default_factory=list)
    late: list[Record] = field(default_factory=list)

    async def more(self, wait_ms: int) -> list[Record]:
        given, self.now = self.now, []
        return given

    async def to_the_end(self) -> Any:
        for record in self.late:
            yield record


def follow(reader: Reader, sent: Sent) -> run._Follow:
    return run._Follow(reader, Tally(NAMES), sent, 2)  # type: ignore[arg-type]


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing_left(bootstrap: str, names: Topics) -> bool:
        return True

    monkeypatch.setattr(run, "settled", nothing_left)
    monkeypatch.setattr(run, "QUIET_SECONDS", -1.0)


async def test_it_is_over_when_every_record_that_was_sent_is_accounted_for() -> None:
    sent = Sent(1, 2)
    following = follow(Reader([manifest(0, ["a", "b"]), decision("a"), decision("b")]), sent)
    view = await following.on()

    assert (view.waiting, view.account.lost) == (0, 0)
    assert not await following.is_over("")

    sent.done = True

    assert await following.is_over("")
    assert following.view().per_second > 0


async def test_it_is_not_over_while_a_record_or_a_decision_is_missing() -> None:
    following = follow(Reader([manifest(0, ["a"]), manifest(1, ["b"]), decision("a")]), Sent(3, 3, done=True))
    view = await following.on()

    assert view.waiting == 2
    assert not await following.is_over("")


async def test_what_the_worker_left_undone_is_lost_once_it_has_nothing_more_to_do(idle: None) -> None:
    following = follow(Reader([manifest(0, ["a", "b"])], late=[decision("a")]), Sent(1, 2, done=True))
    await following.on()

    assert await following.is_over("")
    assert following.view().account.lost == 1


async def test_nothing_is_called_lost_while_the_worker_has_work(monkeypatch: pytest.MonkeyPatch, idle: None) -> None:
    async def at_work(bootstrap: str, names: Topics) -> bool:
        return False

    monkeypatch.setattr(run, "settled", at_work)
    following = follow(Reader([manifest(0, ["a"])]), Sent(1, 1, done=True))
    await following.on()

    assert not await following.is_over("")
