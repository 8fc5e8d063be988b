"""`claimstream replay`: a window of the patient log decided again, and what came out beside what was decided live."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import click

from streams import clock
from streams.cli import EXIT_INTERRUPTED, EXIT_USAGE, fail
from streams.cli.asking import ask
from streams.cli.packs import rules_of
from streams.cli.replay_text import print_comparison, print_totals, progress_on
from streams.clients import open_consumer, open_producer
from streams.deciding import Decider
from streams.replay.compare import Comparison, as_objects, compare, live_topics
from streams.replay.job import Asked, Job, JobRefusedError, JobTopics, open_job, outcome_topics, require_job
from streams.replay.outputs import Totals, totals
from streams.replay.run import Replay, remaining, until_stopped
from streams.replay.window import Bound
from streams.settings import Settings, load_settings
from streams.topic_layout import Topics
from validators.ruleset import Ruleset

_REFUSALS = (JobRefusedError,)
_OUTPUT = click.option("--output", type=click.Choice(["text", "json"]), default="text", help="json: one object a line")
_JOB = click.option("--job", "name", required=True, help="Letters, digits, hyphens, underscores; names its topics.")


@click.group("replay")
def command() -> None:
    """Decide a window of the patient log again, on the worker's own path; live topics and groups stay untouched."""


def _bound(_ctx: click.Context, _param: click.Parameter, given: str) -> Bound:
    try:
        return Bound.read(given)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@command.command("run")
@_JOB
@click.option("--from", "source", metavar="TOPIC", help="Full name of a patient log. Default: claims.patient-events.")
@click.option("--start", required=True, callback=_bound, help="An RFC 3339 instant or offset:N of each partition.")
@click.option("--end", required=True, callback=_bound, help="As --start, itself not in the window; later: up to now.")
@click.option(
    "--ruleset",
    "packs",
    type=click.Path(path_type=Path),
    help="A folder of packs laid over the built-in ones, instead of CLAIMSTREAM_PACKS.",
)
@click.option("--rate", type=click.FloatRange(0), default=0, help="Claims a second at most. Default: no limit.")
@_OUTPUT
def run_command(
    *, name: str, source: str | None, start: Bound, end: Bound, packs: Path | None, rate: float, output: str
) -> None:
    """Begin a job, or go on with it: what it has done is not done again.

    The decisions go to claims.replay.JOB.accepted, .flagged and .denied-risk. Ctrl-C stops it; the same command goes
    on where it was, and refuses to under another window or ruleset.

    Exit code: 0 the window is done, 2 usage, 3 no broker, 130 stopped before the end.
    """
    settings = load_settings(**({"packs": packs} if packs else {}))
    topics = _topics(settings, name)
    if start.after(end):
        fail(f"--start {start} lies after --end {end}; exchange them", EXIT_USAGE)
    ruleset = rules_of(settings)
    asked = Asked(source or Topics(settings.broker.prefix).patient_events, start, end, ruleset.version)
    outcome = ask(settings.broker, lambda client: _run(topics, asked, ruleset, rate, client), refusals=_REFUSALS)
    if outcome is None:
        fail(f"job {name} was stopped; the same command goes on where it was", EXIT_INTERRUPTED)
    done, seconds, skipped = outcome
    if output == "json":
        click.echo(json.dumps({"job": name, **done.as_object(), "skipped": skipped, "seconds": round(seconds, 1)}))
    else:
        print_totals(topics, done, seconds, skipped)


async def _run(
    topics: JobTopics, asked: Asked, ruleset: Ruleset, rate: float, client: dict[str, Any]
) -> tuple[Totals, float, int] | None:
    """Run the job; its totals, seconds and skipped records, or None when it was stopped."""
    began, stop = clock.monotonic(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    async def work() -> tuple[Totals, float, int] | None:
        async with open_consumer(client, topics.group) as consumer, open_producer(client) as producer:
            job = await open_job(consumer, producer, topics, asked, client)
            with progress_on(job.positions, topics.job) as progress:
                replay = Replay(job, topics, Decider(ruleset), consumer, producer, progress, rate, stop)
                if not await replay.run():
                    return None
            counted = await totals(consumer, outcome_topics(topics), len(job.spans))
        return counted, clock.monotonic() - began, replay.skipped

    return await until_stopped(work(), stop)


@command.command("status")
@_JOB
@_OUTPUT
def status_command(*, name: str, output: str) -> None:
    """Say what a job replays and how far it has come."""
    settings = load_settings()
    topics = _topics(settings, name)
    job, left = ask(settings.broker, lambda client: _status(topics, client), refusals=_REFUSALS)
    if output == "json":
        asked = {"job": name, "source": job.source, "start": job.start, "end": job.end}
        came = {"positions": job.positions, "left": left, "finished": not left}
        click.echo(json.dumps(asked | {"ruleset": job.ruleset.model_dump(mode="json")} | came))
        return
    click.echo(f"job {name}: {job.source} from {job.start} to {job.end}, rules {job.ruleset.version}")
    click.echo("finished" if not left else f"{job.positions - left:,} of {job.positions:,} records done")


async def _status(topics: JobTopics, client: dict[str, Any]) -> tuple[Job, int]:
    async with open_consumer(client, topics.group) as consumer:
        job = await require_job(consumer, topics)
        return job, sum(map(len, (await remaining(consumer, job)).values()))


@command.command("compare")
@_JOB
@click.option("--limit", type=click.IntRange(0), default=5, show_default=True, help="Examples, the smallest first.")
@_OUTPUT
def compare_command(*, name: str, limit: int, output: str) -> None:
    """Compare a job's decisions with those made live about the same events, each with its highest revision."""
    settings = load_settings()
    topics = _topics(settings, name)
    job, left = ask(settings.broker, lambda client: _status(topics, client), refusals=_REFUSALS)

    async def compared(client: dict[str, Any]) -> Comparison:
        async with open_consumer(client) as consumer:
            return await compare(consumer, job, topics, live_topics(job, settings.broker.prefix), limit)

    comparison = ask(settings.broker, compared, refusals=_REFUSALS)
    if output == "json":
        for each in as_objects(comparison, name, finished=not left):
            click.echo(json.dumps(each))
    else:
        print_comparison(comparison, name, job, finished=not left)


def _topics(settings: Settings, name: str) -> JobTopics:
    try:
        return JobTopics(settings.broker.prefix, name)
    except ValueError as error:
        fail(str(error), EXIT_USAGE)
