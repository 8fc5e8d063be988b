"""`claimstream audit`: the proof that no claim is lost, made from the topics alone."""

from pathlib import Path
from typing import Any

import click

from streams import clock
from streams.cli import EXIT_CLEAN, EXIT_ENVIRONMENT, EXIT_FINDINGS, fail, print_line
from streams.cli.asking import ask, broker_and_topics, options, require_window
from streams.cli.audit_text import print_account, progress_on
from streams.clients import open_consumer
from streams.delivery.audit.account import Account
from streams.delivery.audit.run import Asked, Window, conserve, open_window


@click.group("audit")
def command() -> None:
    """Prove from the topics alone what became of everything that was received."""


@command.command("conserve")
@options
@click.option(
    "--limit", type=click.IntRange(0), default=100, show_default=True, help="Findings shown; all are counted."
)
@click.option(
    "--metrics-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write claims_unaccounted_records here, for a node exporter's textfile collector.",
)
def conserve_command(
    *,
    start_ms: int | None,
    end_ms: int | None,
    bootstrap: str | None,
    prefix: str | None,
    output: str,
    limit: int,
    metrics_file: Path | None,
) -> None:
    """Account for every item of the records received between --from and --to.

    Manifests, the log, decisions and dead letters are each read once and joined; no consumer group is touched. What
    the worker has not committed yet is in progress, not lost.

    Exit code: 0 all is accounted for, 1 something is lost or told twice differently, 2 usage, 3 no broker.
    """
    require_window(start_ms, end_ms)
    broker, names = broker_and_topics(bootstrap, prefix)
    asked = Asked(names, f"{broker.prefix}{broker.group}", start_ms, end_ms, limit)
    began = clock.monotonic()
    window, account = ask(broker, lambda client: _conserve(client, asked))
    for warning in window.warnings:
        click.echo(f"claimstream: {warning}", err=True)
    if output == "json":
        for found in account.examples:
            print_line(found.as_object())
        print_line({"kind": "summary", **account.as_object(), "warnings": list(window.warnings)})
    else:
        print_account(account, asked, window.records, clock.monotonic() - began)
    if metrics_file is not None:
        _write_metrics(metrics_file, account)
    raise SystemExit(EXIT_FINDINGS if account.unaccounted or account.contradictory else EXIT_CLEAN)


async def _conserve(client: dict[str, Any], asked: Asked) -> tuple[Window, Account]:
    async with open_consumer(client) as consumer:
        window = await open_window(consumer, client, asked)
        with progress_on("audit", window.records) as passed:
            return window, await conserve(consumer, window, asked, passed)


def _write_metrics(file: Path, account: Account) -> None:
    from prometheus_client import CollectorRegistry, Gauge, write_to_textfile  # noqa: PLC0415 - few ask for it

    registry = CollectorRegistry()
    words = "Records, claims, facts and rejections that the last audit could not account for."
    Gauge("claims_unaccounted_records", words, registry=registry).set(account.unaccounted)
    try:
        write_to_textfile(str(file), registry)  # under another name first, then renamed
    except OSError as error:
        fail(f"{file} cannot be written ({error.strerror}); name a file in a folder that can be", EXIT_ENVIRONMENT)
