"""Scenarios one after another: on one broker as long as nobody hurts it, else on brokers of their own."""

import random
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from streams import clock
from tests.chaos.broker import Broker
from tests.chaos.scenario import Row, Scenario, Terms, not_judged, play
from tests.chaos.world import Skipped


async def play_all(scenarios: Sequence[Scenario], folder: Path, terms: Terms) -> list[Row]:
    """Two rows a scenario, none of one that cannot be played here. Progress goes to stderr."""
    rows: list[Row] = []
    async with AsyncExitStack() as shared:
        common: Broker | None = None
        for number, scenario in enumerate(scenarios, 1):
            own = folder / f"{number:02d}"
            own.mkdir()
            say, began = _teller(scenario.name), clock.monotonic()
            say(f"scenario {number} of {len(scenarios)}")
            async with AsyncExitStack() as stack:
                if scenario.own_broker:
                    used = await stack.enter_async_context(_broker(own / "kafka", terms, scenario.launcher))
                else:
                    common = common or await shared.enter_async_context(_broker(folder / "kafka", terms))
                    used = common
                try:
                    played = await play(scenario, used, own, terms, say)
                except Skipped as reason:
                    say(f"skipped: {reason}")
                    continue
                except Exception as error:  # noqa: BLE001 - whatever it is, the other scenarios are still to be played
                    played = not_judged(scenario, repr(error))
            for row in played:
                row.seconds = round(clock.monotonic() - began, 1)
                say(row.verdict)
            rows += played
    return rows


def _broker(folder: Path, terms: Terms, launcher: tuple[str, ...] = ()) -> Broker:
    return Broker(folder, random.Random(terms.seed), launcher)


def _teller(name: str) -> Callable[[str], None]:
    began = clock.monotonic()

    def say(text: str) -> None:
        sys.stderr.write(f"chaos: {name}: {clock.monotonic() - began:.0f} s: {text}\n")

    return say
