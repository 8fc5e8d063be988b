"""The broker of a scenario: real, with one address for the feeder and two behind proxies for the workers."""

import asyncio
import random
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from streams.embedded_kafka import HOST, EmbeddedKafka, free_port
from tests.chaos.proxy import Proxy


class Broker:
    """An embedded Kafka with three listeners: `direct`, and `left` and `right`, which advertise a proxy each."""

    def __init__(self, folder: Path, rng: random.Random, launcher: tuple[str, ...] = ()) -> None:
        self._folder = folder
        self._stack = AsyncExitStack()
        port, controller, left, right = (free_port() for _ in range(4))
        self.left, self.right = Proxy(free_port(), left, rng), Proxy(free_port(), right, rng)
        self._properties = {
            "log.cleaner.backoff.ms": "500",  # compaction is due at once, not within 15 s
            "controller.quorum.voters": f"1@{HOST}:{controller}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,LEFT:PLAINTEXT,RIGHT:PLAINTEXT",
            "listeners": f"PLAINTEXT://{HOST}:{port},LEFT://{HOST}:{left},RIGHT://{HOST}:{right},"
            f"CONTROLLER://{HOST}:{controller}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{port},LEFT://{HOST}:{self.left.port},"
            f"RIGHT://{HOST}:{self.right.port}",
        }
        self.kafka = EmbeddedKafka(folder, port=port, properties=self._properties, launcher=launcher)
        self.direct = f"{HOST}:{port}"

    async def __aenter__(self) -> Self:
        try:
            await self._stack.enter_async_context(self.left)
            await self._stack.enter_async_context(self.right)
            await self.start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.kafka.stop)
        await self._stack.aclose()

    @property
    def behind_left(self) -> str:
        """The address whose network is `left`."""
        return f"{HOST}:{self.left.port}"

    @property
    def behind_right(self) -> str:
        """The address whose network is `right`."""
        return f"{HOST}:{self.right.port}"

    async def start(self) -> None:
        """Start it, also again."""
        await asyncio.to_thread(self.kafka.start)

    async def terminate(self) -> None:
        """End it by SIGTERM."""
        await asyncio.to_thread(self.kafka.terminate)

    async def heal(self) -> None:
        """End whatever is done to it, so that its topics can be read."""
        self.left.heal()
        self.right.heal()
        if self.kafka.running:
            self.kafka.resume()
        else:
            await self.start_without_launcher()

    async def start_without_launcher(self) -> None:
        """Start it again on the same folder and ports, free of what it was launched under."""
        await asyncio.to_thread(self.kafka.stop)
        self.kafka = EmbeddedKafka(self._folder, port=self.kafka.port, properties=self._properties)
        await self.start()
