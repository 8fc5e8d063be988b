"""What the commands that ask a broker have in common: their options, and what they say when it cannot be asked."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import click

from streams.broker_settings import BrokerSettings
from streams.cli import EXIT_ENVIRONMENT, EXIT_USAGE, fail
from streams.clients import UnknownTopicError, trouble_told
from streams.replay.window import Bound
from streams.settings import Settings, load_settings
from streams.topic_layout import Topics
from streams.topics import TopicsDiffer, TopicsError

T = TypeVar("T")


def _instant(_ctx: click.Context, _param: click.Parameter, given: str | None) -> int | None:
    """Milliseconds since the epoch of an RFC 3339 instant."""
    if given is None:
        return None
    try:
        at = Bound.read(given).instant_ms
    except ValueError:
        at = None
    if at is None:
        raise click.BadParameter(f"{given!r} is no instant; write it like 2026-06-15T00:00:00Z")
    return at


def options(function: Callable[..., None]) -> Callable[..., None]:
    """The window, the broker and the form of the output."""
    function = broker_options(function)
    for option in (
        click.option(
            "--to", "end_ms", callback=_instant, metavar="INSTANT", help="Up to here, itself not in it. Default: now."
        ),
        click.option(
            "--from", "start_ms", callback=_instant, metavar="INSTANT", help="Broker time. Default: the beginning."
        ),
    ):
        function = option(function)
    return function


def broker_options(function: Callable[..., None]) -> Callable[..., None]:
    """The broker and the form of the output."""
    for option in (
        click.option("--output", type=click.Choice(["text", "json"]), default="text", help="json: one object a line."),
        click.option("--prefix", help="Stands before every topic name, separator included."),
        click.option("--bootstrap", help="host:port of a broker, several comma separated."),
    ):
        function = option(function)
    return function


def require_window(start_ms: int | None, end_ms: int | None) -> None:
    """End with exit code 2 when the window ends before it begins."""
    if start_ms is not None and end_ms is not None and start_ms > end_ms:
        fail(
            f"--from {Bound(instant_ms=start_ms)} lies after --to {Bound(instant_ms=end_ms)}; exchange them", EXIT_USAGE
        )


def window_in_words(start_ms: int | None, end_ms: int | None) -> str:
    """What was looked at, for a person."""
    since = "the beginning" if start_ms is None else str(Bound(instant_ms=start_ms))
    return f"{since} … {'now' if end_ms is None else Bound(instant_ms=end_ms)}"


def broker_and_topics(bootstrap: str | None, prefix: str | None) -> tuple[BrokerSettings, Topics]:
    """The effective settings of the broker, flags first."""
    settings, topics = settings_and_topics(bootstrap, prefix)
    return settings.broker, topics


def settings_and_topics(bootstrap: str | None, prefix: str | None) -> tuple[Settings, Topics]:
    """The effective settings, flags first."""
    flags = {name: given for name, given in (("bootstrap", bootstrap), ("prefix", prefix)) if given is not None}
    settings = load_settings(**({"broker": flags} if flags else {}))
    try:
        return settings, Topics(settings.broker.prefix)
    except ValueError as error:
        fail(f"the broker settings cannot be used: {error}", EXIT_USAGE)


def ask(
    broker: BrokerSettings,
    operation: Callable[[dict[str, Any]], Coroutine[Any, Any, T]],
    *,
    refusals: tuple[type[Exception], ...] = (),
) -> T:
    """Run one operation with the options of a client; trouble ends the command with the contract's exit code.

    `refusals` are the operation's own exceptions for what cannot be asked of it, in a sentence.
    """
    client = broker.client_options()
    # What goes wrong with the broker is said here, in a sentence; its client would say it many times, and leave futures
    # behind for asyncio to complain about.
    for name in ("aiokafka", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    usage: tuple[type[Exception], ...] = (UnknownTopicError, TopicsDiffer, *refusals)
    try:
        with trouble_told(broker.bootstrap, client):
            return asyncio.run(operation(client))
    except usage as error:
        fail(str(error), EXIT_USAGE)
    except TopicsError as error:
        fail(str(error), EXIT_ENVIRONMENT)
