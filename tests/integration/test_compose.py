import asyncio
import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from streams.embedded_kafka import free_port
from streams.topics import DEFAULT_LAYOUT, Layout
from tests.ops.queries import ROOT

SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
PROBE = re.compile(r"HEALTHCHECK .*?CMD (\[.*?\])$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def layout() -> Layout:
    return DEFAULT_LAYOUT


def environment(service: str, **of_this_machine: str) -> dict[str, str]:
    """The environment of a service, with what only a network of containers has replaced."""
    given = {name: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", text) for name, text in SERVICES[service]["environment"].items()}
    others = {name: value for name, value in os.environ.items() if not name.startswith("CLAIMSTREAM_")}
    return others | given | of_this_machine


def command(service: str) -> list[str]:
    return [sys.executable, "-m", "streams", *SERVICES[service]["command"]]


async def run(arguments: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run, arguments, env=env, capture_output=True, text=True, timeout=60, check=False
    )


async def test_the_topics_service_finds_nothing_to_do_where_topics_are(kafka, topics):
    ours = {"CLAIMSTREAM_BROKER__BOOTSTRAP": kafka.bootstrap, "CLAIMSTREAM_BROKER__PREFIX": topics.prefix}
    done = await run(command("topics"), environment("topics", **ours))

    assert 0 == done.returncode, done.stderr


async def test_the_worker_service_is_ready_as_its_probe_asks(kafka, topics, token_key_file, tmp_path):
    port = str(free_port())
    ours = {
        "CLAIMSTREAM_BROKER__BOOTSTRAP": kafka.bootstrap,
        "CLAIMSTREAM_BROKER__PREFIX": topics.prefix,
        "CLAIMSTREAM_TOKEN_KEY_FILE": str(token_key_file),
        "CLAIMSTREAM_HTTP__HOST": "127.0.0.1",
        "CLAIMSTREAM_HTTP__PORT": port,
    }
    dockerfile = (ROOT / "ops" / "docker" / "Dockerfile").read_text()
    probe = json.loads(PROBE.findall(dockerfile)[0].replace("9464", port))
    log_file = tmp_path / "worker.log"
    with log_file.open("wb") as log:
        worker = await asyncio.create_subprocess_exec(
            *command("worker"), env=environment("worker", **ours), cwd=tmp_path, stdout=log, stderr=log
        )
    try:
        async with asyncio.timeout(90):
            while (await run([sys.executable, *probe[1:]], {})).returncode != 0:
                assert worker.returncode is None, log_file.read_text()
            worker.terminate()
            assert 0 == await worker.wait()
    finally:
        if worker.returncode is None:
            worker.kill()
            await worker.wait()
