"""Logging of a worker: plain lines on stderr, and no exception text, because it may hold values of a claim."""

import copy
import logging
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
_SHORTEST_TEXT = 4
"""An exception text shorter than this is too common a word to be looked for in a message."""


class PlainFormatter(logging.Formatter):
    """Formats an exception as its type and the places it passed, without its text.

    Kept is the text of exceptions that are written for operators: our own, those of the Kafka client and of the system.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record. Works on a copy: other handlers may have left the text of an exception in it."""
        plain = copy.copy(record)
        plain.exc_text = None
        if isinstance(plain.args, tuple):
            plain.args = tuple(_nameless(arg) for arg in plain.args)
        elif plain.args:
            plain.args = {name: _nameless(arg) for name, arg in plain.args.items()}
        message = plain.getMessage()
        plain.args = None
        for error in _hidden(plain.exc_info[1] if isinstance(plain.exc_info, tuple) else None):
            # asyncio and others put the repr of what failed into the message itself.
            for text in sorted({str(error), repr(error), *map(str, error.args)}, key=len, reverse=True):
                if len(text) >= _SHORTEST_TEXT:
                    message = message.replace(text, type(error).__name__)
        if plain.name == "asyncio":
            # What happened stands before the first bracket and line end; then it shows arguments and whole objects.
            message = message.partition("\n")[0].partition("(")[0]
        plain.msg = message
        return super().format(plain)

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - the name is logging's
        """The places from the outermost call to the one that raised, then the type."""
        return _places_and_type(ei[0], ei[2])


def hide_values_in_reports() -> None:
    """Have Python itself report what nobody caught by type and place, as a log line does, and warnings so too."""

    def uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        text = f" ({error})" if _is_for_operators(error) else ""
        _report(f"ended by an error nobody foresaw{text}, a defect; report it with these lines", kind, trace)

    def of_thread(failed: threading.ExceptHookArgs) -> None:
        _report("a thread ended by an error nobody foresaw", failed.exc_type, failed.exc_traceback)

    def unraisable(failed: "sys.UnraisableHookArgs") -> None:
        _report("an error was ignored, for nobody could be told of it", failed.exc_type, failed.exc_traceback)

    def warned(message: object, category: type[Warning], filename: str, lineno: int, *where: object) -> None:
        del message, where
        sys.stderr.write(f"{filename}:{lineno}: {category.__name__}\n")

    sys.excepthook, threading.excepthook, sys.unraisablehook = uncaught, of_thread, unraisable
    warnings.showwarning = warned  # type: ignore[assignment] # where it is written and from is ours to say


def _report(what: str, kind: type[BaseException] | None, trace: TracebackType | None) -> None:
    sys.stderr.write(f"claimstream: {what}\n{_places_and_type(kind, trace)}\n")


def _places_and_type(kind: type[BaseException] | None, trace: TracebackType | None) -> str:
    places = [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(trace)]
    return "\n".join([*places, f"  {kind.__name__ if kind else 'no exception'}"])


def place_of(exc: BaseException) -> str:
    """Type and place of an exception, for logs; its text and arguments may hold values of a claim."""
    frames = list(traceback.walk_tb(exc.__traceback__))
    if not frames:
        return type(exc).__name__
    frame, line = frames[-1]
    return f"{type(exc).__name__} at {Path(frame.f_code.co_filename).name}:{line}"


class _Named:
    """Stands for an exception among the arguments of a message, by the name of its type."""

    def __init__(self, error: BaseException) -> None:
        self._name = type(error).__name__

    def __repr__(self) -> str:
        return self._name


def _nameless(argument: object) -> object:
    if isinstance(argument, BaseException) and not _is_for_operators(argument):
        return _Named(argument)
    return argument


def _is_for_operators(error: BaseException) -> bool:
    if isinstance(error, OSError):  # as the system words it, which names no file
        return error.errno is not None and error.filename is None and error.filename2 is None
    return type(error).__module__.partition(".")[0] in {"streams", "validators", "aiokafka"}


def _hidden(error: BaseException | None) -> Iterator[BaseException]:
    """An exception with those behind it and in its group, as far as their text is not for operators."""
    if error is None:
        return
    if not _is_for_operators(error):
        yield error
    yield from _hidden(error.__cause__ or error.__context__)
    for inner in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from _hidden(inner)


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
            "mode.timers": {"level": "ERROR"},  # warns of every tick that a busy processor delays
        },
    }
