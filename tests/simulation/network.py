"""The network between the workers and the broker: slow, lossy, cut, or in order.

A request arrives after those its connection sent before; answers may overtake each other.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiokafka.errors import KafkaConnectionError

from tests.simulation.scheduler import Loop, World

Answer = Callable[[Any], None]


@dataclass
class Process:
    """What the network knows of one worker process."""

    name: str
    alive: bool = True
    cut_until: float = 0.0


@dataclass
class Trouble:
    """How the network and the broker behave; all zero is calm."""

    lost: float = 0.0  # answers whose request took effect
    slow: float = 0.0  # requests that take up to a second
    fetch_late: float = 0.0  # fetch answers up to a second late
    down_until: float = 0.0  # connections are refused
    frozen_until: float = 0.0  # requests wait


@dataclass
class Connection:
    """Requests of one connection arrive in the order they were sent."""

    loop: Loop
    process: Process
    last_arrival: float = field(default=0.0)


class Network:
    """Carries requests to where they take effect, and answers back."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.loop = Loop(world, "broker")
        self.trouble = Trouble()
        self.counts: Counter[str] = Counter()

    def request(self, connection: Connection, name: str, effect: Callable[[Answer], None]) -> "asyncio.Future[Any]":
        """Send a request; the future has its answer, or a KafkaError. A dead process never hears anything."""
        future = connection.loop.create_future()
        if not connection.process.alive:
            return future
        chance = self.world.random.random
        delay = 0.0002 + chance() * 0.003
        if chance() < self.trouble.slow:
            delay += chance()
        connection.last_arrival = max(connection.last_arrival + 1e-6, self.world.now + delay)
        self.loop.call_at(connection.last_arrival, self._arrive, connection, name, effect, future)
        return future

    def _arrive(self, connection: Connection, name: str, effect: Callable[[Answer], None], future: Any) -> None:
        process, now = connection.process, self.world.now

        def answer(result: Any) -> None:
            chance = self.world.random.random
            delay = 0.0002 + chance() * 0.003
            if name == "fetch" and chance() < self.trouble.fetch_late:
                self.counts["late fetches"] += 1
                delay += chance()
            if chance() < self.trouble.lost:
                self.counts["lost answers"] += 1
                self.world.note(f"{process.name} {name}: answer lost")
                result = KafkaConnectionError("the answer was lost")
            self.loop.call_later(delay, self._deliver, connection, future, result)

        if not process.alive and self.world.random.random() < 0.5:
            return
        if process.cut_until > now or self.trouble.down_until > now:
            self.counts["refused requests"] += 1
            self.loop.call_later(0.05, self._deliver, connection, future, KafkaConnectionError("no connection"))
        elif self.trouble.frozen_until > now:
            connection.last_arrival = max(connection.last_arrival, self.trouble.frozen_until)
            self.loop.call_at(self.trouble.frozen_until, self._arrive, connection, name, effect, future)
        else:
            effect(answer)

    def _deliver(self, connection: Connection, future: Any, result: Any) -> None:
        if connection.process.cut_until > self.world.now:
            result = KafkaConnectionError("the connection was cut")

        def settle() -> None:
            if not future.done():
                future.set_exception(result) if isinstance(result, Exception) else future.set_result(result)

        if connection.process.alive:
            connection.loop.call_soon_threadsafe(settle)
