"""One transaction, ST to SE: decides its kind, then gives its claims one by one as their segments come in."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from schemas.claim import Claim
from schemas.rejection import Rejection
from streams.intake.items import Item, ReadClaim, Rejected, Span, Warned
from streams.intake.x12.claim_loop import ClaimReader
from streams.intake.x12.context import Context
from streams.intake.x12.frame import Frame
from streams.intake.x12.kinds import SERVICES, Kind
from streams.intake.x12.places import fault, read_date
from streams.intake.x12.tokenizer import Segment

_NOTHING: Final[Sequence[Item]] = ()
STARTS_CLAIM: Final = frozenset({"CLM", "LX", "SV1"})
"""A line outside a claim starts one too, which is rejected: a CLM was lost, and that must not pass in silence."""

ENDS_CLAIM: Final = frozenset({"CLM", "HL"})


class Transaction:
    """Takes in the segments between ST and SE; `full` once a claim came beyond `claims_left`.

    `first_ordinal` is the number its first claim has, other than 1 where a large transaction comes in parts.
    """

    def __init__(self, frame: Frame, claims_left: int, first_ordinal: int = 1) -> None:
        self.full = False
        self.claims = 0
        self._before = first_ordinal - 1
        self._claims_left = claims_left
        self._frame = frame
        self._kind = Kind(frame.transaction, frame.group)
        self._refusal = self._kind.refusal(None)
        # A later claim than the first says that the kind was settled by what stands in another part.
        self._waiting: list[Segment] | None = None if self._refusal or first_ordinal > 1 else []
        self._context = Context()
        self._own: list[Segment] = []
        self._awaits_claim = True
        self._received_on: date | None = None
        self._first: Segment | None = None
        self._last: Segment | None = None
        self._segments = 0

    @property
    def _ordinal(self) -> int:
        """The number of the last claim in its transaction, of which this may be a part."""
        return self._before + self.claims

    def take(self, segment: Segment) -> Sequence[Item]:
        """Take in the next segment; the items it completes, mostly none."""
        if self._waiting is None and self._refusal is None:
            return self._read(segment)
        self._first = self._first or segment
        self._last = segment
        self._segments += 1
        if self._waiting is None:
            return _NOTHING
        self._waiting.append(segment)
        name = segment.elements[0]
        return self._decide(name) if name in SERVICES else _NOTHING

    def end(self, *, truncated: bool) -> list[Item]:
        """What is left when the transaction ends; `truncated` when the record ended before any trailer."""
        opening = self._frame.transaction
        if truncated and opening is not None and not opening.terminated:
            return [self._cut_off([opening], self._ordinal + 1)]
        items = self._decide("") if self._waiting is not None else []
        if self._refusal is not None:
            return [*items, self._refused(self._refusal)]
        if self._own:
            return [*items, *self._close(truncated=truncated)]
        if truncated and self._awaits_claim:
            level = self._context.last or ([opening] if opening else [])
            items.append(self._cut_off(level, self._ordinal + 1))
        return items

    def _decide(self, service: str) -> list[Item]:
        """Settle the kind by its first service segment, "" for none, and read what had to wait for it."""
        waiting, self._waiting = self._waiting or [], None
        self._refusal = self._kind.refusal(service)
        return [] if self._refusal else [item for segment in waiting for item in self._read(segment)]

    def _read(self, segment: Segment) -> Sequence[Item]:
        """A segment of a claim, or one of the loops around claims."""
        name = segment.elements[0]
        if self._own:
            if name not in ENDS_CLAIM:
                self._own.append(segment)
                return _NOTHING
            items = self._close(truncated=False)
        else:
            items = []
        if name in STARTS_CLAIM:
            return [*items, *self._open(segment)]
        self._context.take(segment)
        if name == "BHT":
            items += self._take_beginning(segment)
        elif name == "HL":
            self._awaits_claim = True
            if self._context.misnested(segment):
                what = "HL02 names another parent than the level before it; claims are read in the order they stand"
                items.append(Warned(what, f"HL/02 segment {segment.number}"))
        return items

    def _open(self, segment: Segment) -> list[Item]:
        """A claim begins, unless the record has had its share."""
        if self.full:
            return []
        if self.claims >= self._claims_left:
            self.full = True
            return [self._too_many(segment)]
        self.claims += 1
        self._own = [segment]
        self._awaits_claim = False
        return []

    def _take_beginning(self, bht: Segment) -> list[Item]:
        """BHT04, the date of the transaction."""
        self._received_on = read_date(bht.value(4))
        if self._received_on or not bht.value(4):
            return []
        what = "the date of the transaction (BHT04) is no date and is left out; send YYYYMMDD"
        return [Warned(what, f"BHT/04 segment {bht.number}")]

    def _close(self, *, truncated: bool) -> list[Item]:
        """The claim whose segments are complete, or the record's end made so."""
        own, self._own = self._own, []
        if truncated and len(own) > 1 and not own[-1].terminated and len(own[-1].elements) == 1:
            # What is left of a segment id says nothing that is lost.
            own = own[:-1]
        reader = ClaimReader(own, self._frame.interchange.delimiters.component)
        read = self._claim(reader, own)
        items: list[Item] = list(reader.warnings)
        if truncated and (isinstance(read, Rejection) or not own[-1].terminated or not _balanced(read)):
            return [*items, self._cut_off(own, self._ordinal)]
        if isinstance(read, Rejection):
            return [*items, self._rejected(read, own)]
        start, end = own[0].start, own[-1].end
        return [
            *items,
            ReadClaim(
                claim=read,
                identity=self._frame.identity(self._ordinal, start, end),
                span=Span(start, end),
                where=self._frame.where(self._ordinal),
                received_on=self._received_on,
            ),
        ]

    def _claim(self, reader: ClaimReader, own: list[Segment]) -> Claim | Rejection:
        first = own[0]
        if first.elements[0] != "CLM":
            what = "service lines stand under no claim; send CLM before the first LX of a claim"
            return fault("no-claims", what, f"2400/{first.elements[0]}", first.number)
        if not self._context.under_a_subscriber:
            what = "the claim stands under no subscriber; send HL*..*22 with SBR and NM1*IL before CLM"
            return fault("misplaced-segment", what, "2300/CLM", first.number)
        test = self._frame.interchange.segment.value(15).upper() == "T"
        return reader.read(self._context.standing(), test=test)

    def _rejected(self, rejection: Rejection, own: list[Segment]) -> Rejected:
        start, end = own[0].start, own[-1].end
        return Rejected(
            rejection=rejection,
            identity=self._frame.identity(self._ordinal, start, end),
            span=Span(start, end),
            where=self._frame.where(self._ordinal),
            original=self._frame.wrap(list(self._context.levels.values()), own),
            first_ordinal=self._ordinal,
        )

    def _refused(self, rejection: Rejection) -> Rejected:
        """The whole transaction, which is of another kind."""
        opening = self._frame.transaction or self._first
        last = self._last or opening
        assert opening is not None  # a transaction is opened by its ST or, without one, by its first segment
        assert last is not None
        return Rejected(
            rejection=rejection,
            identity=self._frame.identity(0, opening.start, last.end),
            span=Span(opening.start, last.end),
            where=self._frame.where(),
            original=self._frame.wrap_transaction(opening.start, last.end, self._segments),
            first_ordinal=self._before + 1,
        )

    def _cut_off(self, own: list[Segment], ordinal: int) -> Rejected:
        """What the record's end cut through: sent again without trailers, because with them it would seem whole."""
        start, end = own[0].start, own[-1].end
        what = "the record ends inside a claim or before its claim; send the interchange whole, to SE, GE and IEA"
        levels = list(self._context.levels.values())
        # A level that was cut through is among them already, and an ST in the head.
        tail = self._frame.data[start:end] if own[0].elements[0] in STARTS_CLAIM else b""
        return Rejected(
            rejection=fault("truncated", what, "2300" if own[0].elements[0] == "CLM" else "2000", own[-1].number),
            identity=self._frame.identity(ordinal, start, end),
            span=Span(start, end),
            where=self._frame.where(ordinal),
            original=self._frame.lead(levels) + tail,
            first_ordinal=ordinal,
        )

    def _too_many(self, segment: Segment) -> Rejected:
        """All from this claim to the end of the record, in an envelope that lets it be sent on its own."""
        frame = self._frame
        end = len(frame.data)
        what = "the record has more claims than one may hold, and this is the rest; send it as a record of its own"
        return Rejected(
            rejection=fault("too-many-claims", what, "2300/CLM", segment.number),
            identity=frame.identity(self._ordinal + 1, segment.start, end),
            span=Span(segment.start, end),
            where=frame.where(self._ordinal + 1),
            original=frame.lead(list(self._context.levels.values())) + frame.data[segment.start :],
            first_ordinal=self._ordinal + 1,
        )


def _balanced(claim: Claim) -> bool:
    """Whether the line charges make up the total: the sign that a claim without trailers has all its lines."""
    return sum((line.charge for line in claim.service_lines), Decimal(0)) == claim.total_charge
