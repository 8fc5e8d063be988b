"""Logging of a worker: plain lines on stderr, and no exception text, because it may hold values of a claim."""

import logging
import traceback
from types import TracebackType
from typing import Any

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class PlainFormatter(logging.Formatter):
    """Formats an exception as its type and the places it passed, without its text."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - the name is logging's
        """The places from the outermost call to the one that raised, then the type."""
        kind, _, trace = ei
        places = [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(trace)]
        return "\n".join([*places, f"  {kind.__name__ if kind else 'no exception'}"])


def config(level: str) -> dict[str, Any]:
    """A logging configuration; the level is info or debug (any higher one would set Faust's root logger to DEBUG)."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": {"()": "streams.logs.PlainFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stderr"}},
        "root": {"level": level.upper(), "handlers": ["stderr"]},
        "loggers": {
            # Each says at info what only its authors can use; what goes wrong they say at warning.
            "aiokafka": {"level": "WARNING"},
            "faust": {"level": "WARNING"},
            "mode": {"level": "WARNING"},
        },
    }
