"""`claimstream check`: files of claims to decisions, without a broker, on the worker's own path."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import click

from schemas.rejection import Rejection
from streams.cli import EXIT_CLEAN, EXIT_ENVIRONMENT, EXIT_FINDINGS, EXIT_USAGE, fail
from streams.cli.check_output import WRITERS, Checked, Place, Refused
from streams.deciding import Decider
from streams.intake.arrival import Circumstances, arrive
from streams.intake.files import InputFile, UnreadableFileError, expand, records
from streams.intake.items import ReadClaim, Rejected, Warned
from streams.intake.reading import MAX_RECORD_BYTES, read_record, sniff
from streams.settings import Settings, load_settings
from streams.state.patient import Patients
from streams.tokens import BUILT_IN_KEY, Tokens
from validators.loading import PackError, load_ruleset


@dataclass(slots=True)
class Desk:
    """Reads and decides one claim after another, each with those before it as history."""

    decider: Decider
    tokens: Tokens
    source: str | None
    as_of: date | None
    patients: Patients
    position: int = 0

    def go_through(self, file: InputFile) -> Iterator[Checked | Refused | Warned]:
        """Everything in a file, in its order.

        Raises UnreadableFileError.
        """
        circumstances = Circumstances(source=self.source, as_of=self.as_of, fallback_on=file.written_on())
        index = 0
        content = file.read()
        for record in records(content):
            # A file is not a record: a large X12 file would be split on its way to the broker.
            limit = max(len(record), MAX_RECORD_BYTES) if sniff(record) == "x12" else MAX_RECORD_BYTES
            for item in read_record(record, limit=limit):
                if isinstance(item, Warned):
                    yield item
                    continue
                place = Place(file.name, index, item.where, item.span)
                index += 1
                if isinstance(item, Rejected):
                    yield Refused(item, place)
                else:
                    yield self._decide(item, circumstances, place)

    def _decide(self, item: ReadClaim, circumstances: Circumstances, place: Place) -> Checked:
        arrived = arrive(item, circumstances, self.tokens)
        decided = self.decider.decide(arrived, self.position, self.patients)
        if decided.entry is not None:
            self.patients.add(arrived.patient_token, decided.entry)
        self.position += 1
        return Checked(decided, arrived.claim, place)


def open_desk(settings: Settings, source: str | None, as_of: date | None) -> Desk:
    """A desk with the ruleset and key of the settings, its history empty."""
    ruleset = load_ruleset(settings.packs)
    key = settings.token_key or BUILT_IN_KEY
    tokens = Tokens(key, ruleset.payers, settings.payer_aliases, settings.tenants)
    return Desk(Decider(ruleset, keep_tests=True), tokens, source, as_of, Patients())


@click.command("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--history", type=click.Path(path_type=Path), help="Earlier claims (JSON lines), loaded first.")
@click.option("--packs", type=click.Path(path_type=Path), help="A folder of packs laid over the built-in ones.")
@click.option("--source", help="The source of every claim, instead of the one it names.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The day of receipt where the claim has none.")
@click.option("--rejects", type=click.Path(path_type=Path, file_okay=False), help="Write what was rejected there.")
@click.option("--output", type=click.Choice(sorted(WRITERS)), default="text", show_default=True)
def command(
    *,
    files: tuple[str, ...],
    history: Path | None,
    packs: Path | None,
    source: str | None,
    as_of: datetime | None,
    rejects: Path | None,
    output: str,
) -> None:
    """Read files of claims (837P, JSON; files, folders, globs or -) and say what would be denied and why.

    Exit code: 0 all accepted, 1 something flagged, at risk of denial or rejected, 2 usage, 3 a file cannot be read.
    """
    settings = load_settings(**({"packs": packs} if packs else {}))
    try:
        inputs = expand(files)
        desk = open_desk(settings, source, as_of.date() if as_of else None)
        for earlier in expand([str(history)]) if history else ():
            _load_history(desk, earlier)
        clean = _write(desk, inputs, output, rejects)
    except UnreadableFileError as error:
        fail(str(error), EXIT_ENVIRONMENT)
    except PackError as error:
        fail(str(error), EXIT_USAGE)
    raise SystemExit(EXIT_CLEAN if clean else EXIT_FINDINGS)


def _load_history(desk: Desk, file: InputFile) -> None:
    for seen in desk.go_through(file):
        if isinstance(seen, Refused):
            rejection: Rejection = seen.item.rejection
            fail(f"{file.name}, entry {seen.place.index + 1} cannot be read: {rejection.message}", EXIT_ENVIRONMENT)


def _write(desk: Desk, inputs: list[InputFile], output: str, rejects: Path | None) -> bool:
    clean = True
    with contextlib.closing(WRITERS[output](desk.decider.ruleset)) as writer:
        for file in inputs:
            writer.file(file.name)
            for seen in desk.go_through(file):
                writer.write(seen)
                if isinstance(seen, Refused):
                    clean = False
                    if rejects is not None:
                        _keep(seen, rejects)
                elif isinstance(seen, Checked):
                    clean = clean and seen.decided.decision.outcome == "accepted"
    return clean


def _keep(refused: Refused, folder: Path) -> None:
    """Write the original bytes of what was rejected, so that they can be corrected and sent again."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stem = Path(refused.place.file).name
        (folder / f"{stem}.{refused.place.index}.rejected").write_bytes(refused.item.original)
    except OSError as error:
        raise UnreadableFileError(f"{folder} cannot be written ({error.strerror}); name another --rejects") from error
