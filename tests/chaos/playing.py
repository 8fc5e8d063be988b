"""Scenarios one after another: on one broker as long as nobody hurts it, else on brokers of their own."""

import random
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from streams import clock
from tests.chaos.broker import Broker
from tests.chaos.scenario import Row, Scenario, play


async def play_all(scenarios: Sequence[Scenario], folder: Path, *, seed: int, rate: float, scale: float) -> list[Row]:
    """Two rows a scenario. Progress goes to stderr."""
    rows: list[Row] = []
    async with AsyncExitStack() as shared:
        broker: Broker | None = None
        for number, scenario in enumerate(scenarios, 1):
            own = folder / f"{number:02d}"
            began = clock.monotonic()

            def say(text: str, name: str = scenario.name, began: float = began) -> None:
                sys.stderr.write(f"chaos: {name}: {clock.monotonic() - began:.0f} s: {text}\n")

            say(f"scenario {number} of {len(scenarios)}")
            async with AsyncExitStack() as stack:
                if scenario.own_broker:
                    rng = random.Random(seed)
                    used = await stack.enter_async_context(Broker(folder / f"{number:02d}-kafka", rng, scenario.launcher))
                else:
                    if broker is None:
                        broker = await shared.enter_async_context(Broker(folder / "kafka", random.Random(seed)))
                    used = broker
                played = await play(scenario, used, own, seed=seed, rate=rate, scale=scale, say=say)
            for row in played:
                row.seconds = round(clock.monotonic() - began, 1)
                say(row.verdict)
            rows += played
    return rows
