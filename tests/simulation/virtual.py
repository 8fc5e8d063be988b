"""While a simulation runs: nothing sees the machine's clock, threads, addresses or hash seed."""

import asyncio
import contextlib
import logging
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from mode import Service
from mode.utils.logging import CompositeLogger

from streams import clock
from streams.chunks import app as chunk_app
from tests.simulation.scheduler import World

Patch = tuple[Any, str, Any]


@contextlib.contextmanager
def patched(patches: Iterable[Patch]) -> Iterator[None]:
    """Set attributes of modules and classes, and set them back."""
    patches = list(patches)
    stock = [(owner, name, getattr(owner, name)) for owner, name, _ in patches]
    for owner, name, value in patches:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in stock:
            setattr(owner, name, value)


class OrderedSet(dict[Any, None]):
    """A set that keeps its order, for the futures of a service: stock sets order them by address."""

    def add(self, item: Any) -> None:
        self[item] = None

    def discard(self, item: Any) -> None:
        self.pop(item, None)


class _VirtualTimer:
    """In place of `threading.Timer`: fires in virtual time, for the worker that is running."""

    daemon = True

    def __init__(self, seconds: float, _then: Callable[..., Any], _args: tuple[Any, ...] = ()) -> None:
        self._seconds = seconds

    def start(self) -> None:
        loop: Any = asyncio.get_running_loop()
        self._handle = loop.call_later(self._seconds, loop.on_stop_limit)

    def cancel(self) -> None:
        self._handle.cancel()


@contextlib.contextmanager
def virtual(world: World) -> Iterator[None]:
    """Let nothing that the workers run see the machine's clock, threads, addresses or hash seed."""
    with warnings.catch_warnings():
        # A crash leaves coroutines behind, some of them before their first step.
        warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
        with _replaced(world):
            yield


@contextlib.contextmanager
def _replaced(world: World) -> Iterator[None]:
    ours: list[tuple[Any, str, Any]] = [
        (chunk_app, "threading", _Threading),
        (clock, "monotonic", lambda: world.now),
        (Service, "__init__", _ordered_init(Service.__init__)),
        (Service, "_get_tasks", _sorted_tasks),
        (Service, "itertimer", _with_clock(Service.itertimer, lambda: world.now)),
    ]
    if world.trace is None:
        ours.append((CompositeLogger, "log", lambda *_args, **_kwargs: None))
    disabled, hooks = logging.root.manager.disable, sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(firstiter=lambda _generator: None, finalizer=lambda _generator: None)
    logging.disable(logging.CRITICAL if world.trace is None else logging.INFO)
    try:
        with patched(ours):
            yield
    finally:
        logging.disable(disabled)
        sys.set_asyncgen_hooks(*hooks)


class _Threading:
    Timer = _VirtualTimer


def _ordered_init(stock: Callable[..., None]) -> Callable[..., None]:
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        stock(self, *args, **kwargs)
        self._futures = OrderedSet()

    return init


def _sorted_tasks(self: Any) -> Iterator[Any]:
    for name in sorted(type(self)._tasks[self._get_class_id()]):
        yield getattr(self, name)


def _with_clock(stock: Callable[..., Any], clock: Callable[[], float]) -> Callable[..., Any]:
    def itertimer(self: Any, interval: Any, **kwargs: Any) -> Any:
        return stock(self, interval, **{"clock": clock, **kwargs})

    return itertimer
