"""`claimstream check`: files of claims to decisions, without a broker, on the worker's own path."""

import contextlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import click

from streams.cli import EXIT_CLEAN, EXIT_ENVIRONMENT, EXIT_FINDINGS, EXIT_USAGE, fail
from streams.cli.check_output import WRITERS, Checked, Refused
from streams.cli.desk import Desk, Known, known_options, open_desk
from streams.cli.packs import packs_option, settings_with
from streams.intake.files import STDIN, InputFile, UnreadableFileError, describe, expand
from validators.loading import load_ruleset
from validators.pack import PackError


@dataclass(slots=True)
class Rejects:
    """The folder of `--rejects`: the original bytes of what was rejected, to be corrected and sent again."""

    folder: Path
    _taken: set[str] = field(default_factory=set)

    def keep(self, refused: Refused) -> None:
        """Write one of them. Raises UnreadableFileError when that cannot be."""
        place = refused.place
        stem = "stdin" if place.file == STDIN else Path(place.file).name
        name, again = f"{stem}.{place.index}.rejected", 1
        while name in self._taken:  # files of one name from several folders
            again += 1
            name = f"{stem}.{place.index}.{again}.rejected"
        self._taken.add(name)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(refused.item.original)
        except OSError as error:
            what = f"{self.folder} cannot be written ({error.strerror}); name another folder with --rejects"
            raise UnreadableFileError(what) from error


def _utf8(_ctx: click.Context, _param: click.Parameter, given: str | None) -> str | None:
    """An option that goes into decisions, which are UTF-8."""
    if given is not None and not given.isprintable():
        raise click.BadParameter("it has characters that cannot be printed; use letters and digits")
    return given


@click.command("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@known_options
@packs_option
@click.option("--source", callback=_utf8, help="The source of every claim, instead of the one it names.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The day of receipt where the claim has none.")
@click.option("--rejects", type=click.Path(path_type=Path, file_okay=False), help="Write what was rejected there.")
@click.option("--explain", is_flag=True, help="Of each claim, why every rule fired, passed or does not apply.")
@click.option("--output", type=click.Choice(sorted(WRITERS)), default="text", show_default=True)
def command(
    *,
    files: tuple[str, ...],
    history: Path | None,
    authorizations: Path | None,
    encounters: Path | None,
    packs: Path | None,
    source: str | None,
    as_of: datetime | None,
    rejects: Path | None,
    explain: bool,
    output: str,
) -> None:
    """Read files of claims (837P, JSON; files, folders, globs or -) and say what would be denied and why.

    Exit code: 0 all accepted, 1 something flagged, at risk of denial or rejected, 2 usage, 3 a file cannot be read.
    """
    if explain and output == "csv":
        fail("--explain tells many things of one claim, which csv has no column for; use --output json", EXIT_USAGE)
    settings = settings_with(packs)
    try:
        inputs = expand(files)
        if not inputs:
            click.echo("claimstream: no file was named and no folder holds any; nothing is checked", err=True)
        known, day = Known(history, authorizations, encounters), as_of.date() if as_of else None
        desk = open_desk(settings, load_ruleset(settings.packs), known, source=source, as_of=day)
        desk.explaining = explain
        clean = _write(desk, inputs, output, Rejects(rejects) if rejects else None)
    except UnreadableFileError as error:
        fail(str(error), EXIT_ENVIRONMENT)
    except PackError as error:
        fail(str(error), EXIT_USAGE)
    raise SystemExit(EXIT_CLEAN if clean else EXIT_FINDINGS)


def _write(desk: Desk, inputs: list[InputFile], output: str, rejects: Rejects | None) -> bool:
    """Show everything in the files; whether all of it was accepted."""
    clean = True
    with contextlib.closing(WRITERS[output](desk.decider.ruleset)) as writer:
        for file in inputs:
            content = file.read()
            writer.file(file.name, describe(content))
            for seen in desk.go_through(file, content):
                writer.write(seen)
                if isinstance(seen, Refused):
                    clean = False
                    if rejects is not None:
                        rejects.keep(seen)
                elif isinstance(seen, Checked):
                    clean = clean and seen.decided.decision.outcome == "accepted"
    return clean
