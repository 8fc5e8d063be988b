"""The parent of several workers: starts them, starts again what died, answers for all, and stops all in good order."""

import asyncio
import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import aiohttp
from prometheus_client import CollectorRegistry, Counter, disable_created_metrics
from prometheus_client.metrics_core import Metric

from streams import clock
from streams.health import Answers, Listener
from streams.supervisor import child, merging
from streams.supervisor.member import ANSWER_SECONDS, Member

log = logging.getLogger(__name__)

EXIT_CLEAN, EXIT_USAGE, EXIT_NOT_IN_ORDER = 0, 2, 3
_ENDED_IN_ORDER = frozenset({0, -signal.SIGTERM})  # the latter before it had anything in hand


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait: for all to stop, and before one that died is started again."""

    stop_seconds: float = 30.0
    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 30.0
    lived_well_seconds: float = 60.0  # after which the pauses begin anew


class Supervisor:
    """`processes` workers behind one endpoint. Runs once."""

    def __init__(
        self,
        processes: int,
        version: str,
        *,
        command: Callable[[int], Sequence[str]] = child.command,
        limits: Limits | None = None,
    ) -> None:
        self._command = command
        self._limits = limits or Limits()
        self._answers = Answers(self._metrics, self._not_alive, self._not_ready, version)
        self._members = {number: Member(number) for number in range(1, processes + 1)}
        self._ended: list[Metric] = []  # what stays of processes that ended
        self._once_up: set[int] = set()  # the numbers of those whose endpoint was up, in this life or another
        self._stopping = asyncio.Event()
        self._scraping = asyncio.Lock()  # one at a time, so that an older scrape never replaces a newer one
        self._code = EXIT_CLEAN
        self._client: aiohttp.ClientSession
        self._registry = CollectorRegistry()
        disable_created_metrics()  # type: ignore[no-untyped-call] # as in streams.metrics
        self._restarts = Counter(
            "claims_worker_restarts", "Worker processes started again after they died", registry=self._registry
        )

    async def run(self, host: str, port: int) -> int:
        """Run until SIGINT or SIGTERM; returns the exit code. Raises OSError when the port is taken."""
        listener = Listener(self._answers)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS)) as self._client:
            bound = await listener.start(host, port)
            log.info("metrics of %s processes at http://%s:%s/metrics", len(self._members), host, bound)
            try:
                with self._stopped_by_signals():
                    await self._run_all()
            finally:
                await listener.stop()
        return self._code

    def stop(self) -> None:
        """Begin to stop; more than once is no more than once."""
        self._stopping.set()

    @contextmanager
    def _stopped_by_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        for number in signals:
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    async def _run_all(self) -> None:
        keepers = [asyncio.create_task(self._keep(number)) for number in self._members]
        for keeper in keepers:
            keeper.add_done_callback(lambda _: self.stop())
        await self._stopping.wait()
        # All together: each that left alone would hand its partitions to one that is about to leave too, which
        # would rebuild their state for nothing.
        for member in self._members.values():
            member.terminate()
        _, late = await asyncio.wait(keepers, timeout=self._limits.stop_seconds)
        if late:
            self._kill_late()
        await asyncio.gather(*keepers)

    def _kill_late(self) -> None:
        for member in self._members.values():
            if member.running:
                log.error("%s did not end within %.0f s and is killed", member.name, self._limits.stop_seconds)
                member.kill()

    async def _keep(self, number: int) -> None:
        """Run one process, and another each time it dies, until all stop."""
        pause = self._limits.first_pause_seconds
        while not self._stopping.is_set():
            began = clock.monotonic()
            how = await self._run_one(number)
            if self._stopping.is_set():
                return
            if clock.monotonic() - began >= self._limits.lived_well_seconds:
                pause = self._limits.first_pause_seconds
            log.warning("%s %s; it is started again in %.1f s", self._members[number].name, how, pause)
            if await self._stops_within(pause):
                return
            pause = min(pause * 2, self._limits.longest_pause_seconds)
            self._restarts.inc()

    async def _run_one(self, number: int) -> str:
        """Run a process to its end; returns how it ended."""
        member = self._members[number] = Member(number)
        try:
            code = await member.run(self._command(number))
        except OSError as error:
            return f"could not be started ({error.strerror})"
        self._ended = merging.merged([self._ended, merging.lasting(member.families)])
        how = _how_ended(code)
        # One that cannot start again, say while a topic is missing, is no reason to stop those that work.
        cannot_start_again = not member.started and number in self._once_up
        if member.started:
            self._once_up.add(number)
        if code == EXIT_USAGE and not cannot_start_again:
            log.error("%s %s, a fault of the configuration, so all processes stop", member.name, how)
            self._code = EXIT_USAGE
            self.stop()
        elif self._stopping.is_set() and code not in _ENDED_IN_ORDER:
            log.error("%s %s while it was stopped", member.name, how)
            self._code = self._code or EXIT_NOT_IN_ORDER
        return how

    async def _stops_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True

    # What the endpoint answers

    async def _metrics(self) -> bytes:
        async with self._scraping:
            await asyncio.gather(*(member.scrape(self._client) for member in self._members.values()))
            living = [member.families for member in self._members.values() if member.running]
            return merging.written([*merging.merged([self._ended, *living]), *self._registry.collect()])

    async def _not_alive(self) -> str:
        if self._stopping.is_set():
            return ""  # on its way out, and not to be killed for it
        return await self._against("/livez")

    async def _not_ready(self) -> str:
        return "the worker is stopping" if self._stopping.is_set() else await self._against("/readyz")

    async def _against(self, path: str) -> str:
        reasons = await asyncio.gather(*(self._against_one(member, path) for member in self._members.values()))
        return "; ".join(filter(None, reasons))

    async def _against_one(self, member: Member, path: str) -> str:
        if not member.running:
            # A probe that kills the parent for it would kill those that work.
            others_run = any(each.running for each in self._members.values())
            reason = "" if path == "/livez" and others_run else "has ended and is started again"
        elif path == "/livez" and not member.listening:
            reason = ""  # it is starting
        else:
            reason = await member.ask(self._client, path)
        return reason and f"{member.name}: {reason}"


def _how_ended(code: int) -> str:
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
