"""What operators ask a worker over HTTP: /metrics, /livez, /readyz, /version."""

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from streams.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Probes:
    """What the endpoint asks of the worker each time it is asked itself.

    `refresh` brings the gauges up to date; `not_ready` says why the worker is not ready, or nothing.
    """

    refresh: Callable[[], None]
    not_ready: Callable[[], str]


class Endpoint:
    """The HTTP endpoint of one worker, on loopback unless the settings say otherwise."""

    def __init__(self, metrics: Metrics, probes: Probes, version: str) -> None:
        self._metrics = metrics
        self._probes = probes
        self._version = version
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
        self._probes.refresh()
        body = generate_latest(self._metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _alive(self, _request: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def _ready(self, _request: web.Request) -> web.Response:
        reason = self._probes.not_ready()
        return web.Response(text=f"{reason or 'ready'}\n", status=503 if reason else 200)

    async def _versions(self, _request: web.Request) -> web.Response:
        return web.Response(text=self._version + "\n", content_type="application/json")
