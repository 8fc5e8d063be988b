"""`claimstream rules`: the catalogue, a rule as it stands for a payer, its vectors, a trial, and a new one begun."""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar, get_args

import click

from schemas.claim import LineOfBusiness
from streams import clock
from streams.cli import EXIT_USAGE, fail, print_line
from streams.cli.packs import packs_option, rules_of, settings_with
from streams.cli.rules_new import new_command
from streams.cli.rules_text import print_list, print_rule
from streams.cli.rules_trial import try_command
from streams.cli.rules_vectors import test_command
from streams.rulebook.audience import Audience, UnknownNameError, audience_of, rule_named
from streams.rulebook.docs import in_catalogue_order
from streams.rulebook.told import is_meant, listed, shown
from validators.loading import load_ruleset
from validators.rule import FAMILIES
from validators.ruleset import Ruleset

T = TypeVar("T")
output_option = click.option(
    "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="json: one object a line."
)
on_option = click.option("--on", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="A date of service.")


@click.group("rules")
def command() -> None:
    """See the rules, test them, try a new one before it counts, or begin one."""


command.add_command(test_command)
command.add_command(try_command)
command.add_command(new_command)


@command.command("list")
@packs_option
@click.option("--payer", metavar="KEY", help="Only rules for this payer: its key, a payer id, or a line of business.")
@on_option
@click.option("--family", type=click.Choice([*FAMILIES.values()]), help="Only this family.")
@output_option
def list_command(
    *, packs: Path | None, payer: str | None, on: datetime | None, family: str | None, output: str
) -> None:
    """List the rules: what each is called, how severe it is, what it needs to know, whom it is for."""
    ruleset = rules_of(settings_with(packs))
    audience = _audience(ruleset, payer)
    rules = [rule for rule in in_catalogue_order(ruleset.rules) if family in (None, rule.family)]
    told = [listed(rule, ruleset, audience) for rule in rules if is_meant(rule, ruleset, audience, _day(on))]
    if output == "json":
        for each in told:
            print_line(each)
    else:
        print_list(told, ruleset.version.version)


@command.command("show")
@click.argument("rule")
@click.option("--payer", metavar="KEY", help="As it is for this payer: its key, a payer id, or a line of business.")
@click.option("--line-of-business", type=click.Choice(get_args(LineOfBusiness)), help="Of a payer that has several.")
@click.option("--state", metavar="ST", help="State of service, which chooses Medicare's local coverage determination.")
@click.option("--source", help="Source of claims, which overrides may name.")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Date of service. Default: today.")
@packs_option
@output_option
def show_command(
    *,
    rule: str,
    payer: str | None,
    line_of_business: LineOfBusiness | None,
    state: str | None,
    source: str | None,
    on: datetime | None,
    packs: Path | None,
    output: str,
) -> None:
    """Tell all there is to know of RULE (an id or a name), for a payer and a date of service.

    Of each parameter: the value in force, which layer and file gave it and why, its source, and what others have.
    The nearest layer wins: payer, LCD of the state of service, line of business, everybody. Within a layer a site's
    file wins over a built-in one.
    """
    settings = settings_with(packs)
    ruleset = rules_of(settings)
    audience = _audience(ruleset, payer, line_of_business, state, source)
    built_in = load_ruleset() if settings.packs else None
    with_name = _known(lambda: rule_named(ruleset, rule))
    told = shown(with_name, ruleset, audience, _day(on) or clock.today(), built_in=built_in)
    if output == "json":
        print_line(told)
    else:
        print_rule(told)


def _audience(
    ruleset: Ruleset,
    payer: str | None,
    line_of_business: LineOfBusiness | None = None,
    state: str | None = None,
    source: str | None = None,
) -> Audience:
    return _known(lambda: audience_of(ruleset, payer, line_of_business, state, source))


def _known(asked: Callable[[], T]) -> T:
    """What was asked for by name; a name that is not known ends the command."""
    try:
        return asked()
    except UnknownNameError as error:
        fail(str(error), EXIT_USAGE)


def _day(at: datetime | None) -> date | None:
    return at.date() if at else None
