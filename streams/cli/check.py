"""`claimstream check`: files of claims to decisions, without a broker, on the worker's own path."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path

import click

from schemas.authorization import Authorization
from schemas.encounter import Encounter
from schemas.rejection import Rejection
from streams.cli import EXIT_CLEAN, EXIT_ENVIRONMENT, EXIT_FINDINGS, EXIT_USAGE, fail
from streams.cli.check_output import WRITERS, Checked, Place, Refused
from streams.deciding import Decider, Taken
from streams.intake.arrival import Arrived, ArrivedFact, Circumstances, arrive, arrive_fact
from streams.intake.files import STDIN, FileRecord, InputFile, UnreadableFileError, describe, expand, records
from streams.intake.items import Item, ReadClaim, ReadFact, Rejected, Warned
from streams.intake.reading import MAX_RECORD_BYTES, read_record, sniff
from streams.sealing import Seal
from streams.settings import Settings, load_settings
from streams.state.entry import Moment
from streams.state.patients import Patients
from streams.tokens import BUILT_IN_KEY, Tokens
from validators.loading import load_ruleset
from validators.pack import PackError

ONE_DAY = date(2000, 1, 1)
"""On which everything arrives, as far as state is concerned: files are all there at once, and nothing is forgotten."""


@dataclass(slots=True)
class Desk:
    """Reads and decides one claim after another, each with those before it as history."""

    decider: Decider
    tokens: Tokens
    source: str | None
    as_of: date | None
    patients: Patients
    position: int = 0

    def go_through(self, file: InputFile, content: bytes) -> Iterator[Checked | Refused | Warned]:
        """Everything in the content of a file, in its order."""
        circumstances = Circumstances(source=self.source, as_of=self.as_of, fallback_on=file.written_on())
        index = 0
        for record in records(content):
            for item in _items(record):
                if isinstance(item, Warned):
                    yield item
                    continue
                place = Place(file.name, index, item.where, record.offset + item.span.start, record.line)
                index += 1
                if isinstance(item, Rejected):
                    yield Refused(item, place)
                elif isinstance(item, ReadFact):
                    yield Refused(_no_claim(item, record.content), place)
                else:
                    yield self._decide(item, circumstances, place)

    def learn(self, file: InputFile, content: bytes, kind: type[Authorization | Encounter]) -> None:
        """Enter the authorizations or encounters of a state file. Raises UnreadableFileError at anything else."""
        circumstances = Circumstances(source=self.source)
        for number, record in enumerate(records(content), start=1):
            for item in read_record(record.content, record.content_type):
                if not (isinstance(item, ReadFact) and isinstance(item.fact, kind)):
                    why = item.rejection.message if isinstance(item, Rejected) else f"it is no {kind.__name__.lower()}"
                    raise UnreadableFileError(f"{file.name}, entry {number} cannot be taken: {why}")
                arrived = arrive_fact(item, circumstances, self.tokens)
                self._take(arrived)

    def _decide(self, item: ReadClaim, circumstances: Circumstances, place: Place) -> Checked:
        arrived = arrive(item, circumstances, self.tokens)
        (decided,) = self._take(arrived).decided
        return Checked(decided, decided.context.claim, place)

    def _take(self, arrived: Arrived | ArrivedFact) -> Taken:
        self.position += 1
        return self.decider.take(arrived, Moment(self.position, ONE_DAY), self.patients)


def _no_claim(item: ReadFact, original: bytes) -> Rejected:
    """An authorization or encounter among the claims, which has an option of its own."""
    kind = "authorization" if isinstance(item.fact, Authorization) else "encounter"
    what = f"this is an {kind}; give its file with --{kind}s"
    return Rejected(Rejection(code="not-a-claim", message=what, at=""), item.identity, item.span, item.where, original)


def _items(record: FileRecord) -> Iterator[Item]:
    """What a record of a file holds. A file is not a record: a large X12 file is split on its way to the broker.

    So its size is not bounded here, and reading goes on where one record would have had its share of claims.
    """
    rest: tuple[bytes, int, bytes] | None = (record.content, 1, b"")
    while rest is not None:
        (content, first, bundle), rest = rest, None
        limit = max(len(content), MAX_RECORD_BYTES) if sniff(content) == "x12" else MAX_RECORD_BYTES
        for item in read_record(content, record.content_type, limit=limit, first_ordinal=first, bundle=bundle):
            if isinstance(item, Rejected) and item.rejection.code == "too-many-claims":
                rest = item.original, item.first_ordinal, item.bundle
            else:
                yield item


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


def open_desk(
    settings: Settings, source: str | None, as_of: date | None, *, authorizations_complete: bool = False
) -> Desk:
    """A desk with the ruleset and key of the settings, nothing known yet.

    With `authorizations_complete` an authorization number that is not known is a fact, whatever the packs say.
    """
    ruleset = load_ruleset(settings.packs)
    if authorizations_complete:
        ruleset = replace(ruleset, feeds={None: "complete"})
    key = settings.token_key or BUILT_IN_KEY
    tokens = Tokens(key, ruleset.payers, settings.payer_aliases, settings.tenants)
    return Desk(Decider(ruleset, keep_tests=True), tokens, source, as_of, Patients(Seal(key), ruleset.state))


def _utf8(_ctx: click.Context, _param: click.Parameter, given: str | None) -> str | None:
    """An option that goes into decisions, which are UTF-8."""
    if given is not None and not given.isprintable():
        raise click.BadParameter("it has characters that cannot be printed; use letters and digits")
    return given


@click.command("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--history", type=click.Path(path_type=Path), help="Earlier claims (JSON lines), loaded first.")
@click.option("--authorizations", type=click.Path(path_type=Path), help="All authorizations (JSON lines).")
@click.option("--encounters", type=click.Path(path_type=Path), help="Clinical facts of sessions (JSON lines).")
@click.option("--packs", type=click.Path(path_type=Path), help="A folder of packs laid over the built-in ones.")
@click.option("--source", callback=_utf8, help="The source of every claim, instead of the one it names.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The day of receipt where the claim has none.")
@click.option("--rejects", type=click.Path(path_type=Path, file_okay=False), help="Write what was rejected there.")
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
    output: str,
) -> None:
    """Read files of claims (837P, JSON; files, folders, globs or -) and say what would be denied and why.

    Exit code: 0 all accepted, 1 something flagged, at risk of denial or rejected, 2 usage, 3 a file cannot be read.
    """
    settings = load_settings(**({"packs": packs} if packs else {}))
    try:
        inputs = expand(files)
        if not inputs:
            click.echo("claimstream: no file was named and no folder holds any; nothing is checked", err=True)
        complete = authorizations is not None
        desk = open_desk(settings, source, as_of.date() if as_of else None, authorizations_complete=complete)
        _load(desk, authorizations, Authorization)
        _load(desk, encounters, Encounter)
        for earlier in expand([str(history)]) if history else ():
            _load_history(desk, earlier)
        clean = _write(desk, inputs, output, Rejects(rejects) if rejects else None)
    except UnreadableFileError as error:
        fail(str(error), EXIT_ENVIRONMENT)
    except PackError as error:
        fail(str(error), EXIT_USAGE)
    raise SystemExit(EXIT_CLEAN if clean else EXIT_FINDINGS)


def _load(desk: Desk, path: Path | None, kind: type[Authorization | Encounter]) -> None:
    """Enter what state files say; an empty file says nothing."""
    for file in expand([str(path)]) if path else ():
        content = file.read()
        if content.strip():
            desk.learn(file, content, kind)


def _load_history(desk: Desk, file: InputFile) -> None:
    """Decide the claims of a state file for what they leave behind; an empty file leaves nothing."""
    content = file.read()
    for seen in desk.go_through(file, content) if content.strip() else ():
        if isinstance(seen, Refused):
            what = seen.item.rejection.message
            raise UnreadableFileError(f"--history: {file.name}, {seen.place.in_words()}, cannot be read: {what}")


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
