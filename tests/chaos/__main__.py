"""`python -m tests.chaos`: plays every scenario, prints a table, writes the report; 1 when any promise was broken."""

import argparse
import asyncio
import fnmatch
import logging
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from tests.chaos.playing import play_all
from tests.chaos.report import print_rows, write_report
from tests.chaos.scenario import Row, Scenario, Terms
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.workers import ROOT

REPORT = ROOT / "ops" / "benchmarks" / "results" / "chaos-report.json"
RATE = 800.0
"""Claims a second: what a worker on half a core keeps up with."""


def main() -> int:
    """Play what was asked for."""
    asked = _arguments()
    chosen = [
        each for each in SCENARIOS if any(fnmatch.fnmatch(each.name.lower(), f"*{p.lower()}*") for p in asked.only)
    ]
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that is away is no news here
    if asked.keep is not None:
        asked.keep.mkdir(parents=True)
    terms = Terms(asked.seed, asked.rate, asked.scale)
    try:
        rows = asyncio.run(_play_all(chosen, terms, asked.keep))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    print_rows(rows)
    if asked.report is not None:
        write_report(asked.report, terms, rows)
    return 0 if rows and all(row.holds for row in rows) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="decides feeds and the moments of the faults")
    parser.add_argument(
        "--only", nargs="*", default=["*"], metavar="PATTERN", help="scenarios whose name contains this"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="of the feeds; 1 is 5,000 to 30,000 claims a scenario")
    parser.add_argument("--rate", type=float, default=RATE, help="claims a second")
    parser.add_argument("--report", type=Path, help=f"where the report goes (make chaos: {REPORT.relative_to(ROOT)})")
    parser.add_argument("--keep", type=Path, help="a new folder in which the logs of workers and brokers stay")
    asked = parser.parse_args()
    if asked.keep is not None and asked.keep.exists():
        parser.error(f"--keep {asked.keep} is there already; name a new folder")
    return asked


async def _play_all(scenarios: Sequence[Scenario], terms: Terms, keep: Path | None) -> list[Row]:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with AsyncExitStack() as stack:
        folder = Path(keep or stack.enter_context(tempfile.TemporaryDirectory(prefix="claimstream-chaos-")))
        return await play_all(scenarios, folder, terms)


if __name__ == "__main__":
    sys.exit(main())
