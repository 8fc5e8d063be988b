"""The demo's worker: `claimstream worker` as a process of its own, with settings nobody else's can disturb."""

import asyncio
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Self

import aiohttp

import streams
from streams import clock, kafka_watchdog
from streams.demo.practices import SOURCES
from streams.embedded_kafka import free_port
from streams.settings import PREFIX
from streams.tokens import BUILT_IN_KEY

READY_SECONDS = 60.0
STOP_SECONDS = 12.0
LOG_LINES = 12


class WorkerDied(Exception):  # noqa: N818 - says what happened
    """The worker ended by itself, or never became ready; the sentence holds the last lines of its log."""


class DemoWorker:
    """One worker process. `folder` holds its key and log, and is removed by the watchdog if we are killed."""

    def __init__(self, folder: Path, bootstrap: str, prefix: str) -> None:
        self.folder = folder
        self.log_file = folder / "worker.log"
        self.port = free_port()
        self._bootstrap, self._prefix = bootstrap, prefix
        self._process: asyncio.subprocess.Process | None = None
        self._watchdog: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Where its endpoint listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None, "start() comes first"
        return self._process.pid

    async def start(self) -> Self:
        """Start it and return when it is ready. Raises WorkerDied."""
        self._watchdog = subprocess.Popen(  # noqa: ASYNC220, S603 - our own file, and it starts in milliseconds
            [sys.executable, "-I", "-S", kafka_watchdog.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        with self.log_file.open("ab") as log:
            # A session of its own: Ctrl-C in a terminal reaches us, and we end the worker in good order.
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "streams", "worker", cwd=self.folder, env=self._environment(),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self._tell_watchdog(f"{self.pid}\t{kafka_watchdog.birth_mark(self.pid)}\t{self.folder}\n")
        await self._until_ready()
        return self

    async def ended(self) -> int:
        """Return its exit code when it has ended."""
        assert self._process is not None, "start() comes first"
        return await self._process.wait()

    async def stop(self, seconds: float = STOP_SECONDS) -> None:
        """End it with SIGTERM, after `seconds` with SIGKILL. Stopping twice is no error."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), seconds)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        if self._watchdog is not None:
            self._tell_watchdog("0\t\t\n")
            self._watchdog.communicate()
            self._watchdog = None

    def died(self, code: int) -> WorkerDied:
        """What to say when it ended by itself."""
        return WorkerDied(
            f"the worker ended by itself with exit code {code}; the last lines of its log:\n{self.tail()}"
        )

    def tail(self) -> str:
        """The last lines of its log."""
        with suppress(OSError):
            return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-LOG_LINES:])
        return ""

    def _environment(self) -> dict[str, str]:
        """The user's environment without its CLAIMSTREAM_ variables; `folder` as working directory has no settings."""
        key_file = self.folder / "token-key"
        key_file.write_bytes(BUILT_IN_KEY)
        others = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
        ours = {
            "BROKER__BOOTSTRAP": self._bootstrap,
            "BROKER__PREFIX": self._prefix,
            "TOKEN_KEY_FILE": str(key_file),
            "HTTP__PORT": str(self.port),
            "SOURCES": ",".join(SOURCES),
        }
        # The same code as ours, also where it was started from a checkout that is not installed.
        code = os.pathsep.join(filter(None, [str(Path(streams.__file__).parents[1]), others.get("PYTHONPATH")]))
        return others | {f"{PREFIX}{name}": value for name, value in ours.items()} | {"PYTHONPATH": code}

    async def _until_ready(self) -> None:
        deadline = clock.monotonic() + READY_SECONDS
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            while not await self._is_ready(session):
                assert self._process is not None
                if self._process.returncode is not None:
                    raise self.died(self._process.returncode)
                if clock.monotonic() > deadline:
                    raise WorkerDied(f"the worker was not ready after {READY_SECONDS:.0f} s; its log:\n{self.tail()}")
                await asyncio.sleep(0.1)

    async def _is_ready(self, session: aiohttp.ClientSession) -> bool:
        with suppress(aiohttp.ClientError, TimeoutError):
            async with session.get(f"{self.url}/readyz") as answer:
                return answer.status == 200
        return False

    def _tell_watchdog(self, line: str) -> None:
        assert self._watchdog is not None
        assert self._watchdog.stdin is not None
        with suppress(BrokenPipeError):  # someone ended it; the worker then outlives a SIGKILL of ours, nothing else
            self._watchdog.stdin.write(line)
            self._watchdog.stdin.flush()
