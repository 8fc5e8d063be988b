"""`claimstream feed`: files into the stream, each once, large ones in parts."""

import asyncio
import logging
from contextlib import closing
from datetime import datetime

import click
from aiokafka.errors import KafkaError

from streams.cli import EXIT_CLEAN, EXIT_ENVIRONMENT, EXIT_USAGE, fail
from streams.cli.feed_output import Screen
from streams.feeding.feed import Fed, Feed, Options
from streams.feeding.journal import JournalError, open_journal, state_folder
from streams.feeding.sending import Sender, open_producer
from streams.intake.files import InputFile, UnreadableFileError, expand
from streams.settings import PREFIX, Settings, SettingsError, load_settings
from streams.topics import Topics, TopicsError, look_at


class TopicMissingError(Exception):
    """The broker has no topic to feed into: one sentence with the fix."""


@click.command("feed")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--source", help="Who the claims come from; one of CLAIMSTREAM_SOURCES where that is set.")
@click.option("--received-on", type=click.DateTime(["%Y-%m-%d"]), help="The day of receipt where the claim has none.")
@click.option("--rate", type=click.FloatRange(0), default=0, help="Claims a second at most. Default: no limit.")
@click.option("--again", is_flag=True, help="Feed what was fed already once more.")
@click.option("--bootstrap", help="host:port of a broker, several comma separated.")
@click.option("--prefix", help="Stands before every topic name, separator included.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", help="json: one object a file.")
def command(
    *,
    files: tuple[str, ...],
    source: str | None,
    received_on: datetime | None,
    rate: float,
    again: bool,
    bootstrap: str | None,
    prefix: str | None,
    output: str,
) -> None:
    """Send files of claims (837P, JSON; files, folders, globs or -) into the stream of a broker.

    Large X12 files are sent in parts. A file is known by its content and sent once; stopped with Ctrl-C or killed,
    the same command goes on where the broker had it.

    Exit code: 0 all is sent, 2 usage or a topic is missing, 3 no broker answers or a file cannot be read or sent.
    """
    flags = {name: given for name, given in (("bootstrap", bootstrap), ("prefix", prefix)) if given is not None}
    settings = load_settings(**({"broker": flags} if flags else {}))
    _require_source(settings, source)
    # What goes wrong with the broker is said here, in a sentence; its client would say it many times.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    options = Options(source, received_on.date() if received_on else None, again)
    try:
        inputs = expand(files)
        if not inputs:
            click.echo("claimstream: no file was named and no folder holds any; nothing is fed", err=True)
        with closing(Screen(inputs, json_lines=output == "json")) as screen:
            done = asyncio.run(_run(settings, inputs, options, rate, screen))
            screen.total(done)
    except TopicMissingError as error:
        fail(str(error), EXIT_USAGE)
    except (TopicsError, JournalError, UnreadableFileError) as error:
        fail(str(error), EXIT_ENVIRONMENT)
    except KafkaError as error:
        fail(_broken_off(settings, error), EXIT_ENVIRONMENT)
    raise SystemExit(EXIT_ENVIRONMENT if any(fed.unsent for fed in done) else EXIT_CLEAN)


def _require_source(settings: Settings, source: str | None) -> None:
    """Refuse a source that intake would take for the default one, or that is no name."""
    if source is None:
        return
    if not source or not source.isprintable():
        raise SettingsError("--source is no name; use letters, digits and hyphens")
    if settings.sources and source not in settings.sources:
        raise SettingsError(
            f"--source {source} is none of {PREFIX}SOURCES ({', '.join(settings.sources)}); name one of them or add it"
        )


async def _run(settings: Settings, files: list[InputFile], options: Options, rate: float, screen: Screen) -> list[Fed]:
    client = settings.broker.client_options()
    try:
        topic = Topics(settings.broker.prefix).received
    except ValueError as error:
        raise SettingsError(f"the broker settings cannot be used: {error}") from error
    broker = await look_at(settings.broker.bootstrap, client=client)
    if topic not in broker.topics:
        raise TopicMissingError(
            f"the Kafka broker at {settings.broker.bootstrap} has no topic {topic}; "
            "create it with `claimstream topics apply`, or correct the prefix"
        )
    folder = settings.state.dir or state_folder()
    with open_journal(folder, broker.cluster_id, topic) as journal:
        async with open_producer(client) as producer:
            return await Feed(options, Sender(producer, topic, rate=rate), journal, screen).files(files)


def _broken_off(settings: Settings, error: KafkaError) -> str:
    return (
        f"the Kafka broker at {settings.broker.bootstrap} took no more ({type(error).__name__}); "
        "look at its log, then run the same command again: it goes on from here"
    )
