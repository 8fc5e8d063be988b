"""X12 content as pieces that can stand in different records: a claim with the loops before it, a whole transaction.

Follows `assembler` and `transaction` segment by segment, but makes no claims and holds no bytes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from streams.intake.items import Span
from streams.intake.x12.assembler import OPENS_TRANSACTION
from streams.intake.x12.context import Context
from streams.intake.x12.kinds import SERVICES, Kind
from streams.intake.x12.tokenizer import Delimiters, Interchange, Segment, tokens
from streams.intake.x12.transaction import ENDS_CLAIM, STARTS_CLAIM


@dataclass(frozen=True, slots=True)
class Level:
    """The header of a transaction or an HL level: its range and how many segments it has."""

    span: Span
    segments: int


@dataclass(frozen=True, slots=True)
class Envelope:
    """Where a piece stands: one object for all pieces of a transaction. `segment` is the ST, None where it is lost."""

    interchange: Interchange
    group: Segment | None
    segment: Segment | None


@dataclass(frozen=True, slots=True)
class Piece:
    """A range of the content that is not to be cut.

    `envelope` is None for what has none and is a record of its own. `levels` are the loops a piece from the middle of
    its transaction stands in, None for one that begins it. `told` says whether reading it gives an item; `ordinal` is
    the number of its first claim, `se` the SE after it; `cut_off`: the content ended before any trailer.
    """

    span: Span
    envelope: Envelope | None = None
    segments: int = 0
    claims: int = 0
    told: bool = True
    ordinal: int = 1
    levels: tuple[Level, ...] | None = None
    se: Span | None = None
    cut_off: bool = False


def pieces(data: bytes) -> Iterator[Piece]:
    """The pieces of X12 content in its order; together all of it but trailers and what stands outside transactions."""
    return _Course(data).pieces()


class _Course:
    """Walks the segments of the content and knows the envelopes that are open."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._interchange: Interchange | None = None
        self._transactions = 0
        self._group: Segment | None = None
        self._open: _Transaction | None = None

    def pieces(self) -> Iterator[Piece]:
        """All of them."""
        size = len(self._data)
        for token in tokens(self._data):
            if isinstance(token, Segment):
                yield from self._take(token)
            elif isinstance(token, Interchange):
                yield from self._end_interchange(token.segment.start)
                self._interchange, self._transactions = token, 0
            else:
                yield from self._end_interchange(token.start)
                yield Piece(Span(token.start, size))
                return
        if self._open is not None:
            yield self._open.piece(cut_off=True)
            self._open = None
        yield from self._end_interchange(size)

    def _take(self, segment: Segment) -> Iterator[Piece]:
        name = segment.elements[0]
        if name in ("GS", "ST", "SE", "GE", "IEA"):
            yield from self._end_transaction(segment)
            if name == "ST":
                self._begin_transaction(segment, segment)
            elif name != "SE":
                self._group = segment if name == "GS" else None
            return
        if self._open is None and name in OPENS_TRANSACTION:
            self._begin_transaction(None, segment)
        if self._open is not None:
            yield from self._open.take(segment)

    def _begin_transaction(self, beginning: Segment | None, first: Segment) -> None:
        assert self._interchange is not None  # no segment comes before the first ISA
        self._transactions += 1
        kind = Kind(beginning, self._group)
        service = first.elements[0] if first.elements[0] in SERVICES else self._service_after(first)
        read = (kind.refusal(None) or kind.refusal(service)) is None
        self._open = _Transaction(Envelope(self._interchange, self._group, beginning), read=read)
        if beginning is not None:
            self._open.begin(beginning)

    def _service_after(self, first: Segment) -> str:
        """The name of the first service line of a transaction, which tells its kind; "" without any."""
        assert self._interchange is not None
        found = _telling(self._interchange.delimiters).search(self._data, first.end - 1)
        name = found[1].decode() if found else ""
        return name if name in SERVICES else ""

    def _end_transaction(self, by: Segment) -> Iterator[Piece]:
        if self._open is not None:
            se = Span(by.start, by.end) if by.elements[0] == "SE" and by.terminated else None
            yield self._open.piece(end=by.start, se=se)
            self._open = None

    def _end_interchange(self, stop: int) -> Iterator[Piece]:
        """Close what no trailer closed; an interchange that was not cut into segments is refused whole when read."""
        if self._open is not None:
            yield self._open.piece(end=stop)
        self._open = self._group = None
        if self._interchange is not None and not self._transactions:
            start = self._interchange.segment.start
            claim = b"CLM" + self._interchange.delimiters.element.encode("latin-1")
            if self._data.find(claim, start, stop) >= 0:
                yield Piece(Span(start, stop))


class _Transaction:
    """The pieces of one transaction. One that is not `read`, as it is of another kind, is a single piece."""

    def __init__(self, envelope: Envelope, *, read: bool) -> None:
        self._envelope = envelope
        self._read = read
        self._context = Context()
        self._levels: tuple[Level, ...] | None = None
        self._dated: Segment | None = None
        self._start: int | None = None
        self._end = 0
        self._segments = 0
        self._claims = 0
        self._in_claim = False

    def begin(self, segment: Segment) -> None:
        """Take in a segment that is none of its loops and claims: ST."""
        self._start = segment.start if self._start is None else self._start
        self._end = segment.end
        self._segments += 1

    def take(self, segment: Segment) -> Iterator[Piece]:
        """Take in the next segment; the piece it completes, mostly none."""
        name = segment.elements[0]
        if self._read and not (self._in_claim and name not in ENDS_CLAIM):
            ended = self.piece(end=segment.start) if self._in_claim else None
            if name not in STARTS_CLAIM:
                self._context.take(segment)
                self._dated = segment if name == "BHT" else self._dated
            if ended is not None:
                yield ended
                self._go_on(segment)
            if name in STARTS_CLAIM:
                self._claims += 1
                self._in_claim = True
        self.begin(segment)

    def piece(self, *, end: int | None = None, se: Span | None = None, cut_off: bool = False) -> Piece:
        """What was taken in since the last piece, up to the byte `end`."""
        assert self._start is not None  # it was opened by a segment
        return Piece(
            span=Span(self._start, self._end if end is None else end),
            envelope=self._envelope,
            segments=self._segments,
            claims=int(self._in_claim),
            told=self._in_claim or not self._read or cut_off,
            ordinal=max(1, self._claims + (not self._in_claim)),
            levels=self._levels,
            se=se,
            cut_off=cut_off,
        )

    def _go_on(self, segment: Segment) -> None:
        """Begin the next piece at `segment`: it stands in all levels that are open but the one it opens."""
        opened = self._context.last if segment.elements[0] == "HL" else None
        levels = [level for level in self._context.levels.values() if level and level is not opened]
        if self._dated is not None and not any(self._dated in level for level in levels):
            levels.append([self._dated])  # BHT dates all claims after it, even where it stands in a level that ended
        self._levels = tuple(Level(Span(level[0].start, level[-1].end), len(level)) for level in levels)
        self._start, self._segments, self._in_claim = None, 0, False


def _telling(delimiters: Delimiters) -> re.Pattern[bytes]:
    """The first segment that tells the kind of a transaction, or ends it; segments stand after a terminator."""
    ends = re.escape(delimiters.terminator + delimiters.element.encode("latin-1")) + rb"\r\n"
    name = rb"(SV[123]|SE|ST|GS|GE|IEA|ISA)"
    return re.compile(re.escape(delimiters.terminator) + rb"[\x00-\x20]*" + name + rb"(?=[" + ends + rb"]|\Z)")
