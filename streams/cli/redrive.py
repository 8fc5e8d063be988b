"""`claimstream redrive`: dead letters back to where they came from, once their cause is mended."""

import asyncio
import logging
import shlex
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import click

from schemas.rejection import REJECTION_CODES
from streams.cli import EXIT_CLEAN, EXIT_ENVIRONMENT, EXIT_INTERRUPTED, EXIT_USAGE, fail
from streams.cli.redrive_text import print_lines, print_report, progress_on
from streams.delivery.letters import Choice, Route, Tally, UnknownTopicNameError
from streams.delivery.marks import create_marks
from streams.delivery.redrive import LATEST, FencedError, Redrive, letters_within, open_producer
from streams.replay.broker import UnknownTopicError, open_consumer, trouble_told
from streams.replay.window import Bound
from streams.settings import Settings, SettingsError, load_settings
from streams.topic_layout import Topics
from streams.topics import TopicsDiffer, TopicsError


def _instant(_ctx: click.Context, _param: click.Parameter, given: str | None) -> Bound | None:
    try:
        bound = None if given is None else Bound.read(given)
    except ValueError:
        bound = Bound(offset=0)
    if bound is not None and bound.instant_ms is None:
        raise click.BadParameter(f"{given!r} is no instant; write it like 2026-06-15T00:00:00Z")
    return bound


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
@click.option("--from", "start", callback=_instant, metavar="INSTANT", help="Only what was put aside from then on.")
@click.option("--to", "end", callback=_instant, metavar="INSTANT", help="Only what was put aside before then.")
@click.option("--attempts-max", type=click.IntRange(0), default=0, help="Only what failed at most so often.")
@click.option("--rate", type=click.FloatRange(0), default=0, help="Letters a second at most. Default: no limit.")
@click.option("--limit", type=click.IntRange(0), default=2, show_default=True, help="Examples of each code and source.")
@click.option("--bootstrap", help="host:port of a broker, several comma separated.")
@click.option("--prefix", help="Stands before every topic name, separator included.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", help="json: one object a line")
def command(
    *,
    topic: str,
    apply: bool,
    codes: tuple[str, ...],
    sources: tuple[str, ...],
    start: Bound | None,
    end: Bound | None,
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
    flags = {name: given for name, given in (("bootstrap", bootstrap), ("prefix", prefix)) if given is not None}
    settings = load_settings(**({"broker": flags} if flags else {}))
    route = _route(settings, topic)
    if sources and route.target != Topics(settings.broker.prefix).received:
        fail(f"--source: the letters of {topic} do not name a source; choose by --code, --from, --to", EXIT_USAGE)
    first, last = start or Bound(offset=0), end or LATEST
    if first.after(last):
        fail(f"--from {first} lies after --to {last}; exchange them", EXIT_USAGE)
    # What goes wrong with the broker is said here, in a sentence; its client would say it many times, and leave futures
    # behind for asyncio to complain about.
    for name in ("aiokafka", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    asked = Asked(route, Choice(codes, sources, attempts_max), first, last, rate, apply)
    tally = Tally(limit)
    finished = _run_to_exit_code(settings, asked, tally)
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
        if option.name not in ("limit", "output") and given != option.default:
            several = given if isinstance(given, tuple) else (given,)
            words += [f"{option.opts[0]} {shlex.quote(str(each))}" for each in several if each is not None]
    return " ".join(words)


def _route(settings: Settings, topic: str) -> Route:
    try:
        return Route.of(topic, Topics(settings.broker.prefix))
    except UnknownTopicNameError as error:
        fail(str(error), EXIT_USAGE)
    except ValueError as error:
        raise SettingsError(f"the broker settings cannot be used: {error}") from error


def _run_to_exit_code(settings: Settings, asked: Asked, tally: Tally) -> bool:
    """Do it; trouble ends the command with the contract's exit code."""
    try:
        with trouble_told(settings.broker.bootstrap):
            return asyncio.run(_run(settings, asked, tally))
    except (UnknownTopicError, TopicsDiffer) as error:
        fail(str(error), EXIT_USAGE)
    except (FencedError, TopicsError) as error:
        fail(str(error), EXIT_ENVIRONMENT)


async def _run(settings: Settings, asked: Asked, tally: Tally) -> bool:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    client, names = settings.broker.client_options(), Topics(settings.broker.prefix)
    limits = {each.name: int(each.config["max.message.bytes"]) for each in settings.broker.layout().topics(names)}
    route = asked.route
    async with open_consumer(client) as consumer:
        spans = await letters_within(consumer, client, route, asked.start, asked.end)
        # The producer comes before the marks are read: whoever redrove this topic so far can mark nothing more then.
        async with _producer_of(client, asked) as producer:
            with progress_on(sum(map(len, spans)), route.letters) as progress:
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
