"""One worker process, as its parent sees it."""

import asyncio
import logging
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress

import aiohttp
from prometheus_client.metrics_core import Metric

from streams.supervisor import child, merging

log = logging.getLogger(__name__)
ANSWER_SECONDS = 4.0
"""Prometheus waits 10 s, and a worker gives its loop a turn every 20 ms."""


class Member:
    """A worker process from its start to its end; one that is started again is another member.

    `families` are the metrics of its last scrape.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.families: list[Metric] = []
        self.running = True  # from the decision to start it
        self._process: asyncio.subprocess.Process | None = None
        self._url = ""
        self._told_to_end = False

    @property
    def name(self) -> str:
        """What to call it in logs and answers."""
        return f"process {self.number}" + (f" (pid {self._process.pid})" if self._process is not None else "")

    async def run(self, command: Sequence[str]) -> int:
        """Start it and return its exit code when it has ended. Raises OSError when it cannot be started."""
        try:
            # A session of its own: Ctrl-C in a terminal reaches the parent, which stops all in good order.
            process = self._process = await asyncio.create_subprocess_exec(
                *command, env=child.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
            )
            log.info("%s is started", self.name)
            if self._told_to_end:
                process.terminate()
            assert process.stdout is not None
            async for line in process.stdout:
                if line.strip().isdigit():  # the one line of `child.report`
                    self._url = f"http://127.0.0.1:{int(line)}"
            return await process.wait()
        finally:
            self.running = False

    def terminate(self) -> None:
        """Tell it to end, once."""
        if not self._told_to_end:
            self._told_to_end = True
            self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self._signal(signal.SIGKILL)

    async def ask(self, client: aiohttp.ClientSession, path: str) -> str:
        """What speaks against it at one of its probes; nothing when all is well."""
        if not self._url:
            return "is starting"
        try:
            async with client.get(self._url + path) as answer:
                text = (await answer.text()).strip()
                return "" if answer.status == 200 else text
        except (aiohttp.ClientError, TimeoutError):
            return "does not answer"

    @property
    def listening(self) -> bool:
        """Whether its endpoint is up."""
        return self.started and self.running

    @property
    def started(self) -> bool:
        """Whether it came so far that its endpoint was up."""
        return bool(self._url)

    async def scrape(self, client: aiohttp.ClientSession) -> None:
        """Bring `families` up to date. They stay as they were when it does not answer, or has ended meanwhile."""
        if not self.listening:
            return
        with suppress(aiohttp.ClientError, TimeoutError):
            async with client.get(f"{self._url}/metrics") as answer:
                text = await answer.text()
            if answer.status == 200 and self.running:
                self.families = merging.read(text)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)
