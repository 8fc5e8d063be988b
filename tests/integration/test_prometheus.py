import asyncio
import json
import math
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streams.demo.feeding import Sent, send
from streams.demo.generator import SOURCES, feed
from streams.embedded_kafka import free_port
from streams.topics import Layout
from tests.ops.queries import PROMETHEUS, alerts, metrics_in, of_the_board
from tests.ops.tools import program

DEADLINE_SECONDS = 300.0  # for a test that hangs, not a bar
WINDOWS = {"$__rate_interval": "1m", "$__range": "5m"}


@pytest.fixture
def layout() -> Layout:
    return Layout(partitions=2, received_partitions=2)


class Prometheus:
    """A Prometheus of its own process, with the repository's configuration."""

    def __init__(self, folder: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.log_file = folder / "prometheus.log"
        command = [
            program("prometheus"),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)

    def get(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.url}{path}?{query}", timeout=10) as answer:
            return json.loads(answer.read())["data"]

    def ask(self, expr: str) -> list[float]:
        """The values of an expression now, those that are numbers."""
        for name, window in WINDOWS.items():
            expr = expr.replace(name, window)
        values = [float(each["value"][1]) for each in self.get("/api/v1/query", query=expr)["result"]]
        return [value for value in values if not math.isnan(value)]

    async def until(self, *exprs: str) -> None:
        """Return once all of these have an answer; says which have none when that takes longer than the deadline."""
        missing = list(exprs)
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                while missing:
                    await asyncio.sleep(0.2)
                    assert self.process.poll() is None, self.log_file.read_text()
                    missing = [expr for expr in missing if not await asyncio.to_thread(self._answered, expr)]
        except TimeoutError:
            pytest.fail(f"without an answer: {missing}")

    def _answered(self, expr: str) -> bool:
        try:
            return bool(self.ask(expr))
        except urllib.error.HTTPError as refused:
            if refused.code == 503:  # it is starting
                return False
            raise AssertionError(f"{expr}: {refused.read().decode()}") from refused
        except (ConnectionError, urllib.error.URLError):
            return False


@pytest.fixture
def prometheus(start_worker, tmp_path) -> Iterator[Prometheus]:
    """A worker, and a Prometheus that scrapes it."""
    partitions = {"CLAIMSTREAM_BROKER__PARTITIONS": "2", "CLAIMSTREAM_BROKER__RECEIVED_PARTITIONS": "2"}
    worker = start_worker(CLAIMSTREAM_SOURCES=",".join(SOURCES), **partitions)
    folder = tmp_path / "prometheus"
    shutil.copytree(PROMETHEUS, folder)
    (folder / "targets" / "workers.yaml").write_text(json.dumps([{"targets": [f"127.0.0.1:{worker.port}"]}]))
    started = Prometheus(folder, free_port())
    yield started
    started.process.terminate()
    started.process.wait(30)


async def test_every_query_of_the_board_and_every_alert_is_answered_for_a_worker_at_work(prometheus, topics, kafka):
    records = list(feed(seed=11, claims=1200))
    await send(records[: len(records) // 2], kafka.bootstrap, topics.received, Sent())
    # Twice: rates need two scrapes, and more must come between them than before the first.
    await prometheus.until("min(count_over_time(claims_decided_total[5m])) >= 2")
    await send(records[len(records) // 2 :], kafka.bootstrap, topics.received, Sent())

    await prometheus.until(*(asked.expr for asked in of_the_board()))

    built_on = {name for alert in alerts() for name in metrics_in(alert["expr"])}
    assert set() == {name for name in built_on if not prometheus.ask(name)}
    for alert in alerts():
        prometheus.ask(alert["expr"])
    rules = [rule for group in prometheus.get("/api/v1/rules")["groups"] for rule in group["rules"]]
    assert {alert["alert"] for alert in alerts()} == {rule["name"] for rule in rules}
    assert [] == [rule["name"] for rule in rules if rule["health"] == "err"]
    assert [] == [alert["labels"]["alertname"] for alert in prometheus.get("/api/v1/alerts")["alerts"]]
    # The feed held broken records and every stage was seen.
    assert prometheus.ask("sum(claims_rejected_total) > 0")
    assert 3 == len(prometheus.ask("count by (stage) (claims_stage_seconds_count)"))
