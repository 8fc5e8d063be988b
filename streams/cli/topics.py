"""`claimstream topics`: the topic layout of the contract against a broker."""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

import click

from streams.broker_acls import AclStep, apply_acls, check_acls, plan_acls
from streams.cli import EXIT_CLEAN, EXIT_ENVIRONMENT, EXIT_FINDINGS, EXIT_USAGE, fail
from streams.settings import BrokerSettings, load_settings
from streams.topics import Step, TopicsError, apply_topics, check_topics, plan

DAY_MS = 86_400_000
MIB = 1024 * 1024
T = TypeVar("T")
A = TypeVar("A")
Operation = Callable[..., Coroutine[Any, Any, T]]


def _options(function: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option(
            "--no-acls", is_flag=True, help="leave ACLs alone; a broker without an authorizer has none anyway"
        ),
        click.option("--output", type=click.Choice(["text", "json"]), default="text", help="json: one object a line"),
        click.option("--replication-factor", type=click.IntRange(-1), default=-1, help="-1: the broker's default"),
        click.option("--prefix", help="stands before every topic name, separator included"),
        click.option("--bootstrap", help="host:port of a broker, several comma separated"),
    ):
        function = option(function)
    return function


@dataclass(frozen=True, slots=True)
class _Given:
    """The options of each of the commands, as click hands them over."""

    bootstrap: str | None
    prefix: str | None
    replication_factor: int
    no_acls: bool
    output: str

    def broker(self) -> BrokerSettings:
        """The effective settings."""
        flags = {"bootstrap": self.bootstrap, "prefix": self.prefix}
        return load_settings(broker={name: value for name, value in flags.items() if value is not None}).broker

    def ask(self, of_topics: Operation[T], of_acls: Operation[A]) -> tuple[T, A | None]:
        """Ask for both with one set of settings; trouble ends the command with the contract's exit code."""
        broker = self.broker()
        client = broker.client_options()
        layout = replace(broker.layout(), replication_factor=self.replication_factor)

        async def both() -> tuple[T, A | None]:
            contract = broker.contract()
            topics = await of_topics(broker.bootstrap, contract.topics, layout, client=client)
            return topics, None if self.no_acls else await of_acls(broker.bootstrap, contract, client=client)

        # What goes wrong with the broker is said here, in a sentence; its client would say it many times.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        try:
            return asyncio.run(both())
        except TopicsError as error:
            fail(str(error), EXIT_ENVIRONMENT)
        except ValueError as error:  # a prefix or an address that cannot be one
            fail(f"the broker settings cannot be used: {error}", EXIT_USAGE)


@click.group("topics")
def command() -> None:
    """Plan, apply or check the topic layout and the ACLs of a broker. Nothing that exists is ever altered."""


@command.command("plan")
@_options
def plan_command(**given: Any) -> None:
    """Say what `apply` would do."""
    steps, acls = _Given(**given).ask(plan, plan_acls)
    _print_steps(steps, given["output"])
    _print_acls(acls or [], given["output"])


@command.command("apply")
@_options
def apply_command(**given: Any) -> None:
    """Create the topics and ACLs that are missing; exit 2 when topics differ, for a worker would refuse to start."""
    steps, acls = _Given(**given).ask(apply_topics, apply_acls)
    _print_steps(steps, given["output"])
    _print_acls(acls or [], given["output"])
    differing = sum(bool(step.differences) for step in steps)
    if differing:
        fail(
            f"{differing} of {len(steps)} topics differ from the contract; `claimstream topics check` says more",
            EXIT_USAGE,
        )


@command.command("check")
@_options
def check_command(**given: Any) -> None:
    """Say what differs from the contract, and how to fix it; exit 1 when something does."""
    topics, acls = _Given(**given).ask(check_topics, check_acls)
    differences = [*topics, *(acls or ())]
    for difference in differences:
        click.echo(json.dumps(asdict(difference)) if given["output"] == "json" else difference.message)
    if not differences and given["output"] == "text":
        click.echo(f"all topics {'' if acls is None else 'and ACLs '}are as the contract has them")
    raise SystemExit(EXIT_FINDINGS if differences else EXIT_CLEAN)


def _print_acls(steps: list[AclStep], output: str) -> None:
    kept = sum(step.action == "keep" for step in steps)
    for step in steps:
        if output == "json":
            click.echo(json.dumps({"acl": asdict(step.acl), "action": step.action}))
        elif step.action != "keep":
            click.echo(f"{step.action:8}{step.message or step.acl}")
    if kept and output == "text":
        click.echo(f"{'keep':8}{kept} ACLs")


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
