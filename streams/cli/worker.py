"""`claimstream worker`: one worker, until it is told to stop."""

import asyncio
import logging
import logging.config
import socket
from typing import Never

import click

from streams import logs
from streams.cli import EXIT_USAGE, fail
from streams.settings import PREFIX, Settings, SettingsError, load_settings
from streams.topics import BrokerUnreachable, Topics, TopicsError, require_topics
from validators.loading import PackError, load_ruleset
from validators.ruleset import Ruleset

log = logging.getLogger(__name__)
RETRY_SECONDS = 5.0


@click.command("worker")
def command() -> None:
    """Read claims from Kafka, decide each, and write it to the topic of its outcome, until SIGINT or SIGTERM.

    Everything is set by CLAIMSTREAM_* variables or claimstream.toml. A broker that cannot be reached is waited for.
    """
    settings = load_settings()
    logging.config.dictConfig(logs.config(settings.log_level))
    key = settings.token_key
    if key is None:
        raise SettingsError(
            f"{PREFIX}TOKEN_KEY_FILE is not set; name a file with a secret key of 32 random bytes for patient tokens"
        )
    try:
        ruleset = load_ruleset(settings.packs)
        asyncio.run(wait_for_topics(settings))
        _require_port(settings)
    except (PackError, TopicsError) as error:
        fail(str(error), EXIT_USAGE)
    _run(settings, ruleset, key)


async def wait_for_topics(settings: Settings) -> None:
    """Return when the broker answers and its topics are as the contract has them.

    Raises TopicsDiffer, with the fix, when they are not.
    """
    broker = settings.broker
    options = broker.client_options()
    while True:
        try:
            await require_topics(broker.bootstrap, Topics(broker.prefix), broker.layout(), client=options)
        except BrokerUnreachable as error:
            log.warning("%s; trying again in %.0f s", error, RETRY_SECONDS)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return


def _require_port(settings: Settings) -> None:
    """Refuse to start when the metrics port is taken: an unseen worker is no use."""
    http = settings.http
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((http.host, http.port))
        except OSError as error:
            raise SettingsError(
                f"{PREFIX}HTTP__PORT {http.port} on {http.host} cannot be listened on ({error.strerror}); "
                "set another port, or 0 for a free one"
            ) from error


def _run(settings: Settings, ruleset: Ruleset, key: bytes) -> Never:
    import faust  # noqa: PLC0415 - costs a second that refusing to start need not take

    from streams.app import build  # noqa: PLC0415 - as above

    parts = build(settings, ruleset, key)
    worker = faust.Worker(
        parts.app,
        parts.endpoint,
        quiet=True,
        loglevel=settings.log_level,
        logging_config=logs.config(settings.log_level),
        redirect_stdouts=False,
    )
    worker.execute_from_commandline()
    raise AssertionError("a Faust worker ends by SystemExit")
