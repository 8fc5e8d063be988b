"""Workers as an operator would start them: processes of their own, ended by their process id, whatever happens."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from streams.settings import PREFIX

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 240.0  # a worker looks at its topics every 30 s and stops within 25 s; one machine is not another
EXIT_CLEAN, EXIT_USAGE, EXIT_STOPPED_HARD = 0, 2, 70
LOG_LINES = 12
STRUCK = "the fault struck"


class WorkerEnded(Exception):  # noqa: N818 - says what happened
    """A worker ended otherwise than it should, or not at all; the sentence holds the last lines of its log."""


@dataclass
class Worker:
    """One worker process, its log in a file. `expected` are the exit codes that are no violation."""

    process: asyncio.subprocess.Process
    log_file: Path
    expected: tuple[int, ...] = (EXIT_CLEAN,)

    @property
    def running(self) -> bool:
        return self.process.returncode is None

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    async def kill(self) -> None:
        """End it by SIGKILL."""
        self.expected = (-signal.SIGKILL,)
        self.process.kill()
        await self.process.wait()

    def freeze(self) -> None:
        """Stop it in its tracks, by SIGSTOP."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """End `freeze`."""
        self.process.send_signal(signal.SIGCONT)

    async def terminate(self) -> int:
        """End it by SIGTERM, in good order; its exit code."""
        if self.running:
            self.process.terminate()
        return await self.ended()

    async def ended(self) -> int:
        """Its exit code, once it has ended. Raises WorkerEnded when it does not."""
        try:
            async with asyncio.timeout(STOP_SECONDS):
                return await self.process.wait()
        except TimeoutError as error:
            raise WorkerEnded(
                f"{self.log_file.name} did not end within {STOP_SECONDS:.0f} s:\n{self._tail()}"
            ) from error

    def require_expected(self) -> None:
        """Raise WorkerEnded when it ended with a code nobody expected."""
        code = self.process.returncode
        if code is not None and code not in self.expected:
            raise WorkerEnded(f"{self.log_file.name} ended with exit code {code}:\n{self._tail()}")

    def _tail(self) -> str:
        return "\n".join(self.log().splitlines()[-LOG_LINES:])


async def start_worker(
    settings: Mapping[str, str], log_file: Path, *, fault: Mapping[str, object] | None = None, code: Path = ROOT
) -> Worker:
    """Start `python -m streams worker` of the tree `code`; with a `fault`, through `faulty_worker`."""
    others = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
    environment = others | {f"{PREFIX}{name}": value for name, value in settings.items()} | {"PYTHONPATH": str(code)}
    command = ["-m", "streams", "worker"] if fault is None else ["-m", "tests.chaos.faulty_worker", json.dumps(fault)]
    with log_file.open("wb") as log:
        # A session of its own: Ctrl-C in a terminal reaches us, and we end the worker.
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, cwd=code, env=environment,
            stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    return Worker(process, log_file)
