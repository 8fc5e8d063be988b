import asyncio
import json
import socket

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from streams.chunks import TP
from streams.health import Endpoint, Mark, Probes, ProgressProbe
from streams.metrics import Metrics


class Worker:
    """What the endpoint asks, and what it was asked."""

    def __init__(self) -> None:
        self.metrics = Metrics(CollectorRegistry())
        self.reason = ""
        self.stuck = ""

    def refresh(self) -> None:
        self.metrics.state_entries.labels("patients").inc()


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
async def get(worker):
    endpoint = Endpoint(
        worker.metrics,
        Probes(worker.refresh, lambda: worker.reason, lambda: worker.stuck),
        json.dumps({"claimstream": "1"}),
    )
    port = await endpoint.start("127.0.0.1", 0)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:

        async def got(path: str) -> tuple[int, str, str]:
            async with client.get(path) as response:
                return response.status, response.content_type, await response.text()

        got.port, got.url = port, f"http://127.0.0.1:{port}"
        yield got
    await endpoint.stop()


async def test_metrics_are_refreshed_each_time_they_are_scraped(get):
    await get("/metrics")
    status, content_type, text = await get("/metrics")

    assert (status, content_type) == (200, "text/plain")
    assert 'claims_state_entries{store="patients"} 2.0' in text


async def test_a_worker_is_alive_whether_it_is_ready_or_not(get, worker):
    worker.reason = "the state is being rebuilt"

    assert (await get("/livez"))[0] == 200


async def test_a_worker_that_is_stuck_is_not_alive_and_says_why(get, worker):
    worker.stuck = "claims.received[0] has not moved"

    assert await get("/livez") == (503, "text/plain", "claims.received[0] has not moved\n")


async def test_a_worker_is_ready_when_nothing_speaks_against_it(get):
    assert await get("/readyz") == (200, "text/plain", "ready\n")


async def test_a_worker_that_is_not_ready_says_why(get, worker):
    worker.reason = "the state is being rebuilt"

    assert await get("/readyz") == (503, "text/plain", "the state is being rebuilt\n")


async def test_the_version_is_json(get):
    status, content_type, text = await get("/version")

    assert (status, content_type, json.loads(text)) == (200, "application/json", {"claimstream": "1"})


async def test_any_other_path_is_not_found(get):
    assert (await get("/"))[0] == 404


async def test_a_port_that_is_taken_is_an_error_and_leaves_nothing_open(worker):
    endpoint = Endpoint(worker.metrics, Probes(worker.refresh, lambda: ""), "{}")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(OSError, match="address already in use"):
            await endpoint.start("127.0.0.1", taken.getsockname()[1])

        assert endpoint._runner.addresses == []


async def test_an_endpoint_that_never_started_can_be_stopped(worker):
    await Endpoint(worker.metrics, Probes(worker.refresh, lambda: ""), "{}").stop()


async def test_what_is_sent_to_the_endpoint_is_bounded_and_never_waited_for(get):
    async with aiohttp.ClientSession() as client:
        large = {"x": "x" * 100_000}
        async with client.get(get.url + "/livez", headers=large) as refused:
            assert refused.status == 400
    reader, writer = await asyncio.open_connection("127.0.0.1", get.port)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\n")
    answer = await reader.readline()
    writer.close()
    await writer.wait_closed()

    assert b"HTTP/1.1 200 OK\r\n" == answer


RECEIVED = TP("claims.received", 0)


class Probed:
    """A probe with a limit of 120 s and a clock that the test sets, looked at every 10 s."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.probe = ProgressProbe(120, lambda: self.now)

    def looks(self, *marks: Mark) -> str:
        for mark in marks:
            self.now += 10
            self.probe.look({RECEIVED: mark})
        return self.probe.not_alive()

    def is_not_answered(self, times: int = 1) -> str:
        for _ in range(times):
            self.now += 10
            self.probe.no_answer()
        return self.probe.not_alive()


@pytest.fixture
def probed() -> Probed:
    return Probed()


def test_a_partition_with_records_that_stands_still_for_the_limit_is_not_alive(probed):
    assert probed.looks(*[Mark(5, 9)] * 12) == ""
    assert probed.looks(Mark(5, 9)) == (
        "claims.received[0] has 4 records and has not moved for 120 s although the broker answers"
    )


def test_a_partition_without_records_may_stand_for_ever(probed):
    assert probed.looks(*[Mark(9, 9)] * 100) == ""


def test_a_partition_begins_to_stand_when_records_come(probed):
    assert probed.looks(*[Mark(9, 9)] * 100, *[Mark(9, 10)] * 12) == ""


@pytest.mark.parametrize("moved", [Mark(6, 9), Mark(5, 9, signs=1)])
def test_a_partition_that_moves_or_is_seen_to_be_worked_on_is_alive(probed, moved):
    assert probed.looks(*[Mark(5, 9)] * 12, *[moved] * 12) == ""


def test_while_the_broker_is_away_nobody_stands(probed):
    probed.looks(*[Mark(5, 9)] * 13)

    assert probed.is_not_answered(100) == ""
    assert probed.looks(*[Mark(5, 9)] * 12) == ""


def test_while_something_all_workers_need_is_missing_nobody_stands(probed):
    probed.looks(*[Mark(5, 9)] * 13)
    probed.probe.excused()

    assert probed.looks(*[Mark(5, 9)] * 12) == ""


def test_a_worker_the_broker_answers_no_more_although_it_answers_new_connections_is_not_alive(probed):
    probed.is_not_answered()
    probed.probe.others_answered()

    assert probed.is_not_answered(11) == ""
    assert probed.is_not_answered() == (
        "the broker has not answered this worker for 120 s although it answers new connections "
        "(has a password, certificate or address changed?)"
    )


@pytest.mark.parametrize("back", [lambda probe: probe.look({}), ProgressProbe.excused])
def test_what_a_new_connection_was_answered_before_the_trouble_says_nothing_about_it(probed, back):
    probed.is_not_answered()
    probed.probe.others_answered()
    probed.is_not_answered(11)
    back(probed.probe)

    assert probed.is_not_answered(100) == ""


def test_a_broker_that_refuses_new_connections_too_is_waited_for(probed):
    probed.is_not_answered()
    probed.probe.others_answered()
    probed.is_not_answered(11)
    probed.probe.nobody_answered()
    probed.is_not_answered()
    probed.probe.others_answered()

    assert probed.is_not_answered(11) == ""


def test_a_process_that_was_frozen_has_not_been_stuck(probed):
    probed.looks(*[Mark(5, 9)] * 2)
    probed.now += 3600

    assert probed.looks(Mark(5, 9)) == ""


def test_a_worker_that_looks_no_more_is_not_alive(probed):
    probed.looks(Mark(9, 9))
    answers = []
    for _ in range(12):
        probed.now += 10
        answers.append(probed.probe.not_alive())

    assert answers == [""] * 11 + ["nobody has looked at the partitions for 120 s"]
    assert probed.looks(Mark(9, 9)) == ""


def test_a_process_that_was_frozen_has_not_failed_to_look(probed):
    probed.looks(Mark(9, 9))
    probed.now += 3600

    assert probed.probe.not_alive() == ""


def test_a_partition_that_went_away_stands_no_longer(probed):
    probed.looks(*[Mark(5, 9)] * 13)
    probed.probe.look({})

    assert probed.probe.not_alive() == ""
