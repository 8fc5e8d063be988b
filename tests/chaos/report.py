"""The table for people and the report for programs."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.chaos.scenario import Row, Terms
from tests.chaos.workers import ROOT

WIDTH = 150
COLUMNS = ("records", "lost", "duplicates", "at most", "contradictory", "wrong", "recovery")


def print_rows(rows: Sequence[Row], console: Console | None = None) -> None:
    """A table on stdout, a line a row, and what broke below it."""
    table = Table(title="What was promised, under every fault", title_justify="left")
    table.add_column("fault / agent", no_wrap=True)
    for column in COLUMNS:
        table.add_column(column, justify="right")
    table.add_column("")
    for row in rows:
        recovery = "-" if row.recovery_seconds is None else f"{row.recovery_seconds:.1f} s"
        counts = (row.records, row.lost, row.duplicates, row.bound, row.contradictory, row.wrong)
        verdict = "[green]holds" if row.holds else "[red]BROKEN"
        table.add_row(row.name, *(f"{count:,}" for count in counts), recovery, verdict)
    console = console or Console()
    if not console.is_terminal:
        console.width = WIDTH
    console.print(table)
    for row in rows:
        for line in row.evidence:
            console.print(f"{row.name}: {line}", markup=False, highlight=False)
    broken = sum(not row.holds for row in rows)
    console.print(f"{len(rows)} rows, {broken} broken")


def write_report(path: Path, terms: Terms, rows: Sequence[Row]) -> None:
    """The report as JSON."""
    report = {**asdict(terms), "commit": commit(), "rows": [row.as_json() for row in rows]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n")


def commit() -> str:
    """The commit this tree is at; empty where the history is not there."""
    told = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return told.stdout.strip()
