"""A large X12 file in parts that are records of their own: cut between transactions, and between claims within one.

    for part in split(content):
        send(part.content(content), first_claim=part.first_claim)

Every part has the envelope it stood in, with the same control numbers and counts of its own. Read with their
`first_claim`, the parts give the claims and rejections that the whole would give, under the same identities.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from streams.intake.items import Span
from streams.intake.x12.assembler import CLAIMS_PER_RECORD_MAX
from streams.intake.x12.course import Envelope, Piece, pieces
from streams.intake.x12.tokenizer import Segment

PART_BYTES: Final = 1 << 20
"""What a part takes unless a single claim takes more: some 1,500 claims, so that no record keeps a worker for long."""

LIMIT_BYTES: Final = 8 << 20
"""The largest record that is read."""

_TRAILERS_BYTES: Final = 512
"""More than SE, GE and IEA take."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part as ranges of the file between bytes of its own; `first_claim` is the ordinal of its first claim."""

    ranges: tuple[Span | bytes, ...]
    first_claim: int = 1
    claims: int = 0

    @property
    def size(self) -> int:
        """How many bytes it takes."""
        return sum(map(_size, self.ranges))

    @property
    def start(self) -> int:
        """The byte of the file its first range begins at."""
        return next(each.start for each in self.ranges if isinstance(each, Span))

    def content(self, data: bytes) -> bytes:
        """Its bytes, with `data` as it was split."""
        return b"".join(each if isinstance(each, bytes) else data[each.start : each.end] for each in self.ranges)


def split(data: bytes, *, target: int = PART_BYTES, limit: int = LIMIT_BYTES) -> Iterator[Part]:
    """The parts of X12 content, in its order; one that is the whole where nothing can or need be split.

    A part exceeds `target` where a single claim or a transaction of another kind does, or where the loops it stands in
    take more than half; a single claim or transaction may even exceed `limit`. What holds no claim, as an empty group
    does not, is left out: of that nothing is said when the whole is read.
    """
    whole = Part((Span(0, len(data)),), claims=_claims_in(data) if len(data) <= limit else 0)
    if len(data) <= target:
        yield whole
        return
    parts = _parts(data, target, limit)
    first, second = next(parts, None), next(parts, None)
    if first is None or (second is None and len(data) <= limit):
        yield whole
    else:
        yield from chain([first], [] if second is None else [second], parts)


def _claims_in(data: bytes) -> int:
    """About how many claims there are, by the name of the segment that begins one."""
    content = data[:]
    start = content.find(b"ISA")
    return content.count(b"CLM" + content[start + 3 : start + 4])


def _parts(data: bytes, target: int, limit: int) -> Iterator[Part]:
    draft: _Draft | None = None
    for piece in pieces(data):
        if draft is not None and not draft.takes(piece, target, limit):
            yield from draft.parts()
            draft = None
        if piece.envelope is None:
            yield Part((piece.span,))
            continue
        draft = draft or _Draft(data, piece, piece.envelope)
        draft.add(piece)
    if draft is not None:
        yield from draft.parts()


class _Draft:
    """A part while it is put together, within the interchange and group of its first piece."""

    def __init__(self, data: bytes, first: Piece, envelope: Envelope) -> None:
        self._data = data
        self._interchange, self._group = envelope.interchange, envelope.group
        self._first = self._last = first
        self._ranges: list[Span | bytes] = []
        self._size = 0
        self._told = False
        self._claims = 0
        self._transactions = 0
        self._segments = 0
        self._open(envelope)
        self._head_size = self._size

    def takes(self, piece: Piece, target: int, limit: int) -> bool:
        """Whether a piece still belongs here."""
        envelope = piece.envelope
        if envelope is None or envelope.interchange is not self._interchange or envelope.group is not self._group:
            return False
        size = self._size + piece.span.end - piece.span.start + _TRAILERS_BYTES
        # A part is at least half claims: loops that are beyond all measure are not sent again around each one.
        large = self._told and size > target and self._size >= 2 * self._head_size
        return not large and size <= limit and self._claims + piece.claims <= CLAIMS_PER_RECORD_MAX

    def add(self, piece: Piece) -> None:
        """Put a piece at the end."""
        if piece.envelope is not self._last.envelope:
            self._close_transaction()
        self._last = piece
        self._put(piece.span)
        self._segments += piece.segments
        self._claims += piece.claims
        self._told = self._told or piece.told

    def parts(self) -> Iterator[Part]:
        """The part, unless reading it would give nothing."""
        if not self._told:
            return
        if not self._last.cut_off:
            self._close_transaction()
            if self._group is not None:
                self._trail("GE", self._transactions, self._group.value(6))
            self._trail("IEA", int(self._group is not None), self._interchange.segment.value(13))
        yield Part(tuple(self._ranges), self._first.ordinal, self._claims)

    def _open(self, envelope: Envelope) -> None:
        """The envelope; a piece from the middle of a transaction brings that and its loops along."""
        self._put(_span(self._interchange.segment))
        if self._group is not None:
            self._put(_span(self._group))
        if self._first.levels is not None:
            if envelope.segment is not None:
                self._put(_span(envelope.segment))
                self._segments += 1
            for level in self._first.levels:
                self._put(level.span)
                self._segments += level.segments

    def _close_transaction(self) -> None:
        """End it with its SE as it was sent, or with one of our own where parts of it are in other records."""
        last, envelope = self._last, self._last.envelope
        begun_before = self._first.levels is not None and self._first.envelope is envelope
        if envelope is not None and envelope.segment is not None:
            if last.se is None or begun_before:
                self._trail("SE", self._segments + 1, envelope.segment.value(2))
            else:
                self._put(last.se)
        self._transactions += 1
        self._segments = 0

    def _trail(self, name: str, count: int, control: str) -> None:
        delimiters = self._interchange.delimiters
        text = delimiters.element.join((name, str(count), control))
        self._put(text.encode(delimiters.encoding) + delimiters.terminator)

    def _put(self, put: Span | bytes) -> None:
        self._size += _size(put)
        last = self._ranges[-1] if self._ranges else None
        if isinstance(put, Span) and isinstance(last, Span) and last.end == put.start:
            self._ranges[-1] = Span(last.start, put.end)
        else:
            self._ranges.append(put)


def _span(segment: Segment) -> Span:
    return Span(segment.start, segment.end)


def _size(of: Span | bytes) -> int:
    return len(of) if isinstance(of, bytes) else of.end - of.start
