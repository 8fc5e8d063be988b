"""What people see of `replay`: how far it has come on stderr, what came out on stdout; 80 columns are enough."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from schemas.decision import OUTCOMES
from streams import clock
from streams.cli.check_output import never_fail_to_encode, printable
from streams.replay.compare import Cell, Comparison, Example, RuleChange
from streams.replay.job import Job, JobTopics
from streams.replay.outputs import Totals
from streams.replay.run import Progress
from validators.wording import dollars

PLAIN_SECONDS = 5.0


@dataclass(slots=True)
class _Bar:
    """A bar on a terminal."""

    bars: Bars
    task: TaskID

    def reached(self, done: int, *, rebuilding: int | None = None) -> None:
        """Draw it."""
        what = "" if rebuilding is None else f"partition {rebuilding}: reading what came before"
        self.bars.update(self.task, completed=done, what=what)


@dataclass(slots=True)
class _Lines:
    """A line now and then."""

    total: int
    job: str
    _next: float = field(default_factory=clock.monotonic)

    def reached(self, done: int, *, rebuilding: int | None = None) -> None:
        """Print one when it is time."""
        if clock.monotonic() >= self._next:
            self._next = clock.monotonic() + PLAIN_SECONDS
            what = "" if rebuilding is None else f"; partition {rebuilding}: reading what came before"
            click.echo(f"replay {self.job}: {done:,} of {self.total:,} records{what}", err=True)


@contextmanager
def progress_on(total: int, job: str) -> Iterator[Progress]:
    """Show on stderr how far a job has come: a bar on a terminal, lines elsewhere."""
    if not sys.stderr.isatty():
        yield _Lines(total, job)
        return
    columns = (TextColumn("replay {task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bars(*columns, TextColumn("{task.fields[what]}"), console=Console(stderr=True)) as bars:
        yield _Bar(bars, bars.add_task(job, total=total, what=""))


def print_totals(topics: JobTopics, totals: Totals, seconds: float, skipped: int) -> None:
    """The end of a run."""
    never_fail_to_encode()
    words = " · ".join(f"{totals.outcomes[outcome]:,} {outcome}" for outcome in OUTCOMES)
    click.echo(f"{_counted(totals.claims, 'claim')}: {words} · {seconds:,.1f} s")
    click.echo(f"{dollars(totals.at_risk)} at risk of {dollars(totals.charge)}")
    if skipped:
        click.echo(f"{_counted(skipped, 'record')} of the log could not be decided; the worker puts them aside too")
    click.echo(f"decisions in {topics.accepted}, .flagged, .denied-risk")
    click.echo(f"Beside what was decided live: claimstream replay compare --job {topics.job}")


def print_comparison(comparison: Comparison, name: str, job: Job, *, finished: bool) -> None:
    """A matrix of outcomes, then what each rule adds and takes away, then the smallest examples."""
    never_fail_to_encode()
    found = comparison
    click.echo(f"job {name} · {_counted(found.both, 'claim')} · {found.equal:,} decided alike, {found.differing:,} not")
    click.echo(f"{job.source} · {job.start} … {job.end} · rules {job.ruleset.version}")
    if not finished:
        click.echo("the job is not at its end yet: claimstream replay status says how far it has come")
    for count, side in ((found.only_live, "live"), (found.only_replay, "in the replay")):
        if count:
            click.echo(f"{_counted(count, 'claim')} decided only {side}, in none of the numbers below")
    click.echo()
    click.echo(f"{'live':<12}{'→ accepted':>12}{'flagged':>12}{'denied-risk':>13}{'change at risk':>22}")
    for live in OUTCOMES:
        row = [comparison.cells[live, replay] for replay in OUTCOMES]
        counts = f"{row[0].claims:>12,}{row[1].claims:>12,}{row[2].claims:>13,}"
        click.echo(f"{live:<12}{counts}{_signed(row):>22}")
    click.echo(f"{'':<49}{_signed(list(comparison.cells.values())):>22}")
    _print_rules(comparison.rules)
    _print_examples(comparison.examples)


def _print_rules(rules: dict[str, RuleChange]) -> None:
    if rules:
        click.echo()
        click.echo(f"{'by rule':<12}{'gained':>12}{'lost':>12}{'changed':>13}{'dollars of it':>22}")
    for rule, change in sorted(rules.items(), key=lambda item: (-abs(item[1].dollars), item[0])):
        counts = f"{change.gained:>12,}{change.lost:>12,}{change.changed:>13,}"
        click.echo(f"{rule:<12}{counts}{'+' * (change.dollars > 0) + dollars(change.dollars):>22}")


def _print_examples(examples: list[Example]) -> None:
    if examples:
        click.echo()
        click.echo("smallest examples")
    for each in examples:
        went = each.live if each.live == each.replay else f"{each.live} → {each.replay}"
        rules = [*(f"+{rule}" for rule in each.gained), *(f"-{rule}" for rule in each.lost)]
        said = " ".join([*rules, *(f"~{rule}" for rule in each.changed)])
        click.echo(f"  {printable(each.claim_id):<24}  {went}  {said}")


def _signed(cells: list[Cell]) -> str:
    change = sum((cell.at_risk_replay - cell.at_risk_live for cell in cells), Cell().charge)
    return f"{'+' * (change > 0)}{dollars(change)}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"
