"""Virtual time and a deterministic schedule for many event loops in one thread.

What the schedule permits, compared with reality. Every process of a worker has two threads, each with an event loop:
Faust's main loop and the loop of the consumer thread. In one loop callbacks run first in, first out, as asyncio runs
them. Between loops the seed chooses whose callback comes next; one callback (the code between two awaits) is atomic,
which is coarser than the switches of the interpreter between two threads. A loop may also stand still for a while (a
long computation, a paused process) while the others, the broker and time go on. Timers fire when their time has come
and never early; each callback takes 20 microseconds.

One thing is permitted that reality is not known to do: an answer of the consumer thread may come late to the main loop
and overtake others (`SimulatedThread.call_thread`). Without it a dropped epoch check does no harm that can be seen: the
queue between the threads keeps its order, and a rewind comes behind every fetch that was answered before it.
"""

import asyncio
import heapq
import zlib
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from itertools import count
from random import Random
from typing import Any

CALLBACK_SECONDS = 20e-6
LONGEST_BURST = 4


class Loop(asyncio.AbstractEventLoop):
    """The event loop of one thread of the world; dead loops take nothing and run nothing."""

    def __init__(self, world: "World", name: str) -> None:
        self.world = world
        self.name = name
        self.number = len(world.loops)
        self.ready: deque[asyncio.Handle] = deque()
        self.tasks: list[asyncio.Task[Any]] = []
        self.dead = False
        self.stalled_until = 0.0
        self.on_stop_limit: Callable[[], None] = lambda: None
        world.loops.append(self)

    def time(self) -> float:
        return self.world.now

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Any = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        if not self.dead:
            self.ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.world.now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        if not self.dead:
            heapq.heappush(self.world.timers, (when, next(self.world.order), handle))
        return handle

    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self)

    def create_task(
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, context: Any = None
    ) -> "asyncio.Task[Any]":
        task = asyncio.Task(coro, loop=self, name=name or "task", context=context)
        task._log_destroy_pending = False  # a crash leaves tasks behind
        self.tasks.append(task)
        if len(self.tasks) > 400:
            self.tasks = [task for task in self.tasks if not task.done()]
        return task

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return not self.dead

    def is_closed(self) -> bool:
        return False

    def close(self) -> None:
        """Loops end with their world."""

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Cancelled timers are passed over when their time comes."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if not self.dead:
            self.world.note(f"{self.name}: {context.get('message')} {context.get('exception')!r}")


class World:
    """Time, loops, and the seed's choices between them."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.now = 0.0
        self.loops: list[Loop] = []
        self.timers: list[tuple[float, int, asyncio.Handle]] = []
        self.order = count()
        self.steps = 0
        self.digest = 0
        self.trace: list[str] | None = None
        self.over = False
        self._ended = False
        self._doomed: list[tuple[int, Loop, Callable[[], None]]] = []

    def note(self, event: str) -> None:
        """An event of the trace; every one goes into the digest, so that equal digests mean equal runs."""
        if self._ended:
            return
        line = f"{self.now:10.4f} {event}"
        self.digest = zlib.crc32(line.encode(), self.digest)
        if self.trace is not None:
            self.trace.append(line)

    def after_steps(self, steps: int, loop: Loop, then: Callable[[], None]) -> None:
        """Call `then` before some later callback of this loop: between any two awaits."""
        self._doomed.append((self.steps + steps, loop, then))

    def run(self, limit_seconds: float) -> None:
        """Run until `over` is set or time is up."""
        chance = self.random.random
        while not self.over and self.now < limit_seconds:
            self._fire_timers()
            runnable = [loop for loop in self.loops if loop.ready and loop.stalled_until <= self.now]
            if not runnable:
                self._wait_for_something(limit_seconds)
                continue
            loop = runnable[int(chance() * len(runnable))]
            self.digest = zlib.crc32(bytes((loop.number,)), self.digest)
            self._run_some(loop, 1 + int(chance() * LONGEST_BURST))

    def _run_some(self, loop: Loop, callbacks: int) -> None:
        asyncio._set_running_loop(loop)
        try:
            for _ in range(callbacks):
                if self._doomed:
                    self._strike(loop)
                if not loop.ready:
                    break
                handle = loop.ready.popleft()
                if not handle._cancelled:
                    self.steps += 1
                    self.now += CALLBACK_SECONDS
                    handle._run()
                if loop.stalled_until > self.now:
                    break
        finally:
            asyncio._set_running_loop(None)

    def _strike(self, running: Loop) -> None:
        due = [doom for doom in self._doomed if doom[0] <= self.steps and (doom[1] is running or doom[1].dead)]
        for doom in due:
            self._doomed.remove(doom)
            doom[2]()

    def _fire_timers(self) -> None:
        while self.timers and self.timers[0][0] <= self.now:
            handle = heapq.heappop(self.timers)[2]
            if not handle._cancelled and not handle._loop.dead:
                handle._loop.ready.append(handle)

    def _wait_for_something(self, limit_seconds: float) -> None:
        while self.timers and (self.timers[0][2]._cancelled or self.timers[0][2]._loop.dead):
            heapq.heappop(self.timers)
        times = [loop.stalled_until for loop in self.loops if loop.ready and loop.stalled_until > self.now]
        if self.timers:
            times.append(self.timers[0][0])
        self.now = max(self.now, min(times, default=limit_seconds))

    def kill(self, *loops: Loop) -> None:
        """These loops never run again."""
        for loop in loops:
            loop.dead = True
            loop.ready.clear()

    def end(self) -> None:
        """Close every coroutine that was left behind, so that nothing of this world runs later."""
        self._ended = True
        self.kill(*self.loops)
        for loop in self.loops:
            asyncio._set_running_loop(loop)
            try:
                for task in loop.tasks:
                    _close(task)
            finally:
                asyncio._set_running_loop(None)


def _close(task: "asyncio.Task[Any]") -> None:
    if task.done():
        if not task.cancelled():
            task.exception()  # seen, so that it is not logged later
        return
    inner = getattr(task, "__wrapped__", None)  # mode wraps what a service runs; it may not have begun
    if asyncio.iscoroutine(inner):
        with suppress(BaseException):
            inner.close()
    for _ in range(8):  # each try gets past one await of a finally block
        with suppress(BaseException):
            task.get_coro().close()
            return
