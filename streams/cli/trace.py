"""`claimstream trace`: what became of one claim, by its number."""

from typing import Any

import click

from streams.cli import print_line
from streams.cli.asking import ask, broker_and_topics, options, require_window
from streams.cli.audit_text import progress_on
from streams.cli.trace_text import print_events
from streams.clients import open_consumer
from streams.delivery.trace.run import Asked, follow, pinned
from streams.delivery.trace.steps import Event


@click.command("trace")
@click.argument("claim_id")
@options
def command(
    *, claim_id: str, start_ms: int | None, end_ms: int | None, bootstrap: str | None, prefix: str | None, output: str
) -> None:
    """Follow the claim with this number: received, parsed, decided and revised, dead letters, receipt.

    There is no index: the topics are read from --from to --to. Resubmissions and claims of several senders may share
    a number; each is told apart.

    Exit code: 0, also when there is no such claim, 2 usage, 3 no broker.
    """
    require_window(start_ms, end_ms)
    broker, names = broker_and_topics(bootstrap, prefix)
    asked = Asked(names, claim_id, start_ms, end_ms)
    events = ask(broker, lambda client: _follow(client, asked))
    if output == "text":
        print_events(events, asked)
        return
    for event in events:
        for told in event.as_objects():
            print_line(told)


async def _follow(client: dict[str, Any], asked: Asked) -> list[Event]:
    async with open_consumer(client) as consumer:
        spans = await pinned(consumer, client, asked)
        total = sum(len(span) for of_topic in spans.values() for span in of_topic.values())
        with progress_on("trace", total) as passed:
            return (await follow(consumer, spans, asked, passed)).events()
