"""Waits that end when nothing moves any more: a slow machine is waited for, what stands still is not."""

import asyncio
from collections.abc import Awaitable, Callable

from streams import clock

STILL_SECONDS = 120.0
LIMIT_SECONDS = 1200.0
PAUSE_SECONDS = 0.05

Look = Callable[[], Awaitable[tuple[bool, str]]]
"""Whether what is waited for has come about, and how far it has come; when that text changes, something moved."""


class StoodStill(Exception):  # noqa: N818 - says what happened
    """What was waited for did not come about; the sentence says what it was, and how far it came."""


async def until(
    what: str, look: Look, *, still_seconds: float = STILL_SECONDS, now: Callable[[], float] = clock.monotonic
) -> None:
    """Return when `look` says so; raise StoodStill after `still_seconds` without a move, and after LIMIT_SECONDS."""
    began = moved = now()
    so_far = "nobody knows how far it came"
    while True:
        try:
            async with asyncio.timeout(still_seconds):  # a look waits for a broker that is away
                reached, told = await look()
        except TimeoutError as error:
            raise _stood_still(what, so_far, now() - began, now() - moved) from error
        if reached:
            return
        if told != so_far:
            so_far, moved = told, now()
        if now() - moved >= still_seconds or now() - began >= LIMIT_SECONDS:
            raise _stood_still(what, so_far, now() - began, now() - moved)
        await asyncio.sleep(PAUSE_SECONDS)


def _stood_still(what: str, so_far: str, seconds: float, still_seconds: float) -> StoodStill:
    return StoodStill(f"waited {seconds:.0f} s for {what}, the last {still_seconds:.0f} s without a move: {so_far}")
