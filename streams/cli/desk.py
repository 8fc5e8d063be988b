"""Where files of claims are decided one after another, without a broker: `check` and `rules try`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import click

from schemas.authorization import Authorization
from schemas.claim import Payer
from schemas.encounter import Encounter
from schemas.rejection import Rejection
from streams.cli.check_output import Checked, Place, Refused
from streams.deciding import Decider, Taken
from streams.intake.arrival import Arrived, ArrivedFact, Circumstances, arrive, arrive_fact
from streams.intake.files import FileRecord, InputFile, UnreadableFileError, expand, records
from streams.intake.items import Item, ReadClaim, ReadFact, Rejected, Warned
from streams.intake.reading import MAX_RECORD_BYTES, read_record, sniff
from streams.rulebook.explained import explain
from streams.sealing import Seal
from streams.settings import Settings
from streams.state.entry import Moment
from streams.state.patients import Patients
from streams.tokens import BUILT_IN_KEY, Tokens
from validators.ruleset import Ruleset

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
    explaining: bool = False
    _unplaced: dict[str, list[ReadFact]] = field(default_factory=dict)
    """By payer id, facts of which a claim may yet show that they are Medicare's: they themselves say only the id."""

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
                self._take(arrive_fact(item, circumstances, self.tokens))
                if not self.tokens.is_medicare(Payer(id=item.fact.payer_id)):
                    self._unplaced.setdefault(item.fact.payer_id.upper(), []).append(item)

    def _place(self, payer: Payer) -> None:
        """Enter the facts of a payer id that this claim shows to be Medicare's."""
        if self.tokens.is_medicare(payer):
            for item in self._unplaced.pop(payer.id.upper(), ()):
                self._take(arrive_fact(item, Circumstances(source=self.source), self.tokens, of_medicare=True))

    def _decide(self, item: ReadClaim, circumstances: Circumstances, place: Place) -> Checked:
        self._place(item.claim.payer)
        arrived = arrive(item, circumstances, self.tokens)
        (decided,) = self._take(arrived).decided
        return Checked(decided, decided.context.claim, place, explain(decided) if self.explaining else ())

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


@dataclass(frozen=True, slots=True)
class Known:
    """Files of what is known besides the claims: earlier ones, authorizations (all there are), encounters."""

    history: Path | None
    authorizations: Path | None
    encounters: Path | None

    def load(self, desk: Desk) -> None:
        """Enter everything; an empty file says nothing. Raises UnreadableFileError."""
        for path, kind in ((self.authorizations, Authorization), (self.encounters, Encounter)):
            for file, content in _contents(path):
                desk.learn(file, content, kind)
        for file, content in _contents(self.history):
            for seen in desk.go_through(file, content):
                if isinstance(seen, Refused):
                    where, what = seen.place.in_words(), seen.item.rejection.message
                    raise UnreadableFileError(f"--history: {file.name}, {where}, cannot be read: {what}")


def known_options(function: Callable[..., None]) -> Callable[..., None]:
    """The options of `Known`."""
    path = click.Path(path_type=Path)
    for option in (
        click.option("--encounters", type=path, help="Clinical facts of sessions (JSON lines)."),
        click.option("--authorizations", type=path, help="All authorizations (JSON lines)."),
        click.option("--history", type=path, help="Earlier claims (JSON lines), loaded first."),
    ):
        function = option(function)
    return function


def open_desk(
    settings: Settings, ruleset: Ruleset, known: Known, *, source: str | None = None, as_of: date | None = None
) -> Desk:
    """A desk with a ruleset, the key of the settings, and what is known. Raises UnreadableFileError.

    With authorizations given a number that is not among them is a fact, whatever the packs say.
    """
    if known.authorizations is not None:
        ruleset = replace(ruleset, feeds={None: "complete"})
    key = settings.token_key or BUILT_IN_KEY
    tokens = Tokens(key, ruleset.payers, settings.payer_aliases, settings.tenants)
    desk = Desk(Decider(ruleset, keep_tests=True), tokens, source, as_of, Patients(Seal(key), ruleset.state))
    known.load(desk)
    return desk


def _contents(path: Path | None) -> Iterator[tuple[InputFile, bytes]]:
    for file in expand([str(path)]) if path else ():
        if (content := file.read()).strip():
            yield file, content
