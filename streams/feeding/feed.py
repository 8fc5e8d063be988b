"""Feeds files: each once, from where it was left off."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, Protocol

from streams import headers as h
from streams.feeding.content import Sendable, fingerprint, open_content, sendables
from streams.feeding.journal import Journal, Progress
from streams.feeding.sending import Outgoing, Sender
from streams.intake.arrival import DEFAULT_SOURCE
from streams.intake.files import InputFile

Status = Literal["fed", "skipped", "incomplete", "stopped"]


@dataclass(frozen=True, slots=True)
class Options:
    """How files are fed: the source and day of receipt their claims get, and whether fed ones are fed once more."""

    source: str | None = None
    received_on: date | None = None
    again: bool = False


@dataclass(slots=True)
class Fed:
    """What became of a file: `records` and `claims` sent now, `before` sent earlier, `unsent` too large to be sent.

    Claims are those of X12 by their CLM segments, and one for each record of JSON.
    """

    file: str
    size: int = 0
    sha256: str = ""
    status: Status = "stopped"
    records: int = 0
    claims: int = 0
    before: int = 0
    before_as: str = ""
    unsent: list[Sendable] = field(default_factory=list)


class Watch(Protocol):
    """Who is told how it goes."""

    def passed(self, size: int) -> None:
        """So many more of its bytes are on their way."""

    def end(self, fed: Fed) -> None:
        """No more is done about it."""


@dataclass(frozen=True, slots=True)
class Feed:
    """What feeding takes; `await Feed(...).files(...)` does it."""

    options: Options
    sender: Sender
    journal: Journal
    watch: Watch

    async def files(self, files: Sequence[InputFile]) -> list[Fed]:
        """Feed files in their order. A cancellation leaves what the broker has in the journal."""
        done = []
        for file in files:
            fed = Fed(file.name)
            done.append(fed)
            with open_content(file) as content:
                fed.size = len(content)
                try:
                    await self._content(content, fed)
                finally:
                    self.watch.end(fed)
        return done

    async def _content(self, content: bytes, fed: Fed) -> None:
        fed.sha256 = await fingerprint(content)
        source = self.options.source or ""
        known = None if self.options.again else self.journal.progress(fed.sha256)
        if known is not None and known.whole:
            fed.status, fed.before, fed.before_as = "skipped", known.records, known.source
            self.watch.passed(fed.size)
            return
        if known is not None and known.source == source:
            fed.before = known.records

        def note(*, whole: bool) -> None:
            self.journal.note(fed.sha256, Progress(fed.before + fed.records, whole=whole, source=source))

        def acknowledged(records: int) -> None:
            fed.records += records
            note(whole=False)

        await self.sender.send(self._outgoing(content, fed), acknowledged)
        note(whole=True)
        fed.status = "incomplete" if fed.unsent else "fed"

    def _outgoing(self, content: bytes, fed: Fed) -> Iterator[Outgoing]:
        """The records that are still to be sent."""
        # Without a source too the claims of all files stay in order, as those of the source intake gives them.
        key = (self.options.source or DEFAULT_SOURCE).encode()
        index = 0
        for record in sendables(content):
            self.watch.passed(record.size)
            if record.value is None:
                fed.unsent.append(record)
                continue
            index += 1
            if index > fed.before:
                fed.claims += record.claims
                yield Outgoing(record.value, key, headers_of(record, self.options), record.claims)


def headers_of(record: Sendable, options: Options) -> h.Headers:
    """The headers a record is sent under."""
    texts: dict[str, str] = {}
    if options.source is not None:
        texts[h.SOURCE] = options.source
    if options.received_on is not None:
        texts[h.RECEIVED_ON] = options.received_on.isoformat()
    if record.content_type is not None:
        texts[h.CONTENT_TYPE] = record.content_type
    if record.first_claim > 1:
        texts[h.FIRST_CLAIM] = str(record.first_claim)
    return h.written(texts)
