"""The parent of several workers, with small stand-ins for the workers; the real ones are in tests/integration."""

import asyncio
import logging
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

import aiohttp
import pytest
from click.testing import CliRunner

from streams.cli import cli
from streams.embedded_kafka import free_port
from streams.kafka_watchdog import birth_mark
from streams.supervisor import child
from streams.supervisor.parent import Limits, Supervisor

DEADLINE_SECONDS = 90.0
STAND_IN = """
import http.server, os, signal, sys
marker, manner = sys.argv[1], sys.argv[2]
starts = len(open(marker).read()) if os.path.exists(marker) else 0
open(marker, "a").write("x")

class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status, body = 200, "ready"
        if self.path == "/metrics":
            body = "# HELP claims_decided_total d\\n# TYPE claims_decided_total counter\\nclaims_decided_total 5.0\\n"
        elif manner == "unready" and self.path == "/readyz":
            status, body = 503, "the state is being rebuilt"
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())
        self.wfile.flush()
        if manner.startswith("dies") and self.path == "/livez" and not starts:
            os.kill(os.getpid(), signal.SIGKILL)

    def log_message(self, *arguments):
        pass

if manner == "exits 2":
    sys.exit(2)
if manner == "dies, then exits 2 once" and starts == 1:
    sys.exit(2)
if manner == "exits 1 once" and not starts:
    sys.exit(1)
if manner == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if manner == "ends badly":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(70))
if manner == "silent":
    sys.stdin.read()
    sys.exit(0)
server = http.server.HTTPServer(("127.0.0.1", 0), Answers)
port = server.server_address[1]
if manner == "does not answer":
    server.server_close()
print(port, flush=True)
if manner == "does not answer":
    sys.stdin.read()
server.serve_forever()
"""


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await condition():  # noqa: ASYNC110 - another process makes it true
            await asyncio.sleep(0.01)


@dataclass
class Running:
    """A supervisor that runs in this process, and its endpoint."""

    supervisor: Supervisor
    task: "asyncio.Task[int]"
    client: aiohttp.ClientSession

    async def get(self, path: str) -> tuple[int, str]:
        async with self.client.get(path) as answer:
            return answer.status, await answer.text()

    async def answers(self, path: str, status: int, text: str = "") -> None:
        """Return once a path is answered like that."""

        async def as_wanted() -> bool:
            found_status, found = await self.get(path)
            return found_status == status and text in found

        await until(as_wanted)

    async def stop(self) -> int:
        self.supervisor.stop()
        return await asyncio.wait_for(self.task, DEADLINE_SECONDS)


Start = Callable[..., Awaitable[Running]]


@pytest.fixture
async def start(tmp_path) -> AsyncIterator[Start]:
    running: list[Running] = []
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN)

    async def started(*manners: str, limits: Limits | None = None) -> Running:
        def command(number: int) -> Sequence[str]:
            marker = str(tmp_path / f"starts-{number}")
            return [sys.executable, "-I", "-S", str(script), marker, manners[number - 1]]

        limits = limits or Limits(first_pause_seconds=0.05)
        supervisor = Supervisor(len(manners), '{"claimstream": "1"}', command=command, limits=limits)
        port = free_port()
        task = asyncio.create_task(supervisor.run("127.0.0.1", port))

        async def listens() -> bool:
            with socket.socket() as probe:
                return task.done() or probe.connect_ex(("127.0.0.1", port)) == 0

        await until(listens)
        running.append(Running(supervisor, task, aiohttp.ClientSession(f"http://127.0.0.1:{port}")))
        return running[-1]

    yield started
    for each in running:
        await each.client.close()
        await each.stop()


async def test_one_endpoint_answers_for_all(start):
    several = await start("well", "well")
    await several.answers("/readyz", 200, "ready")

    assert (200, "alive\n") == await several.get("/livez")
    assert (200, '{"claimstream": "1"}\n') == await several.get("/version")
    assert "claims_decided_total 10.0" in (await several.get("/metrics"))[1]
    assert "claims_worker_restarts_total 0.0" in (await several.get("/metrics"))[1]
    assert 0 == await several.stop()


async def test_all_are_ready_when_each_is(start):
    several = await start("well", "unready")

    await several.answers("/readyz", 503, "process 2")
    await several.answers("/readyz", 503, "the state is being rebuilt")
    assert 200 == (await several.get("/livez"))[0]


async def test_one_that_has_not_told_its_port_is_alive_and_starting(start):
    several = await start("well", "silent")

    await several.answers("/readyz", 503, "is starting")
    await several.answers("/metrics", 200, "claims_decided_total 5.0")
    assert 200 == (await several.get("/livez"))[0]


async def test_one_that_does_not_answer_is_not_alive(start):
    several = await start("well", "does not answer")

    await several.answers("/livez", 503, "does not answer")
    await several.answers("/metrics", 200, "claims_decided_total 5.0")


async def test_one_that_died_is_started_again_and_counted(start, caplog):
    several = await start("well", "exits 1 once")
    await several.answers("/metrics", 200, "claims_worker_restarts_total 1.0")
    await several.answers("/readyz", 200)

    assert "ended with exit code 1; it is started again in 0.1 s" in caplog.text
    assert 0 == await several.stop()


async def test_counts_of_one_that_died_stay(start):
    several = await start("dies when asked for life")
    await several.answers("/metrics", 200, "claims_decided_total 5.0")
    await several.answers("/livez", 200)
    await several.answers("/metrics", 200, "claims_decided_total 10.0")

    assert "claims_worker_restarts_total 1.0" in (await several.get("/metrics"))[1]


async def test_one_that_waits_to_be_started_again_is_not_ready_and_does_not_cost_the_others_their_life(start):
    several = await start("well", "exits 1 once", limits=Limits(first_pause_seconds=60))

    await several.answers("/readyz", 503, "has ended and is started again")
    assert 200 == (await several.get("/livez"))[0]
    assert 0 == await several.stop()


async def test_when_all_wait_to_be_started_again_none_is_alive(start):
    several = await start("exits 1 once", "exits 1 once", limits=Limits(first_pause_seconds=60))

    await several.answers("/livez", 503, "has ended and is started again; process 2")
    assert 0 == await several.stop()


async def test_a_fault_of_the_configuration_ends_all(start, caplog):
    several = await start("well", "exits 2")

    assert 2 == await asyncio.wait_for(several.task, DEADLINE_SECONDS)
    assert "a fault of the configuration, so all processes stop" in caplog.text


async def test_one_that_cannot_start_again_is_tried_again_while_the_others_work(start, caplog):
    several = await start("well", "dies, then exits 2 once", limits=Limits(first_pause_seconds=0.01))
    await several.answers("/readyz", 200)
    await several.get("/livez")

    await several.answers("/metrics", 200, "claims_worker_restarts_total 2.0")
    await several.answers("/readyz", 200)
    assert "ended with exit code 2; it is started again" in caplog.text
    assert 0 == await several.stop()


async def test_one_that_does_not_end_is_killed_and_the_exit_code_says_so(start, caplog):
    several = await start("well", "stubborn", limits=Limits(stop_seconds=0.3))
    await several.answers("/readyz", 200)
    pids = [member._process.pid for member in several.supervisor._members.values()]

    assert 3 == await several.stop()
    assert "did not end within 0 s and is killed" in caplog.text
    assert ["", ""] == [birth_mark(pid) for pid in pids]


async def test_one_that_ends_in_disorder_shows_in_the_exit_code(start):
    several = await start("well", "ends badly")
    await several.answers("/readyz", 200)

    assert 3 == await several.stop()


async def test_while_they_stop_the_endpoint_says_so(start):
    several = await start("stubborn", limits=Limits(stop_seconds=2))
    await several.answers("/readyz", 200)
    several.supervisor.stop()

    assert (503, "the worker is stopping\n") == await several.get("/readyz")
    assert 200 == (await several.get("/livez"))[0]


async def test_a_program_that_cannot_be_started_is_tried_again(caplog):
    supervisor = Supervisor(
        1, "{}", command=lambda _number: ["/nowhere/program"], limits=Limits(first_pause_seconds=0.01)
    )
    task = asyncio.create_task(supervisor.run("127.0.0.1", 0))

    async def told() -> bool:
        return caplog.text.count("process 1 could not be started (No such file or directory)") >= 2

    await until(told)
    supervisor.stop()
    assert 0 == await asyncio.wait_for(task, DEADLINE_SECONDS)


async def test_a_port_that_is_taken_starts_nothing():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="address already in use"):
        await Supervisor(2, "{}").run("127.0.0.1", taken.getsockname()[1])


async def test_a_child_whose_parent_is_gone_ends(tmp_path):
    program = "from streams.supervisor import child; import signal; child.follow_parent(); print(1, flush=True); "
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program + "signal.pause()", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert b"1\n" == await process.stdout.readline()

    process.stdin.close()

    assert -signal.SIGTERM == await asyncio.wait_for(process.wait(), DEADLINE_SECONDS)


def test_a_child_reports_its_port_and_nothing_it_prints_later():
    program = "from streams.supervisor import child; child.report(4711); print('later')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ("4711\n", "later\n") == (done.stdout, done.stderr)


def test_a_line_of_a_child_says_which_it_is():
    formatter = child.SignedFormatter(2)
    record = logging.LogRecord("streams.app", logging.INFO, "", 0, "metrics at %s", ("x",), None)

    assert formatter.format(record).endswith("INFO    [2] streams.app: metrics at x")
    assert record.name == "streams.app"


def test_a_child_listens_on_a_free_port_of_loopback_whatever_we_were_told(monkeypatch):
    monkeypatch.setenv("claimstream_http__port", "9464")
    monkeypatch.setenv("CLAIMSTREAM_HTTP__HOST", "0.0.0.0")
    found = {name.upper(): text for name, text in child.environment().items() if "HTTP__" in name.upper()}

    assert {"CLAIMSTREAM_HTTP__HOST": "127.0.0.1", "CLAIMSTREAM_HTTP__PORT": "0"} == found


def test_more_processes_than_partitions_are_refused():
    done = CliRunner().invoke(cli, ["worker", "--processes", "13"])

    assert done.exit_code == 2
    assert "--processes 13 is more than the 12 partitions there are to read" in done.output


def test_no_process_at_all_is_refused():
    assert CliRunner().invoke(cli, ["worker", "--processes", "0"]).exit_code == 2
