"""What operators ask a worker over HTTP: /metrics, /livez, /readyz, /version."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import version

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from streams.metrics import Metrics
from validators.ruleset import Ruleset


@dataclass(frozen=True, slots=True)
class Probes:
    """What the endpoint asks of the worker each time it is asked itself.

    `refresh` brings the gauges up to date; `not_ready` says why the worker is not ready, or nothing.
    """

    refresh: Callable[[], None]
    not_ready: Callable[[], str]


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
    """The HTTP endpoint of one worker. It is alive when it answers."""

    def __init__(self, metrics: Metrics, probes: Probes, version: str) -> None:
        async def scraped() -> bytes:
            probes.refresh()
            return generate_latest(metrics.registry)

        async def not_alive() -> str:
            return ""

        async def not_ready() -> str:
            return probes.not_ready()

        super().__init__(Answers(scraped, not_alive, not_ready, version))


def versions(ruleset: Ruleset) -> str:
    """What /version answers: ours, and that of the rules in force."""
    return json.dumps({"claimstream": version("claimstream"), "ruleset": ruleset.version.model_dump()})


def _probed(reason: str, well: str) -> web.Response:
    return web.Response(text=f"{reason or well}\n", status=503 if reason else 200)
