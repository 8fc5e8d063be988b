"""`claimstream worker`: one worker, or several under one parent, until it is told to stop."""

import asyncio
import logging
import logging.config
import os
import signal
import socket
from typing import Any, Never

import click

from streams import logs
from streams.cli import EXIT_ENVIRONMENT, EXIT_USAGE, fail
from streams.settings import PREFIX, Settings, SettingsError, load_settings
from streams.supervisor import child
from streams.tokens import Tokens
from streams.topics import BrokerRefused, BrokerUnreachable, Topics, TopicsError, require_group, require_topics
from validators.loading import load_ruleset
from validators.pack import PackError
from validators.ruleset import Ruleset

log = logging.getLogger(__name__)
RETRY_SECONDS = 5.0
EXIT_FAILURE_OF_MODE = 1


@click.command("worker")
@click.option(
    "--processes",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Worker processes behind one endpoint, at best one per core.",
)
@click.option(child.OPTION, "number", type=int, hidden=True)  # what a parent starts its processes with
def command(processes: int, number: int | None) -> None:
    """Read claims from Kafka, decide each, and write it to the topic of its outcome, until SIGINT or SIGTERM.

    Everything is set by CLAIMSTREAM_* variables or claimstream.toml. A broker that cannot be reached is waited for;
    one that lets us in with no password or certificate of ours is not.
    """
    if number is not None:
        child.follow_parent()
    settings = load_settings()
    if number is not None:
        settings = settings.model_copy(update={"broker": settings.broker.as_process(number)})
    _require_partitions(settings, processes)
    logging.config.dictConfig(_logging_config(settings, number))
    key = settings.require_token_key()
    try:
        ruleset = load_ruleset(settings.packs)
        tokens = Tokens(key, ruleset.payers, settings.payer_aliases, settings.tenants)
        asyncio.run(wait_for_topics(settings, tokens))
        _require_port(settings)
    except BrokerRefused as error:  # a password or certificate that is not accepted does not mend by waiting
        fail(str(error), EXIT_ENVIRONMENT)
    except (PackError, TopicsError) as error:
        fail(str(error), EXIT_USAGE)
    if processes > 1:
        _run_several(settings, ruleset, processes)
    _run(settings, ruleset, key, number)


async def wait_for_topics(settings: Settings, tokens: Tokens) -> None:
    """Return when the broker answers, its topics are as the contract has them, and the state in them is ours.

    Raises TopicsDiffer or IdentityDiffersError, with the fix, when they are not.
    """
    from streams.clients import trouble_told  # noqa: PLC0415 - clients of Kafka, as below
    from streams.state.identity import identity_of, require_identity  # noqa: PLC0415 - as above

    broker, topics = settings.broker, Topics(settings.broker.prefix)
    options = broker.client_options()
    while True:
        try:
            await require_topics(broker.bootstrap, topics, broker.layout(), client=options)
            await require_group(broker.bootstrap, f"{broker.prefix}{broker.group}", client=options)
            with trouble_told(broker.bootstrap):
                await require_identity(options, topics.state_changelog, identity_of(tokens, settings))
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


def _require_partitions(settings: Settings, processes: int) -> None:
    """Refuse processes that would never be given anything to read, and so never be ready."""
    partitions = settings.broker.partitions + settings.broker.received_partitions
    if processes > partitions:
        raise SettingsError(
            f"--processes {processes} is more than the {partitions} partitions there are to read; "
            f"start at most {partitions}, or lay the topics out with more"
        )


def _run_several(settings: Settings, ruleset: Ruleset, processes: int) -> Never:
    from streams.health import versions  # noqa: PLC0415 - as below
    from streams.supervisor.parent import Supervisor  # noqa: PLC0415 - as below

    supervisor = Supervisor(processes, versions(ruleset))
    raise SystemExit(asyncio.run(supervisor.run(settings.http.host, settings.http.port)))


def _run(settings: Settings, ruleset: Ruleset, key: bytes, number: int | None) -> Never:
    from streams.app import build  # noqa: PLC0415 - costs a second that refusing to start need not take
    from streams.chunks.worker import DiscreetWorker  # noqa: PLC0415 - as above

    parts = build(settings, ruleset, key)
    if number is not None:
        parts.endpoint.on_listening = child.report
    worker = DiscreetWorker(
        parts.app,
        parts.endpoint,
        parts.topic_watch,
        quiet=True,
        loglevel=settings.log_level,
        logging_config=_logging_config(settings, number),
        redirect_stdouts=False,
    )
    run_to_end(worker, parts.app)


def run_to_end(worker: Any, app: Any) -> Never:
    """Run a Faust worker until it is told to stop or its app ends it; raises SystemExit.

    A crash ends with 70: the 1 Faust has for it says "findings" here.
    """
    from streams.chunks import EXIT_STOPPED_HARD  # noqa: PLC0415 - as above

    # As if an operator stopped it: delivery ends in good order, and only then the process.
    app.on_end = lambda: os.kill(os.getpid(), signal.SIGTERM)
    try:
        worker.execute_from_commandline()
    except SystemExit as ended:
        code = EXIT_STOPPED_HARD if ended.code == EXIT_FAILURE_OF_MODE else ended.code
        raise SystemExit(app.exit_code or code) from None
    raise AssertionError("a Faust worker ends by SystemExit")


def _logging_config(settings: Settings, number: int | None) -> dict[str, Any]:
    return logs.config(settings.log_level) if number is None else child.logging_config(settings.log_level, number)
