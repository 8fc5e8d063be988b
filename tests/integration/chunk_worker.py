"""A small worker for the delivery tests: one JSON argument, one JSON line on stdout for each event."""

import asyncio
import hashlib
import json
import logging
import os
import sys
from random import Random
from typing import Any

import faust
from prometheus_client import CollectorRegistry

from streams.app import watch_progress
from streams.chunks import Chunk, ChunkApp, DeadLetter, Outbox, Record, Turn
from streams.cli.worker import run_to_end
from streams.delivery.dead_letters import dead_letter_headers, failed_on
from streams.metrics import Metrics
from streams.sealing import Seal
from streams.state.store import Store
from validators.ruleset import StateTerms

WORKER = str(os.getpid())


def say(event: str, **facts: Any) -> None:
    print(json.dumps({"event": event, **facts}), flush=True)  # noqa: T201 - the test reads these lines


def build(setup: dict[str, Any]) -> ChunkApp:
    def dead_letter(record: Record, exc: Exception) -> DeadLetter:
        headers = dead_letter_headers(record, failed_on(exc, ruleset="r1", worker=WORKER), ())
        return DeadLetter(setup["dead_letters"], record.key, record.value, headers)

    app = ChunkApp(
        setup["group"],
        broker=f"kafka://{setup['bootstrap']}",
        dead_letter=dead_letter,
        record_limits={setup["dead_letters"]: 17 << 20, setup["output"]: setup.get("output_limit", 2 << 20)},
        stop_limit_seconds=setup.get("stop_limit_seconds", 25.0),
        broker_session_timeout=setup.get("session_timeout", 3.0),
        consumer_group_instance_id=setup.get("instance_id"),
        broker_heartbeat_interval=1.0,
        broker_commit_interval=setup.get("commit_interval", 0.25),
    )
    topic = app.chunk_topic(setup["input"], partitions=setup["partitions"], chunk_max=setup.get("chunk_max", 200))

    @app.chunk_agent(topic)
    async def echo(chunk: Chunk, out: Outbox) -> None:
        turn = Turn()
        await asyncio.sleep(setup.get("seconds_per_chunk", 0))
        for record in chunk.records:
            value = record.value or b""
            if value.startswith(b"hang"):
                await asyncio.Event().wait()
            if value.startswith(b"poison"):
                raise ValueError(value)
            answer = Random(1).randbytes(3 << 20) if value.startswith(b"huge") else hashlib.sha256(value).digest()
            position = f"{chunk.partition}:{record.offset}".encode()
            out.add(setup["output"], chunk.partition, position, answer, [("worker", WORKER.encode())])
            out.accounts_for(1)
            await turn.give()

    async def assigned(partitions: set[Any]) -> None:
        say("assigned", partitions=sorted(tp.partition for tp in partitions))

    async def revoked(partitions: set[Any]) -> None:
        positions = {tp.partition: position for tp, position in app.positions.items()}
        say("revoked", partitions=sorted(tp.partition for tp in partitions), positions=positions)

    async def ready(tp: Any) -> None:
        say("ready", partition=tp.partition)

    app.on_assigned, app.on_revoked, app.ready = assigned, revoked, ready
    app.on_retry = lambda tp, exc: say("retry", partition=tp.partition, exception=type(exc).__name__)
    app.on_trouble = lambda _partitions, exc: say("trouble", exception=type(exc).__name__)
    if "stuck_seconds" in setup:
        watch_progress(
            app, Store("state", {}, Seal(b"key"), StateTerms()), Metrics(CollectorRegistry()), setup["stuck_seconds"]
        )
    app.on_dead_letter = lambda name, code: say("dead letter", topic=name, code=code)
    return app


def main() -> None:
    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    app = build(json.loads(sys.argv[1]))
    run_to_end(faust.Worker(app, loglevel="info", redirect_stdouts=False, quiet=True), app)


if __name__ == "__main__":
    main()
