"""The rules in force for commands that judge nothing by themselves, and the option that lays packs over them."""

from pathlib import Path

import click

from streams.cli import EXIT_USAGE, fail
from streams.settings import Settings, load_settings
from validators.loading import load_ruleset
from validators.pack import PackError
from validators.ruleset import Ruleset

packs_option = click.option(
    "--packs", type=click.Path(path_type=Path), help="A folder of packs laid over the built-in ones."
)


def settings_with(packs: Path | None) -> Settings:
    """The effective settings, the flag first."""
    return load_settings(**({"packs": packs} if packs else {}))


def rules_of(settings: Settings) -> Ruleset:
    """The rules in force; packs that cannot be used end the command."""
    try:
        return load_ruleset(settings.packs)
    except PackError as error:
        fail(str(error), EXIT_USAGE)
