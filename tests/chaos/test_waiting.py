import asyncio

import pytest

from tests.chaos.waiting import LIMIT_SECONDS, STILL_SECONDS, StoodStill, until


class Feed:
    """Claims that come at every look, with a clock that jumps at every look."""

    def __init__(self, *, every: float, claims_a_look: int = 1) -> None:
        self.seconds = 0.0
        self.claims = 0
        self._every = every
        self._claims_a_look = claims_a_look

    def now(self) -> float:
        return self.seconds

    async def four(self) -> tuple[bool, str]:
        self.seconds += self._every
        self.claims += self._claims_a_look
        return self.claims >= 4, f"{self.claims} of 4 claims"


async def test_a_wait_goes_on_for_as_long_as_something_moves():
    feed = Feed(every=STILL_SECONDS)

    await until("the feed", feed.four, now=feed.now)

    assert 4 * STILL_SECONDS == feed.seconds


async def test_a_wait_ends_when_nothing_moves_and_says_how_far_it_came():
    feed = Feed(every=STILL_SECONDS, claims_a_look=0)

    with pytest.raises(StoodStill) as raised:
        await until("the feed", feed.four, now=feed.now)

    assert "waited 240 s for the feed, the last 120 s without a move: 0 of 4 claims" == str(raised.value)


async def test_a_wait_ends_some_time_although_things_move():
    feed = Feed(every=LIMIT_SECONDS)

    with pytest.raises(StoodStill) as raised:
        await until("the feed", feed.four, now=feed.now)

    assert "waited 1200 s for the feed, the last 0 s without a move: 1 of 4 claims" == str(raised.value)


async def test_a_look_that_gets_no_answer_stands_still_too():
    async def no_answer() -> tuple[bool, str]:
        await asyncio.Event().wait()
        return True, ""

    with pytest.raises(StoodStill) as raised:
        await until("the broker", no_answer, still_seconds=0.0)

    assert str(raised.value).endswith("without a move: nobody knows how far it came")
