"""What operators ask a worker over HTTP: /metrics, /livez, /readyz, /version."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from streams import clock
from streams.metrics import Metrics
from validators.ruleset import Ruleset

if TYPE_CHECKING:  # who only supervises workers needs no Faust
    from streams.chunks import TP


LONGEST_STEP_SECONDS = 20.0
"""Between two looks, or two questions, no more is counted: a process that was frozen has not been stuck."""


class Mark(NamedTuple):
    """A partition at one look; `signs` counts what shows that it is worked on: tries again, state read."""

    committed: int
    end: int
    signs: int = 0


class ProgressProbe:
    """Whether every partition that has records moves, as long as the broker answers."""

    def __init__(self, limit_seconds: float, tick: Callable[[], float] = clock.monotonic) -> None:
        self._limit_seconds = limit_seconds
        self._tick = tick
        self._looked_at = self._asked_at = tick()
        self._unseen_seconds = 0.0  # since the last look
        self._marks: dict[TP, Mark] = {}
        self._stood_seconds: dict[TP, float] = {}
        self._away = False  # the last look was not answered
        self._others_answered = False  # but a new connection has been, since then
        self._cut_off_seconds = 0.0

    def look(self, marks: "Mapping[TP, Mark]") -> None:
        """Take in how far each partition is, now that the broker has answered."""
        step = self._looked()
        self._away, self._cut_off_seconds = False, 0.0
        self._stood_seconds = {
            tp: self._stood_seconds.get(tp, 0.0) + step for tp, mark in marks.items() if self._stands(tp, mark)
        }
        self._marks = dict(marks)

    def _stands(self, tp: "TP", mark: Mark) -> bool:
        before = self._marks.get(tp)
        if before is None or before.committed >= before.end:
            return False
        return (before.committed, before.signs) == (mark.committed, mark.signs)

    def excused(self) -> None:
        """The broker has answered, but something all workers need is missing: all begin anew when it is back."""
        self._away, self._cut_off_seconds = False, 0.0
        self._begin_anew()

    def no_answer(self) -> None:
        """The broker did not answer this worker. It is waited for, unless it answers others: see `others_answered`."""
        if not self._away:
            self._away, self._others_answered = True, False
        step = self._begin_anew()
        self._cut_off_seconds = self._cut_off_seconds + step if self._others_answered else 0.0

    def _begin_anew(self) -> float:
        self._stood_seconds = {}
        self._marks = {}
        return self._looked()

    def others_answered(self) -> None:
        """The broker has answered a new connection, made with the settings and secrets as they are now.

        A worker that is not answered although others are is cut off for good, by a changed password, certificate or
        address; started again, it goes on.
        """
        self._others_answered = True

    def nobody_answered(self) -> None:
        """The broker has not answered a new connection either."""
        self._others_answered = False

    def _looked(self) -> float:
        """Note the look; the seconds to count since the one before."""
        step = min(self._tick() - self._looked_at, LONGEST_STEP_SECONDS)
        self._looked_at = self._asked_at = self._tick()
        self._unseen_seconds = 0.0
        return step

    def not_alive(self) -> str:
        """What speaks against this worker, one sentence, or nothing."""
        now = self._tick()
        self._unseen_seconds += min(now - self._asked_at, LONGEST_STEP_SECONDS)
        self._asked_at = now
        if self._unseen_seconds >= max(self._limit_seconds, LONGEST_STEP_SECONDS):  # a look may take that long
            return f"nobody has looked at the partitions for {self._unseen_seconds:.0f} s"
        if self._cut_off_seconds >= self._limit_seconds:
            return (
                f"the broker has not answered this worker for {self._cut_off_seconds:.0f} s although it answers new "
                "connections (has a password, certificate or address changed?)"
            )
        stuck = [(seconds, tp) for tp, seconds in self._stood_seconds.items() if seconds >= self._limit_seconds]
        if not stuck:
            return ""
        seconds, tp = max(stuck)
        mark = self._marks[tp]
        return (
            f"{tp.topic}[{tp.partition}] has {mark.end - max(0, mark.committed)} records and has not moved for "
            f"{seconds:.0f} s although the broker answers"
        )


@dataclass(frozen=True, slots=True)
class Probes:
    """What the endpoint asks of the worker each time it is asked itself.

    `refresh` brings the gauges up to date; `not_ready` and `not_alive` say what speaks against the worker, or nothing.
    """

    refresh: Callable[[], None]
    not_ready: Callable[[], str]
    not_alive: Callable[[], str] = str


@dataclass(frozen=True, slots=True)
class Answers:
    """What an endpoint answers, asked anew each time: metrics as text, what speaks against it or nothing, versions."""

    metrics: Callable[[], Awaitable[bytes]]
    not_alive: Callable[[], Awaitable[str]]
    not_ready: Callable[[], Awaitable[str]]
    version: str


class Listener:
    """An HTTP endpoint, on loopback unless the settings say otherwise."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; the port it listens on. Raises OSError when the port is taken."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/metrics", self._scrape),
                web.get("/livez", self._alive),
                web.get("/readyz", self._ready),
                web.get("/version", self._versions),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError:
            await self.stop()
            raise
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _scrape(self, _request: web.Request) -> web.Response:
        return web.Response(body=await self._answers.metrics(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _alive(self, _request: web.Request) -> web.Response:
        return _probed(await self._answers.not_alive(), "alive")

    async def _ready(self, _request: web.Request) -> web.Response:
        return _probed(await self._answers.not_ready(), "ready")

    async def _versions(self, _request: web.Request) -> web.Response:
        return web.Response(text=self._answers.version + "\n", content_type="application/json")


class Endpoint(Listener):
    """The HTTP endpoint of one worker."""

    def __init__(self, metrics: Metrics, probes: Probes, version: str) -> None:
        async def scraped() -> bytes:
            probes.refresh()
            return generate_latest(metrics.registry)

        async def not_alive() -> str:
            return probes.not_alive()

        async def not_ready() -> str:
            return probes.not_ready()

        super().__init__(Answers(scraped, not_alive, not_ready, version))


def versions(ruleset: Ruleset) -> str:
    """What /version answers: ours, and that of the rules in force."""
    return json.dumps({"claimstream": version("claimstream"), "ruleset": ruleset.version.model_dump()})


def _probed(reason: str, well: str) -> web.Response:
    return web.Response(text=f"{reason or well}\n", status=503 if reason else 200)
