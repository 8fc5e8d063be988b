"""`claimstream demo`: embedded Kafka, one worker and a feed of made-up claims, live, with a summary at the end."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Never

import click

from streams.cli import EXIT_CLEAN, EXIT_ENVIRONMENT, fail

EXIT_INTERRUPTED = 130
CLAIMS = 2400
WATCHABLE = 300
"""Claims a second on a terminal: fast enough to impress, slow enough to watch."""


@click.command("demo")
@click.option("--claims", type=click.IntRange(1), default=CLAIMS, show_default=True, help="How many claims are fed.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed feeds the same claims.")
@click.option(
    "--rate",
    type=click.FloatRange(0),
    help=f"Claims a second at most; 0: no limit. Default: {WATCHABLE} on a terminal.",
)
@click.option("--keep", is_flag=True, help="Leave Kafka and the worker running after the summary, until Ctrl-C.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(*, claims: int, seed: int, rate: float | None, keep: bool, output: str) -> None:
    """Start a real Kafka and a worker, feed made-up claims, and show what would be denied, why, and how to fix it.

    Nothing has to be installed or set, and nothing is left behind. With --output json the first line says where
    Kafka and the metrics are, the last one counts what became of every claim, read from the topics.

    Exit code: 0 all accounted for, 2 usage, 3 Kafka or the worker failed or claims were lost, 130 interrupted.
    """
    with _leave_on_signal():
        # Only now: with the libraries loaded a signal is still answered with the right exit code.
        from streams.demo.run import DemoError, Interrupted, Options, run  # noqa: PLC0415
        from streams.demo.screen import JsonScreen, PeopleScreen, Screen  # noqa: PLC0415

        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr] # a terminal without our glyphs
        screen: Screen = JsonScreen() if output == "json" else PeopleScreen(claims)
        if rate is None:
            rate = WATCHABLE if output == "text" and sys.stdout.isatty() else 0
        try:
            lost = run(Options(claims, seed, rate, keep), screen)
        except DemoError as error:
            fail(str(error), EXIT_ENVIRONMENT)
        except Interrupted:
            raise SystemExit(EXIT_INTERRUPTED) from None
    if lost:
        fail(f"{lost} of {claims} claims were neither decided nor put aside: report this defect", EXIT_ENVIRONMENT)
    raise SystemExit(EXIT_CLEAN)


@contextmanager
def _leave_on_signal() -> Iterator[None]:
    """Until the run hears signals itself nothing is started, and leaving is all there is to do."""

    def leave(_number: int, _frame: object) -> Never:
        raise SystemExit(EXIT_INTERRUPTED)

    before = {number: signal.signal(number, leave) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
