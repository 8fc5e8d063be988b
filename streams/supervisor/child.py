"""What a worker does that is one of several: it tells its port, signs its log lines, and never outlives its parent."""

import logging
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import streams
from streams import logs
from streams.settings import PREFIX

OPTION = "--as-process"
STOP_SECONDS = 30.0
EXIT_ORPHANED = 70

_PARENT, _REPORT = 0, 1  # standard input ends when the parent does; standard output takes the one line of the report


def command(number: int) -> list[str]:
    """The command line of process `number`; -P, because a `streams` in the working directory is not ours."""
    return [sys.executable, "-P", "-m", "streams", "worker", OPTION, str(number)]


def environment() -> dict[str, str]:
    """Our own environment, but for the endpoint: a free port of loopback that only the parent is told."""
    ours = {f"{PREFIX}HTTP__HOST": "127.0.0.1", f"{PREFIX}HTTP__PORT": "0"}
    others = {name: value for name, value in os.environ.items() if name.upper() not in ours}
    # The same code as ours, also where it was started from a checkout that is not installed.
    code = os.pathsep.join(filter(None, [str(Path(streams.__file__).parents[1]), others.get("PYTHONPATH")]))
    return others | ours | {"PYTHONPATH": code}


class SignedFormatter(logs.PlainFormatter):
    """Says in each line which process wrote it: `[2] streams.app`."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        """The line of a record, which is a copy of `format` already."""
        record.name = f"[{self._number}] {record.name}"
        return super().formatMessage(record)


def logging_config(level: str, number: int) -> dict[str, Any]:
    """The logging configuration of a worker, with signed lines."""
    signed = {"plain": {"()": SignedFormatter, "number": number}}
    return logs.config(level) | {"formatters": signed}


def report(port: int) -> None:
    """Tell the parent where we listen. What is printed from now on goes to the log."""
    with suppress(OSError):  # the parent is gone, and we shall follow
        os.write(_REPORT, f"{port}\n".encode())
    os.dup2(sys.stderr.fileno(), _REPORT)


def follow_parent() -> None:
    """Stop in good order when the parent is gone, however it went, and hard when that takes too long."""
    threading.Thread(target=_follow, name="follow-parent", daemon=True).start()


def _follow() -> None:
    # A thread, because the event loop may be busy; os.read, because a buffered reader holds a lock at exit.
    while os.read(_PARENT, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(STOP_SECONDS)
    os._exit(EXIT_ORPHANED)
