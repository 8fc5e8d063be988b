"""What `redrive` shows: what would be sent or was, by code and source, what each code wants, and what to type next."""

import json
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from schemas.rejection import RejectionCode
from streams.cli.check_output import never_fail_to_encode, printable
from streams.delivery.redrive.letters import Group, Letter, Route, Tally
from streams.delivery.redrive.run import Progress
from streams.replay.window import Bound

WIDTH: Final = 80
FIXES: Final[Mapping[RejectionCode, str]] = {
    "empty": "nothing to send: ask the sender for the claim",
    "too-large": "ask the sender for smaller records; `claimstream feed` splits large X12",
    "not-utf8": "ask the sender for UTF-8",
    "malformed-json": "ask the sender for well-formed JSON",
    "duplicate-key": "ask the sender to name each key once",
    "not-a-number": "ask the sender for numbers instead of NaN and Infinity",
    "too-deep": "ask the sender for JSON nested at most 64 levels deep",
    "missing-field": "ask the sender for what is missing, at the places below",
    "wrong-type": "ask the sender for the type that is meant, at the places below",
    "unknown-value": "ask the sender for one of the values there are",
    "unknown-content-type": "ask the sender for one of the content types there are",
    "unknown-version": "install the version of claimstream that reads it, then send",
    "unknown-format": "ask the sender for X12 837P, FHIR or JSON",
    "unsupported-format": "install a version that reads this format, then send",
    "unsupported-transaction": "install a version that reads this transaction, then send",
    "not-a-claim": "nothing to decide: route it to where it belongs",
    "no-claims": "ask the sender where the claims of it are",
    "bad-envelope": "ask the sender for ISA with the delimiters the interchange uses",
    "truncated": "ask the sender for the whole interchange, to SE, GE and IEA",
    "misplaced-segment": "ask the sender for the loops the claim must stand in",
    "too-many-claims": "send: it is the rest of a record, and fits one of its own",
    "unprocessable": "a defect of ours: install the version that mends it, then send",
}
"""What each code wants before its letters are sent again."""

TOO_LARGE_FIX: Final = "ask its sender for smaller records"


@dataclass(slots=True)
class _Bar:
    """A bar on a terminal."""

    bars: Bars
    task: TaskID

    def reached(self, records: int) -> None:
        """Draw it."""
        self.bars.update(self.task, completed=records)


class _Nothing:
    """Where there is no terminal."""

    def reached(self, records: int) -> None:
        """Say nothing."""


@contextmanager
def progress_on(total: int, topic: str) -> Iterator[Progress]:
    """Show on stderr how far it has come, where that is a terminal."""
    if not sys.stderr.isatty():
        yield _Nothing()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        yield _Bar(bars, bars.add_task(topic, total=total))


def print_lines(route: Route, tally: Tally, *, applied: bool, finished: bool) -> None:
    """The whole as JSON lines: a summary, then a line a group, then the examples, then each that is too large."""
    counts = {"records": tally.records, "chosen": tally.chosen, "sent": tally.sent, "redriven_before": tally.redriven}
    others = {"passed_over": tally.passed_over, "foreign": tally.foreign, "too_large": len(tally.too_large)}
    went = {"topic": route.letters, "to": route.target, "applied": applied, "finished": finished}
    lines: list[dict[str, Any]] = [{"kind": "summary", **went, **counts, **others}]
    for (code, source), group in sorted(tally.groups.items()):
        span = {"from": _instant(group.first_ms), "to": _instant(group.last_ms)}
        attempts = {str(attempt): group.attempts[attempt] for attempt in sorted(group.attempts)}
        lines.append({"kind": "group", "code": code, "source": source, "letters": group.letters, **span,
                      "attempts": attempts})  # fmt: skip
    lines += [{"kind": "letter", **_of_letter(letter)} for letter in tally.examples]
    lines += [{"kind": "too-large", **_of_letter(letter), "fix": TOO_LARGE_FIX} for letter in tally.too_large]
    for line in lines:
        click.echo(json.dumps(line))


def _of_letter(letter: Letter) -> dict[str, Any]:
    place = {"position": letter.position, "original": letter.original, "at": letter.at}
    return place | {"code": letter.code, "source": letter.source, "attempt": letter.attempt}


def print_report(route: Route, tally: Tally, *, applied: bool, finished: bool, typed: str) -> None:
    """The whole for a person; `typed` is the command without --apply."""
    never_fail_to_encode()
    click.echo(f"{route.letters} → {route.target}")
    done = f"{_count(tally.sent, 'dead letter')} sent" if applied else f"{_count(tally.chosen, 'dead letter')} to send"
    click.echo("".join([done, *(f" · {text}" for text in _others(tally)), "" if applied else " · dry run"]))
    if tally.groups:
        _print_groups(tally.groups)
    if tally.groups and not applied:
        _print_fixes({code for code, _ in tally.groups})
        _print_examples(tally.examples)
    for letter in tally.too_large:
        left_out = f"{letter.position} is larger than {route.target} takes and is left out"
        click.echo(f"claimstream: {left_out}; {TOO_LARGE_FIX}", err=True)
    if finished:
        click.echo()
        click.echo(_next(tally, typed, applied=applied))


def _others(tally: Tally) -> Iterator[str]:
    kinds = (
        (len(tally.too_large), "too large to be sent"),
        (tally.redriven, "sent before"),
        (tally.passed_over, "not asked for"),
        (tally.foreign, "not of a worker"),
    )
    return (f"{number:,} {what}" for number, what in kinds if number)


def _print_groups(groups: Mapping[tuple[str, str], Group]) -> None:
    click.echo()
    click.echo(f"{'letters':>9}  {'code':<23}  {'source':<18}  {'attempt':<7}  since")
    for (code, source), group in sorted(groups.items(), key=lambda each: (-each[1].letters, each[0])):
        low, high = min(group.attempts), max(group.attempts)
        attempts = str(low) if low == high else f"{low}-{high}"
        since = _instant(group.first_ms)[:10]
        click.echo(f"{group.letters:>9,}  {code:<23}  {printable(source) or '-':<18}  {attempts:<7}  {since}")


def _print_fixes(codes: set[str]) -> None:
    width = max(map(len, codes)) + 4
    click.echo()
    for code, fix in FIXES.items():
        if code in codes:
            click.echo(
                textwrap.fill(fix, WIDTH, initial_indent=f"  {code:<{width - 2}}", subsequent_indent=" " * width)
            )


def _print_examples(examples: list[Letter]) -> None:
    if examples:
        click.echo()
        click.echo(f"  {'letter':<10}  {'record it came from':<28}  where in that")
    for letter in sorted(examples, key=lambda each: (each.code, each.place)):
        place = f"{letter.partition}:{letter.offset}"
        click.echo(f"  {place:<10}  {letter.original:<28}  {printable(letter.at) or letter.code}")


def _next(tally: Tally, typed: str, *, applied: bool) -> str:
    if not applied and tally.chosen:
        return f"Send them: {typed} --apply"
    if applied and tally.sent:
        return f"What fails again comes back as a new letter, with one attempt more:\n{typed}"
    return "Nothing else can be sent." if tally.too_large else "Nothing is left to send."


def _instant(timestamp_ms: int) -> str:
    return str(Bound(instant_ms=timestamp_ms))


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"
