"""Real Apache Kafka (KRaft, one node) as a child process: for tests, the demo and benchmarks.

    with EmbeddedKafka() as kafka:  # free port, temporary data
        app = make_app(kafka.bootstrap)

    kafka = EmbeddedKafka("var/kafka", port=9092).start()  # kept data

A development and test broker: one node, replication factor 1, loopback only, plain text unless `security` adds
listeners with TLS and SASL. It ends with the process
that started it: by `stop`, at interpreter exit, or through `kafka_watchdog` after SIGKILL. A child made by fork
without exec keeps the watchdog waiting until it ends too.
"""

import asyncio
import atexit
import base64
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from streams import clock, kafka_jars, kafka_watchdog
from streams.kafka_jars import EmbeddedKafkaError
from streams.kafka_java import find_java
from streams.kafka_security import LISTENERS, Security

__all__ = ["FAST_START", "THROUGHPUT", "EmbeddedKafka", "EmbeddedKafkaError", "Security", "find_java", "free_port"]

HOST = "127.0.0.1"
FAST_START = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""JVM flags for tests: quick start, about 340 MB of memory."""
THROUGHPUT = ("-Xmx1g", "-XX:+UseG1GC")
"""JVM flags for benchmarks: the full JIT compiler."""
FREE_BYTES_MIN = 300 * 1024 * 1024
STOP_SECONDS = 20.0
PORTS = range(20_000, 32_000)
"""Below the ports the system gives to outgoing connections: while a broker restarts nobody can be given its port,
and no client that retries on loopback connects to itself."""

PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "broker.session.timeout.ms": "2000",  # after SIGKILL a broker waits this long for its old registration
    "broker.heartbeat.interval.ms": "500",
    "num.partitions": "4",
    "auto.create.topics.enable": "false",
    # Records of 16 MiB reach claims.received, to be dead-lettered there rather than lost at the sender.
    "message.max.bytes": str(18 * 1024 * 1024),
    "replica.fetch.max.bytes": str(18 * 1024 * 1024),
    "log.segment.delete.delay.ms": "1000",  # deleted topics of tests give back disk and memory maps soon
}


def free_port() -> int:
    """A TCP port of loopback on which nothing listens now."""
    for _ in range(200):
        port = secrets.choice(PORTS)
        if _is_free(port):
            return port
    raise EmbeddedKafkaError(f"no free port of {HOST} was found from {PORTS[0]} to {PORTS[-1]}; give one as `port`")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java does: closed connections do not count
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


class EmbeddedKafka:
    """One Kafka broker that is also its own controller.

    `data_dir` keeps its data; without it a temporary folder is used, and removed by `stop`. `port` is where it
    listens, `advertised_port` where clients are sent, so that a TCP proxy can stand in front; 0 picks a free port
    and the listener's own. `properties` override the broker's settings, `launcher` is a command put before java
    (`("taskset", "-c", "0")`). `security` adds listeners (`at` says where) and an authorizer. Not safe for use by
    several threads at once. Every failure is an EmbeddedKafkaError.
    """

    def __init__(
        self,
        data_dir: str | Path | None = None,
        *,
        port: int = 0,
        advertised_port: int = 0,
        jvm: tuple[str, ...] = FAST_START,
        properties: Mapping[str, str] | None = None,
        security: Security | None = None,
        launcher: tuple[str, ...] = (),
        ready_timeout: float = 60.0,
    ) -> None:
        self._temporary = data_dir is None
        self.dir = Path(data_dir or Path(tempfile.gettempdir(), f"claimstream-kafka-{uuid.uuid4().hex[:12]}")).resolve()
        self.port = port or free_port()
        self.bootstrap = f"{HOST}:{advertised_port or self.port}"
        self.direct = f"{HOST}:{self.port}"
        self.log_file = self.dir / "broker.log"
        self._jvm, self._launcher, self._properties = jvm, launcher, dict(properties or {})
        self._security = security
        self._secured = {name: f"{HOST}:{free_port()}" for name in LISTENERS} if security else {}
        self._ready_timeout = ready_timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[str] | None = None
        self._owner = os.getpid()

    def start(self) -> Self:
        """Start the broker and wait until it answers; blocks, inside a running event loop too."""
        if self.running:
            return self
        atexit.register(self._stop_at_exit)
        try:
            self._check_room_and_port()
            flags = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", *self._jvm]
            java = [find_java(), *flags, "-cp", os.pathsep.join(map(str, kafka_jars.class_path()))]
            conf = self._write_properties()
            with self.log_file.open("ab") as log:
                if not (self.dir / "data" / "meta.properties").exists():
                    self._format(java, conf, log.fileno())
                self._launch([*self._launcher, *java, "kafka.Kafka", str(conf)], log.fileno())
            self._wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """Shut down cleanly; temporary data is removed, kept data stays. Stopping twice is no error."""
        atexit.unregister(self._stop_at_exit)
        self.terminate(timeout)
        self._dismiss_watchdog()
        if self._temporary:
            shutil.rmtree(self.dir, ignore_errors=True)

    def terminate(self, timeout: float = STOP_SECONDS) -> None:
        """Shut down by SIGTERM (SIGKILL after `timeout` seconds); the data stays, so `start` goes on with it."""
        if self._process is None:
            return
        if self.running:
            self._process.send_signal(signal.SIGCONT)  # a paused broker would not see SIGTERM
            self._process.terminate()
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()

    def kill(self) -> None:
        """End the broker by SIGKILL, as a crash; the data stays, so `start` goes on with it."""
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def pause(self) -> None:
        """Freeze the broker (SIGSTOP): connections stay open, nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """End `pause`."""
        self._signal(signal.SIGCONT)

    def restart(self) -> Self:
        """Shut down cleanly and start again with the same data and port."""
        self.terminate()
        return self.start()

    def tail(self, lines: int = 20) -> str:
        """The last lines of the broker's log."""
        if not self.log_file.exists():
            return ""
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-lines:])

    def at(self, listener: str) -> str:
        """The address of a listener that `security` added: SSL, SASL_SSL or SASL_PLAINTEXT."""
        return self._secured[listener]

    @property
    def running(self) -> bool:
        """Whether the broker's process is alive; a paused one is."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the broker that was started last."""
        if self._process is None:
            raise EmbeddedKafkaError(f"the embedded Kafka of {self.dir} was never started; call start() first")
        return self._process.pid

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _check_room_and_port(self) -> None:
        try:
            self.dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # claims are personal data
            free = shutil.disk_usage(self.dir).free
        except OSError as error:
            raise EmbeddedKafkaError(
                f"the data folder {self.dir} cannot be made ({error.strerror}); give another data_dir"
            ) from error
        if free < FREE_BYTES_MIN:
            raise EmbeddedKafkaError(
                f"{self.dir} has {free // 2**20} MB free and Kafka needs {FREE_BYTES_MIN // 2**20} MB; "
                "free some disk space, give another data_dir, or set TMPDIR"
            )
        if not _is_free(self.port):
            raise EmbeddedKafkaError(
                f"port {self.port} of {HOST} is taken; end the process that listens on it or give another port (0: any)"
            )

    def _write_properties(self) -> Path:
        controller = free_port()
        secured = "".join(f",{name}://{address}" for name, address in self._secured.items())
        properties = PROPERTIES | {
            "controller.quorum.voters": f"1@{HOST}:{controller}",
            "listeners": f"PLAINTEXT://{self.direct},CONTROLLER://{HOST}:{controller}{secured}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}{secured}",
            "log.dirs": str(self.dir / "data"),
        }
        if self._security is not None:
            properties |= self._security.properties()
        conf = self.dir / "server.properties"
        conf.write_text("".join(f"{key}={value}\n" for key, value in (properties | self._properties).items()))
        return conf

    def _format(self, java: list[str], conf: Path, log: int) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[:22].replace("-", "A")
        command = [*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(conf)]
        if self._security is not None:
            command += self._security.format_options()
        try:
            subprocess.run(  # noqa: S603 - our own command
                command, check=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=60
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise EmbeddedKafkaError(self._with_log(f"Kafka could not format {self.dir}/data")) from error

    def _launch(self, command: list[str], log: int) -> None:
        if self._watchdog is None:
            self._watchdog = subprocess.Popen(  # noqa: S603 - our own file
                [sys.executable, "-I", "-S", kafka_watchdog.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
        # A session of its own: Ctrl-C in a terminal reaches us, and we end the broker in good order.
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        folder = self.dir if self._temporary else ""
        self._tell_watchdog(f"{self.pid}\t{kafka_watchdog.birth_mark(self.pid)}\t{folder}\n")

    def _tell_watchdog(self, line: str) -> None:
        assert self._watchdog is not None
        assert self._watchdog.stdin is not None
        try:
            self._watchdog.stdin.write(line)
            self._watchdog.stdin.flush()
        except BrokenPipeError:  # someone ended it; the broker then outlives a SIGKILL of ours, nothing else
            return

    def _dismiss_watchdog(self) -> None:
        if self._watchdog is None:
            return
        self._tell_watchdog("0\t\t\n")
        self._watchdog.communicate()
        self._watchdog = None

    def _stop_at_exit(self) -> None:
        if os.getpid() == self._owner:  # a forked child must not stop its parent's broker
            self.stop()

    def _signal(self, number: signal.Signals) -> None:
        if not self.running:
            raise EmbeddedKafkaError(f"the embedded Kafka of {self.dir} is not running; call start() first")
        os.kill(self.pid, number)

    def _wait_ready(self) -> None:
        # In a thread of its own: asyncio.run is refused where a loop is running.
        with ThreadPoolExecutor(1) as executor:
            ready = executor.submit(asyncio.run, self._until_ready())
            try:
                ready.result()
            except BaseException:
                self.terminate()  # ends the wait of the thread too
                raise

    async def _until_ready(self) -> None:
        deadline = clock.monotonic() + self._ready_timeout
        while not await self._answers():
            if not self.running:
                raise EmbeddedKafkaError(self._with_log("Kafka ended while it started"))
            if clock.monotonic() > deadline:
                raise EmbeddedKafkaError(self._with_log(f"Kafka was not ready after {self._ready_timeout:g} s"))
            await asyncio.sleep(0.05)

    async def _answers(self) -> bool:
        from aiokafka.client import AIOKafkaClient  # noqa: PLC0415 - `fetch` needs no client
        from aiokafka.errors import KafkaError  # noqa: PLC0415

        if _is_free(self.port):
            return False  # the client would log an error for every refused connection
        client = AIOKafkaClient(bootstrap_servers=self.direct, request_timeout_ms=2000)
        try:
            await client.bootstrap()
            # A broker is listed once the controller lets it work; not by its address: a proxy may not be there yet.
            return bool(client.cluster.brokers())
        except KafkaError:
            return False
        finally:
            await client.close()

    def _with_log(self, sentence: str) -> str:
        return f"{sentence}; see the last lines of {self.log_file}:\n{self.tail()}"


def main(arguments: list[str]) -> int:
    """`python -m streams.embedded_kafka fetch|pin`: download the jars, or write the list of jars anew."""
    try:
        if arguments == ["fetch"]:
            sys.stdout.write(f"{len(kafka_jars.fetch())} jars of Kafka are here and verified\n")
        elif arguments == ["pin"]:
            sys.stdout.write(f"{kafka_jars.pin()} jars written to {kafka_jars.PINNED_FILE}\n")
        else:
            sys.stderr.write("usage: python -m streams.embedded_kafka fetch|pin\n")
            return 2
    except EmbeddedKafkaError as error:
        sys.stderr.write(f"{error}\n")
        return 3
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
