"""A TCP proxy in front of a broker: a network that can be cut, slowed down, or opened in one direction only."""

import asyncio
import random
from contextlib import suppress
from typing import Self

HOST = "127.0.0.1"
PIECE_BYTES = 1 << 18


class Proxy:
    """Passes bytes between clients and a port of this machine until a fault is set.

    `cut`: nothing passes either way, packets wait, as behind a network that comes back. `deaf`: nothing comes back from
    the broker. `half_open`: whoever was connected is disconnected, whoever connects is accepted and never heard.
    """

    def __init__(self, port: int, to: int, rng: random.Random) -> None:
        self.port = port
        self._to = to
        self._rng = rng
        self._upward, self._downward = asyncio.Event(), asyncio.Event()
        self._swallowing = False
        self._delay_seconds = 0.0
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.heal()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, HOST, self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.disconnect()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def cut(self) -> None:
        """Let nothing pass."""
        self._upward.clear()
        self._downward.clear()

    def deafen(self) -> None:
        """Let requests pass, and no answers."""
        self._downward.clear()

    def half_open(self) -> None:
        """Drop the connections there are; accept new ones, and swallow what they say."""
        self._swallowing = True
        self.disconnect()

    def slow_down(self, seconds: float) -> None:
        """Deliver everything this much later, in order, half of it more or less at random."""
        self._delay_seconds = seconds

    def heal(self) -> None:
        """End every fault."""
        if self._swallowing:
            self._swallowing = False
            self.disconnect()
        self._delay_seconds = 0.0
        self._upward.set()
        self._downward.set()

    def disconnect(self) -> None:
        """Drop every connection."""
        for connection in self._connections:
            connection.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        with suppress(asyncio.CancelledError, OSError):
            await self._connect(reader, writer)
        self._connections.discard(task)
        writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._swallowing:
            while await reader.read(PIECE_BYTES):
                pass
            return
        broker_reader, broker_writer = await asyncio.open_connection(HOST, self._to)
        try:
            up = asyncio.ensure_future(self._pass_on(reader, broker_writer, self._upward))
            down = asyncio.ensure_future(self._pass_on(broker_reader, writer, self._downward))
            try:
                await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
            finally:
                up.cancel()
                down.cancel()
                await asyncio.gather(up, down, return_exceptions=True)
        finally:
            broker_writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(64)

        async def read() -> None:
            while piece := await reader.read(PIECE_BYTES):
                delay = self._delay_seconds * self._rng.uniform(0.5, 1.5)
                await waiting.put((loop.time() + delay, piece))
            await waiting.put((loop.time(), b""))

        reading = asyncio.ensure_future(read())
        try:
            while True:
                due, piece = await waiting.get()
                await asyncio.sleep(max(0.0, due - loop.time()))
                await gate.wait()
                if not piece:
                    return
                writer.write(piece)
                await writer.drain()
        finally:
            reading.cancel()
