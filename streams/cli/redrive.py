"""`claimstream redrive`: dead letters back to where they came from, once their cause is mended."""

import asyncio
import shlex
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import click

from schemas.rejection import REJECTION_CODES
from streams.broker_settings import BrokerSettings
from streams.cli import EXIT_CLEAN, EXIT_ENVIRONMENT, EXIT_INTERRUPTED, EXIT_USAGE, fail
from streams.cli.asking import ask, broker_and_topics, options, require_window
from streams.cli.redrive_text import print_lines, print_report, progress_on
from streams.clients import open_consumer
from streams.delivery.redrive.letters import Choice, Route, Tally, UnknownTopicNameError
from streams.delivery.redrive.marks import create_marks
from streams.delivery.redrive.run import LATEST, Redrive, letters_within, open_producer
from streams.replay.window import Bound
from streams.topic_layout import Topics


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command was asked for."""

    route: Route
    choice: Choice
    start: Bound
    end: Bound
    rate: float
    apply: bool


@click.command("redrive")
@click.argument("topic")
@click.option("--apply", is_flag=True, help="Send them. Without it nothing is sent, only said.")
@click.option("--code", "codes", type=click.Choice(REJECTION_CODES), metavar="CODE", multiple=True,
              help="Only letters of this code; several times for several.")  # fmt: skip
@click.option("--source", "sources", multiple=True, help="Only letters of this source; several times for several.")
@click.option("--attempts-max", type=click.IntRange(0), default=0, help="Only what failed at most so often.")
@click.option("--rate", type=click.FloatRange(0), default=0, help="Letters a second at most. Default: no limit.")
@click.option("--limit", type=click.IntRange(0), default=2, show_default=True, help="Examples of each code and source.")
@options
def command(
    *,
    topic: str,
    apply: bool,
    codes: tuple[str, ...],
    sources: tuple[str, ...],
    start_ms: int | None,
    end_ms: int | None,
    attempts_max: int,
    rate: float,
    limit: int,
    bootstrap: str | None,
    prefix: str | None,
    output: str,
) -> None:
    """Send the dead letters of TOPIC to where they came from, once what was wrong is mended.

    TOPIC is the full name, claims.received-dlt or claims.patient-events-dlt behind the prefix. Each letter is sent
    once, however often this runs: stopped with Ctrl-C or killed, the same command goes on. What fails again comes back
    as a new letter, with one attempt more. Instants are RFC 3339.

    Exit code: 0 nothing is left to send (or to say), 2 usage, 3 no broker, another redrive took over, or a letter is
    too large to be sent, 130 stopped before the end.
    """
    require_window(start_ms, end_ms)
    broker, names = broker_and_topics(bootstrap, prefix)
    route = _route(names, topic)
    if sources and route.target != names.received:
        fail(f"--source: the letters of {topic} do not name a source; choose by --code, --from, --to", EXIT_USAGE)
    first = Bound(offset=0) if start_ms is None else Bound(instant_ms=start_ms)
    last = LATEST if end_ms is None else Bound(instant_ms=end_ms)
    asked = Asked(route, Choice(codes, sources, attempts_max), first, last, rate, apply)
    tally = Tally(limit)
    finished = ask(broker, lambda client: _run(broker, client, asked, tally))
    if output == "json":
        print_lines(route, tally, applied=apply, finished=finished)
    else:
        print_report(route, tally, applied=apply, finished=finished, typed=_typed(click.get_current_context()))
    if not finished:
        fail("redrive was stopped; the same command goes on with what is left", EXIT_INTERRUPTED)
    raise SystemExit(EXIT_ENVIRONMENT if tally.too_large else EXIT_CLEAN)


def _typed(ctx: click.Context) -> str:
    """The command as it was typed, but for what only shapes what is shown, and without --apply."""
    words = ["claimstream redrive", ctx.params["topic"]]
    for option in ctx.command.params[2:]:
        given = ctx.params[option.name or ""]
        if option.name in ("start_ms", "end_ms") and given is not None:
            given = Bound(instant_ms=given)
        if option.name not in ("limit", "output") and given != option.default:
            several = given if isinstance(given, tuple) else (given,)
            words += [f"{option.opts[0]} {shlex.quote(str(each))}" for each in several if each is not None]
    return " ".join(words)


def _route(names: Topics, topic: str) -> Route:
    try:
        return Route.of(topic, names)
    except UnknownTopicNameError as error:
        fail(str(error), EXIT_USAGE)


async def _run(broker: BrokerSettings, client: dict[str, Any], asked: Asked, tally: Tally) -> bool:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    names = Topics(broker.prefix)
    limits = {each.name: int(each.config["max.message.bytes"]) for each in broker.layout().topics(names)}
    route = asked.route
    async with open_consumer(client) as consumer:
        spans = await letters_within(consumer, client, route, asked.start, asked.end)
        # The producer comes before the marks are read: whoever redrove this topic so far can mark nothing more then.
        async with _producer_of(client, asked) as producer:
            with progress_on(sum(map(len, spans.values())), route.letters) as progress:
                parts = (route, asked.choice, consumer, client, stop, tally, progress, limits[route.target])
                return await Redrive(*parts, producer, asked.rate).run(spans)


@asynccontextmanager
async def _producer_of(client: dict[str, Any], asked: Asked) -> AsyncIterator[Any]:
    """A producer where letters are to be sent, else None."""
    if not asked.apply:
        yield None
        return
    await create_marks(client, asked.route)
    async with open_producer(client, asked.route) as producer:
        yield producer
