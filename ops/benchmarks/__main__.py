"""`python -m ops.benchmarks SUITE`: measure, print a table, and write the figures to results/latest.json.

Figures of one run are compared with each other only: machines differ, and so does one machine from hour to hour.
"""

# ruff: noqa: INP001 - scripts, no package

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ops.benchmarks import rules, state
from ops.benchmarks.figure import Figure

RESULTS = Path(__file__).parent / "results" / "latest.json"
SUITES: dict[str, Callable[[], Sequence[Figure]]] = {"rules": rules.measure, "state": state.measure}


def main() -> int:
    """Measure a suite; its figures replace those of before, the other suites' stay."""
    parser = argparse.ArgumentParser(prog="python -m ops.benchmarks", description=__doc__)
    parser.add_argument("suite", choices=sorted(SUITES))
    suite = parser.parse_args().suite
    figures = SUITES[suite]()
    _print(suite, figures)
    told = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    told[suite] = {
        "commit": _commit(),
        "python": platform.python_version(),
        "figures": [figure.as_object() for figure in figures],
    }
    RESULTS.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")
    return 0


def _print(suite: str, figures: Sequence[Figure]) -> None:
    table = Table(title=f"benchmarks: {suite}", title_justify="left")
    for column in ("figure", "value", "aim", ""):
        table.add_column(column, justify="left" if column in ("figure", "") else "right")
    for figure in figures:
        aim = "" if figure.aim is None else f"{'≥' if figure.more_is_better else '≤'} {figure.aim:,g}"
        met = "" if figure.met is None else ("met" if figure.met else "missed")
        table.add_row(figure.name, f"{figure.value:,.4g} {figure.unit}", aim, met)
    console = Console()
    if not console.is_terminal:
        console.width = 120
    console.print(table)


def _commit() -> str:
    told = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)  # noqa: S607
    return told.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
