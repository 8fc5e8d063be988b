"""The soak: claims through two real workers at a steady pace, while their memory, descriptors and lag are watched.

Run by `make soak CLAIMS=1000000 RATE=1200`. State grows with the claims it remembers, so memory is compared with that
of fresh workers which have just rebuilt the same state: what is above that is a leak. Ends with `claimstream audit
conserve` over everything that was fed, writes a report, and exits non-zero when a bar is missed. Linux only: memory
and descriptors are read from /proc.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from streams import clock
from streams.demo.feeding import Sent, send
from streams.demo.generator import SOURCES, feed
from streams.embedded_kafka import THROUGHPUT, EmbeddedKafka, free_port
from streams.topics import Layout, Topics, apply_topics

PARTITIONS = 4
SAMPLE_SECONDS = 5.0
SETTLE_SECONDS = 300.0  # for the last claims to be decided after the feed has ended
LAG_SECONDS_MAX = 30.0
DESCRIPTORS_MAX_GROWTH = 4
LEAK_SHARE_MAX = 0.10
"""How far memory at the end may stand above that of fresh workers with the same state."""
BROKER = {"group.initial.rebalance.delay.ms": "5000"}
"""Two workers that start together share the partitions at once, so that neither ever held the other's state."""
REPORT = Path("ops/benchmarks/results/soak-report.json")


class Sample(NamedTuple):
    """One look at one worker; memory in bytes, lag in records and in seconds."""

    seconds: float
    memory: int
    descriptors: int
    lag_records: float
    lag_seconds: float
    state_entries: float
    received: float
    decided: float
    unaccounted: float


class Worker:
    """A `claimstream worker` as a process of its own."""

    def __init__(self, environment: dict[str, str], folder: Path, number: int) -> None:
        self.port = free_port()
        self.samples: list[Sample] = []
        with (folder / f"worker-{number}.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streams", "worker"],
                env=environment | {"CLAIMSTREAM_HTTP__PORT": str(self.port)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def look(self, seconds: float) -> Sample:
        """Read /metrics and /proc; raises OSError while the worker does not answer."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=20) as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
        sums: dict[str, float] = {}
        for sample in (sample for family in families for sample in family.samples):
            sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
        status = Path(f"/proc/{self.process.pid}/status").read_text().split("VmRSS:")[1].split()
        seen = Sample(
            seconds,
            memory=int(status[0]) * 1024,
            descriptors=len(list(Path(f"/proc/{self.process.pid}/fd").iterdir())),
            lag_records=sums.get("claims_lag_records", 0.0),
            lag_seconds=sums.get("claims_lag_seconds", 0.0),
            state_entries=sums.get("claims_state_entries", 0.0),
            received=sums.get("claims_received_total", 0.0),
            decided=sums.get("claims_decided_total", 0.0) + sums.get("claims_redelivered_total", 0.0),
            unaccounted=sums.get("claims_unaccounted_records", 0.0),
        )
        self.samples.append(seen)
        return seen

    def end(self) -> int:
        """Stop it in an orderly way; its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait(10)


async def watch(workers: Sequence[Worker], sent: Sent, began: float) -> None:
    """Look at the workers until everything that was sent is decided or put aside."""
    done_at: float | None = None
    while True:
        await asyncio.sleep(SAMPLE_SECONDS)
        now = clock.monotonic() - began
        looks = [await asyncio.to_thread(worker.look, now) for worker in workers]
        received, lag = sum(look.received for look in looks), sum(look.lag_records for look in looks)
        sys.stderr.write(
            f"\r{now:6.0f} s  sent {sent.items:,}  decided {sum(look.decided for look in looks):,.0f}  lag {lag:,.0f}"
            f"  memory {'  '.join(f'{look.memory >> 20} MiB' for look in looks)}   "
        )
        if not sent.done:
            continue
        done_at = now if done_at is None else done_at
        if received >= sent.items and lag == 0:
            sys.stderr.write("\n")
            return
        if now - done_at > SETTLE_SECONDS:
            raise TimeoutError(f"{SETTLE_SECONDS:.0f} s after the feed {lag:,.0f} records were not done")


def worker_report(samples: Sequence[Sample]) -> dict[str, Any]:
    """What the samples of one worker say; memory in bytes."""
    early, late = samples[: len(samples) // 2], samples[len(samples) // 2 :]
    return {
        "memory_bytes_first": samples[0].memory,
        "memory_bytes_last": samples[-1].memory,
        "memory_bytes_max": max(s.memory for s in samples),
        "state_entries": int(samples[-1].state_entries),
        "descriptors_first_half_max": max((s.descriptors for s in early), default=0),
        "descriptors_second_half_max": max(s.descriptors for s in late),
        "lag_records_max": int(max(s.lag_records for s in samples)),
        "lag_seconds_max": round(max(s.lag_seconds for s in samples), 2),
        "unaccounted_max": int(max(s.unaccounted for s in samples)),
    }


async def warm(workers: Sequence[Worker], entries: float) -> list[Sample]:
    """Look at fresh workers once they hold as many state entries as the ones before."""
    async with asyncio.timeout(SETTLE_SECONDS):
        while True:
            await asyncio.sleep(0.5)
            try:
                looks = [await asyncio.to_thread(worker.look, 0.0) for worker in workers]
            except OSError:
                continue  # not listening yet
            if sum(look.state_entries for look in looks) >= entries:
                return looks


def audit(environment: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """Exit code and summary of `claimstream audit conserve`."""
    command = [sys.executable, "-m", "streams", "audit", "conserve", "--output", "json"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    lines = ended.stdout.splitlines()
    return ended.returncode, json.loads(lines[-1]) if lines else {"error": ended.stderr.strip()}


def violations(report: dict[str, Any]) -> list[str]:
    """The bars that were missed, a sentence each."""
    missed = []
    for number, worker in enumerate(report["workers"]):
        grown = worker["descriptors_second_half_max"] - worker["descriptors_first_half_max"]
        if grown > DESCRIPTORS_MAX_GROWTH:
            missed.append(f"worker {number} has {grown} descriptors more in the second half")
        if worker["lag_seconds_max"] > LAG_SECONDS_MAX:
            missed.append(f"worker {number} fell {worker['lag_seconds_max']} s behind")
        if worker["unaccounted_max"]:
            missed.append(f"worker {number} passed {worker['unaccounted_max']} records without an account")
    if report["memory_above_rebuilt_state_share"] > LEAK_SHARE_MAX:
        missed.append(f"memory is {report['memory_above_rebuilt_state_share']:.1%} above that of fresh workers")
    if any(report["exit_codes"]):
        missed.append(f"workers ended with exit codes {report['exit_codes']}")
    if report["audit_exit_code"]:
        missed.append(f"audit conserve ended with exit code {report['audit_exit_code']}")
    return missed


async def soak(claims: int, rate: float, seed: int, folder: Path) -> dict[str, Any]:
    """Run it; the report."""
    key_file = folder / "token.key"
    key_file.write_bytes(b"a key that only this soak has")
    topics = Topics("soak.")
    with EmbeddedKafka(jvm=THROUGHPUT, properties=BROKER) as kafka:
        await apply_topics(kafka.bootstrap, topics, Layout(partitions=PARTITIONS, received_partitions=PARTITIONS))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CLAIMSTREAM_")} | {
            "CLAIMSTREAM_BROKER__BOOTSTRAP": kafka.bootstrap,
            "CLAIMSTREAM_BROKER__PREFIX": topics.prefix,
            "CLAIMSTREAM_BROKER__PARTITIONS": str(PARTITIONS),
            "CLAIMSTREAM_TOKEN_KEY_FILE": str(key_file),
            "CLAIMSTREAM_SOURCES": ",".join(SOURCES),
        }
        workers = [Worker(environment, folder, number) for number in range(2)]
        try:
            await warm(workers, 0)
            began, sent = clock.monotonic(), Sent()
            feeding = asyncio.create_task(
                asyncio.to_thread(
                    asyncio.run, send(feed(seed, claims), kafka.bootstrap, topics.received, sent, rate=rate)
                )
            )
            await watch(workers, sent, began)
            await feeding
            seconds = clock.monotonic() - began
            last = [worker.samples[-1] for worker in workers]
            exit_codes = [worker.end() for worker in workers]
            workers += (fresh := [Worker(environment, folder, 2 + number) for number in range(2)])
            rebuilt = await warm(fresh, sum(sample.state_entries for sample in last))
        finally:
            for worker in workers:
                if worker.process.poll() is None:
                    worker.end()
        audit_exit_code, account = audit(environment)
    above = sum(s.memory for s in last) / sum(s.memory for s in rebuilt) - 1
    return {
        "seed": seed,
        "claims": sent.items,
        "records": sent.records,
        "rate": rate,
        "seconds": round(seconds, 1),
        "claims_per_second": round(sent.items / seconds, 1),
        "workers": [worker_report(worker.samples) for worker in workers[:2]],
        "exit_codes": exit_codes,
        "memory_bytes_rebuilt": [s.memory for s in rebuilt],
        "memory_above_rebuilt_state_share": round(above, 4),
        "audit_exit_code": audit_exit_code,
        "audit": account,
        "samples": [
            [s._asdict() for s in worker.samples[:: max(1, len(worker.samples) // 60)]] for worker in workers[:2]
        ],
    }


def main() -> int:
    """Run the soak, write the report, say what was missed."""
    arguments = argparse.ArgumentParser(description="A soak of two workers on a real Kafka.")
    arguments.add_argument("--claims", type=int, default=1_000_000)
    arguments.add_argument("--rate", type=float, default=1200)
    arguments.add_argument("--seed", type=int, default=5)
    arguments.add_argument("--report", type=Path, default=REPORT)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(soak(given.claims, given.rate, given.seed, Path(folder)))
    report["violations"] = violations(report)
    given.report.parent.mkdir(parents=True, exist_ok=True)
    given.report.write_text(json.dumps(report, indent=1) + "\n")
    brief = {name: value for name, value in report.items() if name != "samples"}
    sys.stdout.write(json.dumps(brief, indent=1) + "\n")
    return 1 if report["violations"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
