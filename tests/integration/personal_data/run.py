"""A worker under every kind of fault, and everything it shows: topics, log, endpoint, processes, files, commands."""

import asyncio
import os
import re
import socket
import subprocess
import sys
import urllib.parse
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from streams.topic_layout import OUTCOMES, Topics
from tests.integration.conftest import DEADLINE_SECONDS, Reader, WorkerProcess
from tests.integration.personal_data.searching import Places
from tests.integration.personal_data.seeds import VALUES, Sent

ROOT = Path(__file__).parents[3]
BROKEN = "tests.integration.personal_data.broken_claimstream"
PARTITIONS = 4
LAYOUT_SETTINGS = {
    "CLAIMSTREAM_BROKER__PARTITIONS": str(PARTITIONS),
    "CLAIMSTREAM_BROKER__RECEIVED_PARTITIONS": str(PARTITIONS),
}
_JOB = "again"
_WINDOW = ("--start", "2026-01-01T00:00:00Z", "--end", "2099-01-01T00:00:00Z")
_PATH = urllib.parse.quote(VALUES["path of the endpoint"])
_BODY = VALUES["body sent to the endpoint"]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await condition():  # noqa: ASYNC110 - other processes make it true
            await asyncio.sleep(0.1)


def claimstream(*arguments: str, module: str = "streams", **settings: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command as an operator would, with no settings but these."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("CLAIMSTREAM_")}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=others | {"PYTHONPATH": str(ROOT)} | settings,
        capture_output=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def ask(port: int, head: str) -> bytes:
    """What an endpoint answers to a request as it stands, be it one or not."""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_SECONDS) as connection:
        more = f"Host: localhost\r\nConnection: close\r\nContent-Length: {len(_BODY)}"
        connection.sendall(f"{head}\r\n{more}\r\n\r\n{_BODY}".encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))


class Run:
    """A worker of two processes, what was sent to it, and what was seen of it so far."""

    def __init__(self, worker: WorkerProcess, bootstrap: str, topics: Topics) -> None:
        self.worker = worker
        self.topics = topics
        self.places = Places()
        self.codes: set[str] = set()
        self._reader = Reader(bootstrap)
        self._bootstrap = bootstrap
        self._sent = 0

    async def send(self, *records: Sent) -> None:
        await self._send(self.topics.received, records)
        self._sent += len(records)

    async def write_to_log(self, *records: Sent) -> None:
        """Put records into the log of patients past intake."""
        await self._send(self.topics.patient_events, records)

    async def _send(self, topic: str, records: tuple[Sent, ...]) -> None:
        async with AIOKafkaProducer(
            bootstrap_servers=self._bootstrap, acks="all", max_request_size=20 << 20, enable_idempotence=True
        ) as producer:
            for record in records:
                await producer.send(topic, record.value, key=record.key, headers=record.headers)
            await producer.flush()

    async def ready(self) -> None:
        """Return once every process says that it is."""

        async def all_ready() -> bool:
            try:
                return b"\r\n\r\nready" in await asyncio.to_thread(ask, self.worker.port, "GET /readyz HTTP/1.1")
            except ConnectionError:
                return False

        await until(all_ready)

    async def all_is_decided(self) -> None:
        """Return once what was sent, and what came of it, is committed."""

        async def settled() -> bool:
            try:
                committed = await self._reader.committed(f"{self.topics.prefix}claimstream")
            except KafkaError:  # the broker has only just come up
                return False
            if committed.get(self.topics.received, 0) < self._sent:
                return False
            return committed.get(self.topics.patient_events, 0) >= await self._log_end()

        await until(settled)

    async def _log_end(self) -> int:
        async with AIOKafkaConsumer(bootstrap_servers=self._bootstrap) as consumer:
            partitions = [TopicPartition(self.topics.patient_events, number) for number in range(PARTITIONS)]
            return sum((await consumer.end_offsets(partitions)).values())

    async def refuse_decisions(self, topic: str) -> None:
        """Have the broker refuse on a topic what the worker thinks it takes."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        await admin.start()
        try:
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": "200"})])
        finally:
            await admin.close()

    def pids(self) -> list[int]:
        """The processes started last; the parent is not among them."""
        return [
            int(pid) for pid in dict(re.findall(r"process (\d) \(pid (\d+)\) is start", self.worker.log())).values()
        ]

    def see_processes(self) -> None:
        for pid in (self.worker.process.pid, *self.pids()):
            for name in ("cmdline", "environ"):
                self.places.add(f"{name} of a process", Path(f"/proc/{pid}/{name}").read_bytes())

    def see_endpoint(self) -> None:
        """Its pages, and what it answers to those who ask oddly."""
        for page in ("/metrics", "/livez", "/readyz", "/version"):
            self.places.add(page, ask(self.worker.port, f"GET {page} HTTP/1.1"))
        for odd in ("GET /", f"GET /{_PATH}", f"GET /metrics?of={_PATH}", "POST /metrics", f"DELETE /{_PATH}"):
            self.places.add("answer to an odd request", ask(self.worker.port, f"{odd} HTTP/1.1"))
        for line in (f"{_BODY} {_PATH}", f"GET /{_PATH} HTTP/1.1\r\n{_BODY}"):
            self.places.add("answer to no HTTP", ask(self.worker.port, line))

    async def see_names(self) -> None:
        """Names of topics, consumer groups and their members."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        await admin.start()
        try:
            groups = [name for name, _ in await admin.list_consumer_groups()]
            described = map(repr, await admin.describe_consumer_groups(groups))
            self.places.add("names of topics and groups", *await admin.list_topics(), *groups, *described)
        finally:
            await admin.close()

    async def see_commands(self, files: Path, state: Path) -> list[int]:
        """What commands say that read the files and the topics; their exit codes."""
        codes = []
        for arguments in (
            ("feed", str(files)),
            ("feed", "--output", "json", str(files)),
            ("replay", "run", "--job", _JOB, *_WINDOW),
            ("replay", "compare", "--job", _JOB),
            ("topics", "check"),
        ):
            said = await asyncio.to_thread(
                claimstream,
                *arguments,
                CLAIMSTREAM_BROKER__BOOTSTRAP=self._bootstrap,
                CLAIMSTREAM_BROKER__PREFIX=self.topics.prefix,
                CLAIMSTREAM_STATE__DIR=str(state),
                **LAYOUT_SETTINGS,
            )
            self.places.add(f"what {arguments[0]} says", said.stdout, said.stderr)
            codes.append(said.returncode)
        return codes

    async def see_topics(self) -> None:
        """Keys, headers and values; not `received`, which its senders write, nor the values section 6 says yes of."""
        topics = self.topics
        holding_persons = (topics.patient_events, topics.received_dlt, topics.patient_events_dlt)
        names = [topics.acknowledgements, topics.manifests, topics.received_dlt, *topics.copartitioned]
        replayed = [f"{topics.prefix}claims.replay.{_JOB}.{outcome}" for outcome in OUTCOMES]
        for topic in (*names, topics.patient_events_dlt, *replayed):
            name = topic.removeprefix(f"{topics.prefix}claims.")
            for record in await self._reader.to_end(topic):
                headers = dict(record.headers)
                if topic == topics.patient_events and "cs-origin" not in headers:
                    continue  # of another writer than intake
                self.places.add(f"key of {name}", record.key or b"")
                if topic not in holding_persons:
                    self.places.add(f"value of {name}", record.value or b"")
                self.places.add(f"header of {name}", *(part for each in headers.items() for part in each))
                self.codes.add(headers.get("dlt-exception-code", b"").decode())
        for record in await self._reader.to_end("__consumer_offsets"):
            self.places.add("consumer offsets", record.key or b"", record.value or b"")

    def see_files(self, *folders: Path) -> None:
        """Names and contents of files that were left behind."""
        for path in (path for folder in folders for path in folder.rglob("*")):
            self.places.add("files left behind", path.name, path.read_bytes() if path.is_file() else b"")
