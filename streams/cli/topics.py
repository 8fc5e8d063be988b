"""`claimstream topics`: the topic layout of the contract against a broker."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import asdict, replace
from typing import Any, TypeVar

import click

from streams.cli import EXIT_CLEAN, EXIT_ENVIRONMENT, EXIT_FINDINGS, EXIT_USAGE, fail
from streams.settings import load_settings
from streams.topics import Step, Topics, TopicsError, apply_topics, check_topics, plan

DAY_MS = 86_400_000
MIB = 1024 * 1024
T = TypeVar("T")


def _options(function: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--output", type=click.Choice(["text", "json"]), default="text", help="json: one object a line"),
        click.option("--replication-factor", type=click.IntRange(-1), default=-1, help="-1: the broker's default"),
        click.option("--prefix", help="stands before every topic name, separator included"),
        click.option("--bootstrap", help="host:port of a broker, several comma separated"),
    ):
        function = option(function)
    return function


def _ask(
    operation: Callable[..., Coroutine[Any, Any, T]], bootstrap: str | None, prefix: str | None, replication_factor: int
) -> T:
    """Run one operation with the effective settings; trouble ends the command with the contract's exit code."""
    flags = {"bootstrap": bootstrap, "prefix": prefix}
    broker = load_settings(broker={name: value for name, value in flags.items() if value is not None}).broker
    layout = replace(broker.layout(), replication_factor=replication_factor)
    client = broker.client_options()
    try:
        return asyncio.run(operation(broker.bootstrap, Topics(broker.prefix), layout, client=client))
    except TopicsError as error:
        fail(str(error), EXIT_ENVIRONMENT)
    except ValueError as error:  # a prefix or an address that cannot be one
        fail(f"the broker settings cannot be used: {error}", EXIT_USAGE)


@click.group("topics")
def command() -> None:
    """Plan, apply or check the topic layout of a broker. Nothing that exists is ever altered."""


@command.command("plan")
@_options
def plan_command(bootstrap: str | None, prefix: str | None, replication_factor: int, output: str) -> None:
    """Say what `apply` would do."""
    _print_steps(_ask(plan, bootstrap, prefix, replication_factor), output)


@command.command("apply")
@_options
def apply_command(bootstrap: str | None, prefix: str | None, replication_factor: int, output: str) -> None:
    """Create the topics that are missing; exit 2 when others differ, for a worker would refuse to start."""
    steps = _ask(apply_topics, bootstrap, prefix, replication_factor)
    _print_steps(steps, output)
    differing = sum(bool(step.differences) for step in steps)
    if differing:
        fail(
            f"{differing} of {len(steps)} topics differ from the contract; `claimstream topics check` says more",
            EXIT_USAGE,
        )


@command.command("check")
@_options
def check_command(bootstrap: str | None, prefix: str | None, replication_factor: int, output: str) -> None:
    """Say what differs from the contract, and how to fix it; exit 1 when something does."""
    differences = _ask(check_topics, bootstrap, prefix, replication_factor)
    for difference in differences:
        click.echo(json.dumps(asdict(difference)) if output == "json" else difference.message)
    if not differences and output == "text":
        click.echo("all topics are as the contract has them")
    raise SystemExit(EXIT_FINDINGS if differences else EXIT_CLEAN)


def _print_steps(steps: list[Step], output: str) -> None:
    width = max(len(step.topic.name) for step in steps)
    for step in steps:
        if output == "json":
            click.echo(json.dumps(_step_object(step)))
            continue
        click.echo(f"{step.action:8}{step.topic.name:{width}}  {_in_words(step)}")
        for difference in step.differences:
            click.echo(f"{'':8}{difference.message}")


def _step_object(step: Step) -> dict[str, Any]:
    topic = step.topic
    return {
        "topic": topic.name,
        "action": step.action,
        "partitions": topic.partitions,
        "replication_factor": topic.replication_factor,
        "config": dict(topic.config),
        "differences": [asdict(difference) for difference in step.differences],
    }


def _in_words(step: Step) -> str:
    config = step.topic.config
    kept = f"kept {int(config['retention.ms']) // DAY_MS} days" if "retention.ms" in config else "compacted"
    return f"{step.topic.partitions} partitions, {kept}, records up to {int(config['max.message.bytes']) // MIB} MiB"
