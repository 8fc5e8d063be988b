"""`claimstream worker` with one thing in it broken: `python -m tests.chaos.faulty_worker '{"kind": "commits", ...}'`.

The fault is patched in from here; the worker's own code has no switch for it.
"""

import itertools
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import GroupAuthorizationFailedError, RequestTimedOutError

from streams.agents import intake, validate
from streams.chunks import ChunkApp, Outbox
from streams.cli import main, worker
from tests.chaos.broken_rule import broken_ruleset
from tests.chaos.workers import STRUCK

_told: list[bool] = []


def struck() -> None:
    """Say, once, in the worker's log that the fault did strike, so that no scenario passes for want of it."""
    if not _told:
        _told.append(True)
        sys.stderr.write(f"{STRUCK}\n")
        sys.stderr.flush()


def rules(_fault: dict[str, Any]) -> None:
    """A rule raises for some claims."""
    worker.load_ruleset = lambda *_: broken_ruleset(struck)


def timeouts(fault: dict[str, Any]) -> None:
    """Not broken, only impatient: requests time out within the scenario's patience."""
    ChunkApp.DEFAULTS = {**ChunkApp.DEFAULTS, **fault}


def outputs(fault: dict[str, Any]) -> None:
    """Every n-th output raises while a file is there."""
    number, mark, add = itertools.count(1), Path(fault["while"]), Outbox.add

    def sometimes(self: Outbox, *args: Any, **kwargs: Any) -> None:
        if next(number) % fault["every"] == 0 and mark.exists():
            struck()
            raise ValueError("an output that raises")
        add(self, *args, **kwargs)

    Outbox.add = sometimes


def lies(fault: dict[str, Any]) -> None:
    """Of every so many outputs one is dropped, one sent twice, one altered: what the checker must find out."""
    number, every, add = itertools.count(1), fault["every"], Outbox.add

    def lying(self: Outbox, topic: str, partition: int, key: bytes, value: bytes, *headers: Any) -> None:
        struck()
        turn = next(number) % every
        if turn == 0:
            return
        altered = value.replace(b'"total_charge":"', b'"total_charge":"1') if turn == 1 else value
        for _ in range(2 if turn == 2 else 1):
            add(self, topic, partition, key, altered, *headers)

    Outbox.add = lying


def records(fault: dict[str, Any]) -> None:
    """Both agents raise on some records, always the same ones."""
    read, from_log = intake.read_record, validate.from_log

    def reading(value: bytes, *args: Any, **kwargs: Any) -> Iterator[Any]:
        if sum(value) % fault["one_in"] == 0:
            struck()
            raise ValueError("a record that raises")
        return read(value, *args, **kwargs)

    def of_log(record: Any) -> Any:
        if sum(record.value or b"") % fault["one_in"] == 1:
            struck()
            raise ValueError("a record that raises")
        return from_log(record)

    intake.read_record, validate.from_log = reading, of_log


def commits(fault: dict[str, Any]) -> None:
    """Commits time out at the broker while a file is there; the client tries them again."""
    commit = GroupCoordinator._do_commit_offsets

    async def sometimes(self: GroupCoordinator, *args: Any) -> None:
        if _is_there(fault):
            struck()
            raise RequestTimedOutError
        await commit(self, *args)

    GroupCoordinator._do_commit_offsets = sometimes


def refused_commits(fault: dict[str, Any]) -> None:
    """Commits are refused, in a way no client tries again, while a file is there."""
    commit = AIOKafkaConsumer.commit

    async def sometimes(self: AIOKafkaConsumer, *args: Any) -> None:
        if _is_there(fault):
            struck()
            raise GroupAuthorizationFailedError
        await commit(self, *args)

    AIOKafkaConsumer.commit = sometimes


def _is_there(fault: dict[str, Any]) -> bool:
    return Path(fault["while"]).exists()


KINDS: dict[str, Callable[[dict[str, Any]], None]] = {
    each.__name__: each for each in (rules, timeouts, outputs, lies, records, commits, refused_commits)
}


def run(arguments: Sequence[str]) -> None:
    """Break what the one argument names, then be the worker."""
    fault = json.loads(arguments[0])
    KINDS[fault.pop("kind")](fault)
    sys.argv = ["claimstream", "worker"]
    main()


if __name__ == "__main__":
    run(sys.argv[1:])
