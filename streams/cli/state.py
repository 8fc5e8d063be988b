"""`claimstream state`: what is kept of patients, whether it is what the log says, and how to forget one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from streams import clock
from streams import headers as h
from streams.chunks import partition_of
from streams.cli import EXIT_CLEAN, EXIT_ENVIRONMENT, EXIT_FINDINGS, fail, print_line
from streams.cli.asking import ask, broker_options, settings_and_topics
from streams.cli.audit_text import progress_on
from streams.cli.packs import rules_of
from streams.cli.state_text import print_account, print_partitions, print_patient, print_purge
from streams.clients import open_admin, open_consumer
from streams.deciding import Decider
from streams.delivery.linear import partitions_of, spans_between
from streams.sealing import Seal, SealBrokenError
from streams.settings import Settings
from streams.state.changelog import UnknownEntryError
from streams.state.entry import Purge
from streams.state.identity import IdentityDiffersError, check_identity, identity_of
from streams.state.inspecting import Told, partition_told, patient_told
from streams.state.patients import Patients
from streams.state.purging import Request, proof_of, remains
from streams.state.snapshot import read_snapshot
from streams.state.verifying import Account, UnknownPartitionError, Verification, open_plan
from streams.tokens import TOKEN_LENGTH, Tokens
from streams.topic_layout import Topics, partitions_difference
from streams.topics import TopicsDiffer
from validators.ruleset import Ruleset, StateTerms

_REFUSALS = (UnknownEntryError, SealBrokenError, IdentityDiffersError, UnknownPartitionError)
_CLOSED = Seal(b"nothing is opened with this")
"""For whoever reads state without the key: what a former version left open is closed again, and stays so."""


def _token(_ctx: click.Context, _param: click.Parameter, given: str | None) -> str | None:
    if given is not None and not re.fullmatch(f"[0-9a-f]{{{TOKEN_LENGTH}}}", given):
        raise click.BadParameter(
            f"a patient token is {TOKEN_LENGTH} hex digits; take it from a decision's patient_token"
        )
    return given


@click.group("state")
def command() -> None:
    """See what is kept of patients, recount it from the log, or forget one."""


@command.command("inspect")
@click.argument("token", required=False, callback=_token)
@broker_options
def inspect_command(*, token: str | None, bootstrap: str | None, prefix: str | None, output: str) -> None:
    """Tell what the changelog keeps: a line a partition, or all of the patient with this TOKEN.

    Nothing names a person. Authorizations are sealed: with CLAIMSTREAM_TOKEN_KEY_FILE set, what they say is told, but
    for their numbers. No consumer group is touched.

    Exit code: 0, also for a token nobody met, 2 usage, 3 no broker.
    """
    settings, topics = settings_and_topics(bootstrap, prefix)
    terms, key = rules_of(settings).state, settings.token_key
    seal = Seal(key) if key else None
    told = ask(settings.broker, lambda client: _inspect(client, topics, terms, token, seal), refusals=_REFUSALS)
    if output == "json":
        for each in told:
            print_line(each)
    elif token is None:
        print_partitions(topics.state_changelog, told)
    else:
        print_patient(token, topics.state_changelog, told)


async def _inspect(
    client: Mapping[str, Any], topics: Topics, terms: StateTerms, token: str | None, seal: Seal | None
) -> list[Told]:
    async with open_admin(client) as admin:
        tps = (await partitions_of(admin, [topics.state_changelog]))[topics.state_changelog]
    if token is not None:
        tps = [tps[partition_of(token.encode(), len(tps))]]
    told: list[Told] = []
    async with open_consumer(client) as consumer:
        total = sum(map(len, (await spans_between(consumer, tps, None, None)).values()))
        with progress_on("inspect", total) as passed:
            for tp in tps:
                snapshot = await read_snapshot(consumer, tp, Patients(seal or _CLOSED, terms), passed)
                if token is None:
                    told.append(partition_told(tp.partition, snapshot))
                else:
                    told += patient_told(token, snapshot, clock.today(), seal)
    return told


@command.command("verify")
@click.option("--partition", "partitions", type=click.IntRange(0), multiple=True, help="Only this one; several times.")
@click.option("--limit", type=click.IntRange(0), default=100, show_default=True, help="Differences shown; all count.")
@broker_options
def verify_command(
    *, partitions: tuple[int, ...], limit: int, bootstrap: str | None, prefix: str | None, output: str
) -> None:
    """Recount the state from the log, as far as the worker has committed, and compare it with the changelog.

    No rule is evaluated, and the decisions made are not compared, for they depend on the rules of their time. Entries
    that are too old to be seen by anything are swept out in the worker's own time, and not compared either.

    Exit code: 0 all agree, 1 something differs, 2 usage, no key, or the settings are not those of the state, 3 no
    broker.
    """
    settings, topics = settings_and_topics(bootstrap, prefix)
    ruleset, key, account, began = rules_of(settings), settings.require_token_key(), Account(limit), clock.monotonic()
    asked = _Verify(settings, topics, ruleset, key, partitions)
    ask(settings.broker, lambda client: asked.run(client, account), refusals=_REFUSALS)
    if not account.records:
        group = f"{settings.broker.prefix}{settings.broker.group}"
        click.echo(f"claimstream: the consumer group {group} has committed nothing that can be recounted", err=True)
    if output == "json":
        for each in account.examples:
            print_line(each.as_object())
        print_line({"kind": "summary", **account.as_object()})
    else:
        print_account(topics.patient_events, account, ruleset.state, clock.monotonic() - began)
    raise SystemExit(EXIT_FINDINGS if account.differences else EXIT_CLEAN)


@dataclass(frozen=True, slots=True)
class _Verify:
    settings: Settings
    topics: Topics
    ruleset: Ruleset
    key: bytes
    partitions: tuple[int, ...]

    async def run(self, client: Mapping[str, Any], account: Account) -> None:
        """Make the account."""
        await self._require_identity(client)
        broker = self.settings.broker
        async with open_consumer(client) as consumer:
            group = f"{broker.prefix}{broker.group}"
            plan = await open_plan(consumer, client, self.topics, group, self.partitions)
            with progress_on("verify", plan.positions) as passed:
                await Verification(consumer, Decider(self.ruleset), Seal(self.key), account, passed).run(plan)

    async def _require_identity(self, client: Mapping[str, Any]) -> None:
        changelog = self.topics.state_changelog
        async with open_admin(client) as admin:
            found = len((await partitions_of(admin, [changelog]))[changelog])
        (topic,) = (each for each in self.settings.broker.layout().topics(self.topics) if each.name == changelog)
        if found != topic.partitions:
            raise TopicsDiffer([partitions_difference(topic, found, self.topics)])
        tokens = Tokens(self.key, self.ruleset.payers, self.settings.payer_aliases, self.settings.tenants)
        await check_identity(client, changelog, identity_of(tokens, self.settings))


@command.command("purge")
@click.argument("token", callback=_token)
@click.option("--apply", is_flag=True, help="Forget the patient. Without it nothing is done, only said.")
@click.option("--wait", type=click.FloatRange(0), default=60, show_default=True, help="Seconds for a worker's proof.")
@broker_options
def purge_command(
    *, token: str, apply: bool, wait: float, bootstrap: str | None, prefix: str | None, output: str
) -> None:
    """Forget the patient with this TOKEN: nothing of before is seen any more by what comes after.

    The request is written to the patient's log; a worker answers with a proof in the changelog, which stays: how many
    entries were in use until then, and the SHA-256 of their sorted event ids. The entries leave the changelog once the
    worker has committed the request. What other topics hold goes with their retention, and is listed.

    Exit code: 0, also for a token nobody met, 2 usage, 3 no broker, or no worker answered in time.
    """
    settings, topics = settings_and_topics(bootstrap, prefix)
    terms = rules_of(settings).state
    told = ask(settings.broker, lambda client: _inspect(client, topics, terms, token, None), refusals=_REFUSALS)
    kept = {kind: count for kind, count in told[0]["entries"].items() if kind != "purge"} if told else {}
    position, proof = None, None
    if apply:  # though nothing is kept yet: the log may hold what no worker has read
        request = Request.at(token, int(clock.seconds() * 1000))
        position, proof = ask(settings.broker, lambda client: _purge(client, topics, request, wait))
    left = tuple(remains(settings.broker.layout().topics(topics), clock.today()))
    if output == "json":
        asked = {"kind": "purge", "patient_token": token, "applied": apply, "entries": kept}
        print_line(asked | {"position": position, "proof": proof._asdict() if proof else None})
        for each in left:
            print_line({"kind": "remains", "topic": each.topic, "days": each.days, "until": str(each.until)})
    else:
        flags = (f"--{name} {given}" for name, given in (("bootstrap", bootstrap), ("prefix", prefix)) if given)
        typed = " ".join(["claimstream state purge", token, *flags, "--apply"])
        print_purge(token, kept, position, proof, left, typed=typed)
    if position is not None and proof is None:
        fail(
            f"no worker answered within {wait:g} s; the request stands in the log at {position} and takes effect when "
            "a worker reads it",
            EXIT_ENVIRONMENT,
        )


async def _purge(
    client: Mapping[str, Any], topics: Topics, request: Request, wait_seconds: float
) -> tuple[str, Purge | None]:
    log, changelog = topics.patient_events, topics.state_changelog
    async with open_admin(client) as admin:
        partitions = await partitions_of(admin, [log, changelog])
    partition = partition_of(request.token.encode(), len(partitions[log]))
    tp = partitions[changelog][partition]
    async with open_consumer(client) as consumer:
        end = (await consumer.end_offsets([tp]))[tp]
        offset = await request.send(client, log, partition)
        return h.position(log, partition, offset), await proof_of(consumer, tp, end, request, wait_seconds)
