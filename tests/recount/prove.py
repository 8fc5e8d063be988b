"""`python -m tests.recount.prove`: the worker under kills against the recount; 1 when anything differs."""

import argparse
import asyncio
import json
import logging
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from streams import clock
from tests.recount.playing import Played, Terms, play
from tests.recount.site import new_site, seconds_since
from tests.recount.verdict import judge, summary

SHOWN = 20


def main() -> int:
    """Play a run, judge it, and say in a line of JSON what came out."""
    asked = _arguments()
    terms = Terms(asked.events, asked.patients, asked.kills, asked.seed)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # that workers come and go is no news here
    with ExitStack() as stack:
        folder = asked.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="claimstream-recount-")))
        try:
            return asyncio.run(prove(terms, folder))
        except (KeyboardInterrupt, asyncio.CancelledError):
            return 130


async def prove(terms: Terms, folder: Path) -> int:
    """The exit code of a run; its logs are left in `folder`."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    began = clock.monotonic()

    def say(what: str) -> None:
        print(f"{seconds_since(began):7.1f} s  {what}", file=sys.stderr, flush=True)  # noqa: T201

    async with new_site(folder) as site:
        played: Played = await play(site, terms, say)
        topics = site.topics
    say("the run has ended; recounting")
    judging = clock.monotonic()
    verdict = judge(played, topics)
    played.seconds |= {"recounted": seconds_since(judging), "all": seconds_since(began)}
    for said in verdict.differences[:SHOWN]:
        say(said)
    print(json.dumps({**vars(terms), **summary(played, verdict), "holds": verdict.holds}))  # noqa: T201
    return 0 if verdict.holds else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.recount.prove", description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--patients", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1, help="decides the feed and the moments of the kills")
    parser.add_argument("--keep", type=Path, help="a new folder in which logs and topics stay")
    asked = parser.parse_args()
    if asked.keep is not None:
        asked.keep.mkdir(parents=True)
    return asked


if __name__ == "__main__":
    sys.exit(main())
