"""What people see of `audit`: a table of what was found and what became of it, then what is wrong; 80 columns."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from streams.cli.asking import window_in_words
from streams.cli.check_output import never_fail_to_encode
from streams.delivery.audit.account import SUBJECTS, Account, Fault
from streams.delivery.audit.run import Asked

WORDS: dict[Fault, str] = {
    "no-manifest": "received records without manifest or dead letter",
    "incomplete-manifest": "received records of whose manifest parts are missing",
    "wrong-items": "received records whose manifest lists other items than it counts",
    "not-logged": "claims or facts of a manifest that never came into the log",
    "no-outcome": "claims of the log without decision or dead letter",
    "no-dead-letter": "rejections without their dead letter",
    "two-manifests": "received records with two manifests that differ",
    "two-decisions": "decisions unlike another of the same event and rules",
    "unknown-event": "decisions of events that no manifest and no log knows",
    "unreadable": "records that cannot be what their topic holds",
}


@contextmanager
def progress_on(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on stderr where that is a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _records: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda records: bar.advance(task, records)


def print_account(account: Account, asked: Asked, records: int, seconds: float) -> None:
    """The whole account."""
    never_fail_to_encode()
    window = window_in_words(asked.start_ms, asked.end_ms)
    click.echo(f"{asked.names.received} · {window}")
    click.echo(f"{records:,} records read in {seconds:,.1f} s")
    click.echo()
    click.echo(f"{'':<16}{'found':>14}{'accounted':>16}{'in progress':>16}{'unaccounted':>16}")
    for subject in SUBJECTS:
        each = account.counts[subject]
        row = f"{each.found:>14,}{each.accounted:>16,}{each.in_progress:>16,}{each.unaccounted:>16,}"
        click.echo(f"{subject if subject != 'records' else 'received records':<16}{row}")
    click.echo()
    _print_faults(account)
    if account.decisions_repeated:
        click.echo(f"decisions that stand there again with the same bytes: {account.decisions_repeated:,} (harmless)")
    click.echo(_verdict(account))


def _print_faults(account: Account) -> None:
    for fault, group in groupby(sorted(account.examples, key=lambda found: found.fault), key=lambda found: found.fault):
        click.echo(f"{fault} ({account.faults[fault]:,}): {WORDS[fault]}")
        for found in group:
            beside = f"  beside {found.beside}" if found.beside else ""
            click.echo(f"  {found.position}{beside}")
            if found.event_id:
                click.echo(f"    event {found.event_id}")
        click.echo()
    hidden = sum(account.faults.values()) - len(account.examples)
    if hidden:
        click.echo(f"{hidden:,} more; --limit shows more of them")


def _verdict(account: Account) -> str:
    if not (account.unaccounted or account.contradictory or account.strange):
        busy = sum(count.in_progress for count in account.counts.values())
        return f"nothing is lost; {busy:,} still in progress" if busy else "every received item is accounted for"
    return (
        f"{account.unaccounted:,} unaccounted · {account.contradictory:,} contradictory · {account.strange:,} strange"
    )
