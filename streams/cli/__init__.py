"""The command line: one file a command, loaded when it is called, so that `check` starts without Faust.

Exit codes: 0 clean, 1 findings (only the commands that say so), 2 usage or configuration, 3 environment.
"""

import contextlib
import importlib
import json
import os
import sys
from typing import Any, Never

import click

COMMANDS = {
    "audit": "account for every received item: manifests, outcomes and dead letters joined",
    "check": "read files of claims and say what would be denied; no broker",
    "demo": "embedded Kafka, a worker and a feed of sample claims, live",
    "feed": "send files of claims into the stream, each once, large ones in parts",
    "redrive": "send dead letters again once their cause is mended, each once",
    "rekey": "replay the patient log into a new prefix, under another key, aliases or tenants",
    "replay": "decide a window of the patient log again, into topics of its own",
    "rules": "see the rules, test them, try a new one before it counts, or begin one",
    "state": "see what is kept of patients, recount it from the log, forget a patient",
    "topics": "plan, apply or check the topic layout of a broker",
    "trace": "follow a claim by its number: received, parsed, decided, receipt",
    "worker": "read claims from Kafka and decide them",
}
EXIT_CLEAN, EXIT_FINDINGS, EXIT_USAGE, EXIT_ENVIRONMENT = range(4)
EXIT_INTERRUPTED = 130  # what shells say of a command that ended by Ctrl-C; 1 would claim findings


class _Commands(click.Group):
    """Commands by name; the module `streams.cli.<name>` holds each as `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"streams.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; trouble that is foreseen ends with one sentence and the contract's exit code."""
        from streams.settings import SettingsError  # noqa: PLC0415 - `claimstream --help` needs no settings

        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except SettingsError as error:
            fail(str(error), EXIT_USAGE)
        except KeyboardInterrupt:
            raise SystemExit(EXIT_INTERRUPTED) from None
        except BrokenPipeError:
            # Whoever read us has seen enough (`| head`). What is still buffered must not fail once more at the end.
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(EXIT_CLEAN) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="claimstream")
def cli() -> None:
    """Validate spinal epidural injection claims, from files or from a live feed."""


def fail(sentence: str, code: int) -> Never:
    """End the command with one sentence on stderr."""
    click.echo(f"claimstream: {sentence}", err=True)
    raise SystemExit(code)


def print_line(told: dict[str, Any]) -> None:
    """One JSON line."""
    click.echo(json.dumps(told, ensure_ascii=False))


def main() -> None:
    """Run `claimstream`."""
    from streams import logs  # noqa: PLC0415 - nobody else who imports this module is to be changed by it

    logs.hide_values_in_reports()
    cli.main(prog_name="claimstream")
