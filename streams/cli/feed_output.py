"""What `feed` shows: a line a file and a total, or JSON lines; a bar on stderr where that is a terminal."""

import json
import sys
from collections.abc import Sequence

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from streams.feeding.feed import Fed
from streams.intake.files import InputFile


class Screen:
    """Says of each file what became of it."""

    def __init__(self, files: Sequence[InputFile], *, json_lines: bool) -> None:
        self._json = json_lines
        self._bar: Progress | None = None
        self._task = TaskID(0)
        if sys.stderr.isatty():
            columns = (TextColumn("feeding"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
            # Lines of ours pass above the bar, unless they go elsewhere.
            self._bar = Progress(
                *columns, console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()
            )
            self._task = self._bar.add_task("", total=_bytes_of(files))
            self._bar.start()

    def passed(self, size: int) -> None:
        """Move the bar on."""
        if self._bar is not None:
            self._bar.advance(self._task, size)

    def end(self, fed: Fed) -> None:
        """One line, and one on stderr for what was too large."""
        click.echo(json.dumps(_as_object(fed)) if self._json else f"{fed.file}: {_in_words(fed)}")
        for each in fed.unsent:
            click.echo(
                f"claimstream: {fed.file}, byte {each.start:,}: a record of {each.size:,} bytes is more than a record "
                "can be and was left out; send it in smaller ones",
                err=True,
            )

    def total(self, done: Sequence[Fed]) -> None:
        """The last line."""
        if not self._json and len(done) > 1:
            skipped = sum(fed.status == "skipped" for fed in done)
            records, claims = sum(fed.records for fed in done), sum(fed.claims for fed in done)
            click.echo(
                f"{_count(len(done), 'file')}: {_count(records, 'record')}, {_count(claims, 'claim')}"
                + (f"; {skipped:,} fed before" if skipped else "")
            )

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()


def _bytes_of(files: Sequence[InputFile]) -> int | None:
    """What there is to feed; None where that cannot be told before it is read."""
    if any(file.path is None for file in files):
        return None
    try:
        return sum(file.path.stat().st_size for file in files if file.path)
    except OSError:
        return None


def _as_object(fed: Fed) -> dict[str, object]:
    return {
        "file": fed.file,
        "records": fed.records,
        "bytes": fed.size,
        "sha256": fed.sha256,
        "status": fed.status,
    }


def _in_words(fed: Fed) -> str:
    if fed.status == "skipped":
        under = f" as {fed.before_as}" if fed.before_as else ""
        return f"fed before{under} ({_count(fed.before, 'record')}), left out; --again feeds it once more"
    before = f", after {_count(fed.before, 'record')} sent before" if fed.before else ""
    sent = f"{_count(fed.records, 'record')}{before}"
    if fed.status == "stopped":
        return f"stopped after {sent}; the same command goes on from there"
    return f"{sent}, {_count(fed.claims, 'claim')}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
