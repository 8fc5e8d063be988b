"""Many seeds on several processes, or one with its trace: `make simulate`, `make simulate SEED=123`."""

import argparse
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from streams import clock
from tests.simulation.mutants import MUTANTS
from tests.simulation.scenario import Outcome, run, runs

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "ops/benchmarks/results/simulation-report.json"
SEEDS_A_TASK = 50
SEEDS_FOR_MUTANTS = 100


def say(line: str) -> None:
    """Write one line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def run_all(seeds: Sequence[int]) -> list[Outcome]:
    """Run these seeds in this process."""
    return list(runs(seeds))


def first_catch(mutant: str) -> int | None:
    """The first seed that catches the mutant; None when none of the first hundred does."""
    outcomes = runs(range(1, SEEDS_FOR_MUTANTS + 1), MUTANTS[mutant])
    return next((outcome.seed for outcome in outcomes if outcome.violations), None)


def summed(outcomes: Iterator[Outcome]) -> dict[str, object]:
    """The report of these outcomes; violations are told as they come."""
    events: Counter[str] = Counter()
    sums: Counter[str] = Counter(dict.fromkeys(("seeds", "records", "repeats", "steps"), 0))
    virtual_seconds, violating = 0.0, {}
    for outcome in outcomes:
        sums.update(seeds=1, records=outcome.records, repeats=outcome.repeats, steps=outcome.steps)
        events.update(outcome.events)
        virtual_seconds += outcome.virtual_seconds
        if outcome.violations:
            violating[outcome.seed] = outcome.violations
            say(f"seed {outcome.seed}: {outcome.violations[0]}\n  replay: make simulate SEED={outcome.seed}")
        if sums["seeds"] % 1000 == 0:
            say(f"{sums['seeds']} seeds, {len(violating)} with violations")
    return {
        **sums,
        "violations": len(violating),
        "violating": violating,
        "crashes": events["crashes"],
        "rebalances": events["rebalances"],
        "virtual_seconds": round(virtual_seconds),
        "events": dict(sorted(events.items())),
    }


def many(seeds: int, jobs: int) -> int:
    """Run seeds 1 to `seeds` and the mutants, write the report; 1 when a seed violates or a mutant escapes."""
    began = clock.monotonic()
    tasks = [range(first, min(first + SEEDS_A_TASK, seeds + 1)) for first in range(1, seeds + 1, SEEDS_A_TASK)]
    with ProcessPoolExecutor(jobs) as pool:
        report = summed(outcome for outcomes in pool.map(run_all, tasks) for outcome in outcomes)
        report["seconds"] = round(clock.monotonic() - began, 1)
        report["mutants"] = dict(zip(MUTANTS, pool.map(first_catch, MUTANTS), strict=True))
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    report.update(jobs=jobs, commit=commit.stdout.strip())
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")
    for name, value in report.items():
        say(f"{name:16}{value}")
    return 1 if report["violations"] or None in report["mutants"].values() else 0


def one(seed: int, mutant: str | None) -> int:
    """Run one seed and show its trace."""
    outcome = run(seed, MUTANTS[mutant] if mutant else (), trace=True)
    say("\n".join(outcome.trace or ()))
    say(f"seed {seed}: {outcome.violations or 'no violation'}, {outcome.repeats} repeats, {dict(outcome.events)}")
    return 1 if outcome.violations else 0


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, help="run only this one and show its trace")
    parser.add_argument("--mutant", choices=MUTANTS, help="with --seed: break the engine so")
    given = parser.parse_args()
    return many(given.seeds, given.jobs) if given.seed is None else one(given.seed, given.mutant)


if __name__ == "__main__":
    sys.exit(main())
