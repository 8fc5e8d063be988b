"""`claimstream rekey`: the patient log of one prefix into that of another, under another key, aliases or tenants."""

import asyncio
import signal
from dataclasses import dataclass
from typing import Any

import click

from streams import clock
from streams.cli import EXIT_CLEAN, EXIT_INTERRUPTED, EXIT_USAGE, fail, print_line
from streams.cli.asking import ask, broker_options, settings_and_topics
from streams.cli.audit_text import progress_on
from streams.cli.packs import rules_of
from streams.clients import open_admin, open_consumer, open_producer
from streams.delivery.linear import partitions_of, spans_between
from streams.rekeying import NotRekeyedError, Rekey, Tally, fetch_bytes, last_purges, reached
from streams.replay.run import until_stopped
from streams.settings import Settings
from streams.state.identity import IdentityDiffersError, identity_of, require_identity
from streams.tokens import Tokens
from streams.topic_layout import Topics
from streams.topics import require_topics


def _old_topics(_ctx: click.Context, _param: click.Parameter, given: str) -> Topics:
    try:
        return Topics(given)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command("rekey")
@click.option("--from-prefix", "old", required=True, callback=_old_topics, metavar="OLD",
              help="The prefix to replay from, separator included; empty for none.")  # fmt: skip
@click.option("--rate", type=click.FloatRange(0), default=0, help="Records a second at most. Default: no limit.")
@broker_options
def command(*, old: Topics, rate: float, bootstrap: str | None, prefix: str | None, output: str) -> None:
    """Replay the patient log under the prefix OLD into that of the settings, whose key, aliases and tenants it gets.

    Stop what feeds and works under OLD first, lay the new topics out with `claimstream topics apply`, and start
    workers under the new prefix afterwards: they decide everything anew. What a purge hides stays behind. Stopped with
    Ctrl-C or killed, the same command goes on; run twice, it adds nothing.

    Exit code: 0 done, 2 usage, no key, or a new log that is not for this, 3 no broker, 130 stopped before the end.
    """
    settings, topics = settings_and_topics(bootstrap, prefix)
    if old == topics:
        fail(
            f"the settings say the prefix {old.prefix!r} too; set CLAIMSTREAM_BROKER__PREFIX, or --prefix, to that of "
            "the new log",
            EXIT_USAGE,
        )
    tokens = Tokens(settings.require_token_key(), rules_of(settings).payers, settings.payer_aliases, settings.tenants)
    asked, tally, began = _Asked(settings, old, topics, tokens, rate), Tally(), clock.monotonic()
    refusals = (NotRekeyedError, IdentityDiffersError)
    finished = ask(settings.broker, lambda client: _run(client, asked, tally), refusals=refusals)
    if output == "json":
        names = {"from": old.patient_events, "to": topics.patient_events}
        print_line({"kind": "summary", **names, **tally.as_object(), "finished": finished})
    else:
        _print_report(asked, tally, clock.monotonic() - began)
    if not finished:
        fail("rekey was stopped; the same command goes on with what is left", EXIT_INTERRUPTED)
    raise SystemExit(EXIT_CLEAN)


@dataclass(frozen=True, slots=True)
class _Asked:
    settings: Settings
    old: Topics
    topics: Topics
    tokens: Tokens
    rate: float


async def _run(client: dict[str, Any], asked: _Asked, tally: Tally) -> bool:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return await until_stopped(_copy(client, asked, tally, stop), stop) or False


async def _copy(client: dict[str, Any], asked: _Asked, tally: Tally, stop: asyncio.Event) -> bool:
    """Copy what there is now; False when it was stopped before the end."""
    settings, topics, old_log = asked.settings, asked.topics, asked.old.patient_events
    broker, layout = settings.broker, settings.broker.layout()
    async with open_admin(client) as admin:
        old = (await partitions_of(admin, [old_log]))[old_log]
    await require_topics(broker.bootstrap, topics, layout, client=client)
    async with open_admin(client) as admin:
        new = (await partitions_of(admin, [topics.patient_events]))[topics.patient_events]
    async with open_consumer(client, fetch_bytes=fetch_bytes(len(old))) as consumer:
        spans = await spans_between(consumer, old, None, None)
        written = await spans_between(consumer, new, None, None)
        total = 2 * sum(map(len, spans.values())) + sum(map(len, written.values()))
        with progress_on("rekey", total) as passed:
            so_far = await reached(consumer, written, old_log, passed, stop)
            purges = await last_purges(consumer, spans, passed, stop)
            if stop.is_set():
                return False
            # Before the first record: no worker of other settings may take up what is written.
            await require_identity(client, topics.state_changelog, identity_of(asked.tokens, settings))
            async with open_producer(client) as producer:
                parts = (consumer, producer, topics, layout, asked.tokens, so_far, purges, tally, stop, asked.rate)
                return await Rekey(*parts).run(spans, passed)


def _print_report(asked: _Asked, tally: Tally, seconds: float) -> None:
    click.echo(f"{asked.old.patient_events} → {asked.topics.patient_events}")
    counts = (
        (tally.copied, "copied"),
        (tally.copied_before, "copied before"),
        (tally.purged + tally.purges, "left behind by purges"),
        (tally.foreign, "not of an intake"),
    )
    told = " · ".join(f"{number:,} {what}" for number, what in counts if number) or "nothing to copy"
    click.echo(f"{tally.records:,} records read in {seconds:,.1f} s: {told}")
    if tally.without_source:
        click.echo(
            f"{tally.without_source:,} authorizations and encounters do not say their source, and went to the tenant "
            "of none: they were logged before the log said it"
        )
    for token in sorted(tally.purge_again):
        click.echo(f"was purged since it was copied; purge it here too: claimstream state purge {token} --apply")
