"""How the demo speaks: to a person on a terminal, to a person's log file, or to a program."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from streams import clock
from streams.demo.panel import (
    View,
    causes,
    conservation,
    finding_lines,
    findings,
    live_panel,
    outcomes,
    three_examples,
)

REDRAW_SECONDS = 0.25
PLAIN_SECONDS = 2.0


class Addresses:
    """Where the running parts are."""

    def __init__(self, bootstrap: str, prefix: str, metrics_url: str) -> None:
        self.bootstrap, self.prefix, self.metrics_url = bootstrap, prefix, metrics_url


class Screen(Protocol):
    """What every way of speaking can do."""

    @contextmanager
    def step(self, doing: str) -> Iterator[list[str]]:
        """A step: what is put into the list says what was done."""

    def up(self, addresses: Addresses) -> None:
        """The worker is up; the feed begins."""

    def progress(self, view: View) -> None:
        """Called often; shows what it can."""

    def summary(self, view: View, addresses: Addresses, *, keep: bool) -> None:
        """All is decided."""

    def interrupted(self) -> None:
        """A signal was heard; what was started is stopped now."""

    def close(self) -> None:
        """Nothing live is shown any more; may be called twice."""


class JsonScreen:
    """Two JSON objects on stdout; progress as plain lines on stderr."""

    def __init__(self) -> None:
        self._next = 0.0

    @contextmanager
    def step(self, doing: str) -> Iterator[list[str]]:
        """Silent: a program waits for the first line."""
        del doing
        yield []

    def up(self, addresses: Addresses) -> None:
        """The first line."""
        self._line(vars(addresses))

    def progress(self, view: View) -> None:
        """One line every couple of seconds."""
        if clock.monotonic() >= self._next:
            self._next = clock.monotonic() + PLAIN_SECONDS
            sys.stderr.write(f"{view.headline}\n")

    def summary(self, view: View, addresses: Addresses, *, keep: bool) -> None:
        """The last line."""
        del addresses, keep
        self._line(view.account.as_object())

    def interrupted(self) -> None:
        """Silent: the exit code says it."""

    def close(self) -> None:
        """Nothing is live."""

    def _line(self, content: dict[str, object] | dict[str, int]) -> None:
        sys.stdout.write(json.dumps(content) + "\n")
        sys.stdout.flush()


class PeopleScreen:
    """Text on stdout; on a terminal a panel that is redrawn in place, elsewhere a line every couple of seconds."""

    def __init__(self, claims: int) -> None:
        self._terminal = sys.stdout.isatty() and os.environ.get("TERM") not in (None, "dumb", "unknown")
        self._console = Console(
            force_terminal=self._terminal,
            width=None if self._terminal else 200,
            soft_wrap=not self._terminal,
            highlight=False,
            markup=False,
            emoji=False,
        )
        self._live: Live | None = None
        self._next = 0.0
        self._print(f"claimstream demo: {claims:,} made-up claims go through a real Apache Kafka.", "bold")
        self._print("Nobody in them is real. Ctrl-C stops everything.\n", "dim")

    @contextmanager
    def step(self, doing: str) -> Iterator[list[str]]:
        """A line with a tick and its time; on a terminal a spinner until then."""
        done: list[str] = []
        started = clock.monotonic()
        if self._terminal:
            with self._console.status(f"{doing} …", spinner="dots"):
                yield done
        else:
            yield done
        text = Text("✓ ", "green").append(f"{''.join(done) or doing:<66}", "default")
        self._console.print(text.append(f"{clock.monotonic() - started:6.1f} s", "dim"))

    def up(self, addresses: Addresses) -> None:
        """The feed begins: the panel is there from now on."""
        del addresses
        self._print()
        if self._terminal:
            self._live = Live(console=self._console, auto_refresh=False, vertical_overflow="crop")
            self._live.start()

    def progress(self, view: View) -> None:
        """Redraw the panel, or print a line, when it is time."""
        if clock.monotonic() < self._next:
            return
        self._next = clock.monotonic() + (REDRAW_SECONDS if self._live else PLAIN_SECONDS)
        if self._live is not None:
            self._live.update(live_panel(view), refresh=True)
        else:
            account = view.account
            self._print(
                f"{view.headline} · {account.accepted:,} accepted, {account.flagged:,} flagged, "
                f"{account.denied_risk:,} denied-risk, {account.dead_letters:,} dead letters"
            )

    def summary(self, view: View, addresses: Addresses, *, keep: bool) -> None:
        """The panel for the last time, findings in words, the account, and where to go from here."""
        if self._live is not None:
            self._live.update(live_panel(view), refresh=True)
            self.close()
        else:
            for part in (outcomes(view), findings(view), causes(view)):
                self._plainly(part)
        self._print("\nThree of these findings in words\n", "bold")
        for found in three_examples(view.totals):
            for text, style in finding_lines(found):
                self._print(text, style, indent=8 if text.startswith("  ") else 0)
            self._print()
        lost = view.account.lost
        if lost:
            noun = "CLAIM IS" if lost == 1 else "CLAIMS ARE"
            self._print(f"✗ {lost:,} {noun} LOST: received, and nothing came of it", "bold red")
        else:
            self._print("✓ Every claim is accounted for", "bold green")
        self._print(conservation(view.account, self._console.width))
        self._next_steps(addresses, keep=keep)

    def _next_steps(self, addresses: Addresses, *, keep: bool) -> None:
        self._print("\nWhere to look next", "bold")
        steps = [("claimstream check FILE", "the same rules on your own claims, without Kafka")]
        if keep:
            topics = f"claimstream topics check --bootstrap {addresses.bootstrap} --prefix {addresses.prefix}"
            steps += [(addresses.metrics_url, "the metrics of the worker"), (topics, "")]
        else:
            steps += [
                ("claimstream demo --keep", "leaves Kafka, the worker and its metrics running"),
                ("claimstream --help", "everything else"),
            ]
        width = max(len(command) for command, meaning in steps if meaning)
        for command, meaning in steps:
            self._console.print(
                Text(f"  {command:<{width}}", "cyan").append(f"   {meaning}" if meaning else "", "default")
            )
        if keep:
            self._print(f"\nKafka on {addresses.bootstrap} and the worker go on until Ctrl-C.", "bold")
        else:
            self._print()

    def _plainly(self, part: RenderableType) -> None:
        """Print a table for a file: without the blanks that fill its lines."""
        with self._console.capture() as capture:
            self._console.print(part)
        self._print("\n" + "\n".join(line.rstrip() for line in capture.get().splitlines()))

    def interrupted(self) -> None:
        """Say that it was heard."""
        self.close()
        self._print("\nStopping what was started ...")

    def close(self) -> None:
        """Leave the panel as it was drawn last."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _print(self, text: str = "", style: str = "", *, indent: int = 0) -> None:
        """Print a line; one too long for the terminal goes on under its own text."""
        head, rest = text[:indent], text[indent:]
        if not indent or not self._terminal:
            self._console.print(text, style=style)
            return
        for number, part in enumerate(Text(rest).wrap(self._console, max(20, self._console.width - indent))):
            self._console.print((head if number == 0 else " " * indent) + part.plain, style=style)
