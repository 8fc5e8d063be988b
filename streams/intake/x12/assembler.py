"""`read_x12`: the claims of a record of X12 interchanges, with all that could not be read named and kept."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import ClassVar, Final

from schemas.rejection import Rejection, RejectionCode
from streams.intake.items import Item, Rejected, Span, Warned
from streams.intake.x12.frame import Frame
from streams.intake.x12.places import read_whole_number
from streams.intake.x12.tokenizer import Interchange, Segment, tokens
from streams.intake.x12.transaction import Transaction

CLAIMS_PER_RECORD_MAX: Final = 25_000
"""Five of the largest transactions Medicare takes (5,000 claims each), and more ordinary claims than a record of 8 MiB
holds (some 14,000). It bounds the time between two polls of the broker to a few seconds."""

OPENS_TRANSACTION: Final = frozenset({"BHT", "HL", "CLM", "LX", "SV1"})
"""Segments that, outside ST and SE, say that an ST was lost: what follows is read all the same."""


def read_x12(data: bytes, first_ordinal: int = 1) -> Iterator[Item]:
    """The claims, rejections and warnings of `data` in its order; at least one claim or rejection, never an exception.

    Reads 837P 005010X222 as leniently as can be done without guessing: a bad claim is rejected alone, wrong counts and
    control numbers are warnings, other transactions are rejected one by one. `first_ordinal` is the number the first
    claim has in its transaction: other than 1 in a part of a file that was split (`streams.intake.x12.split`).
    """
    return _Record(data, first_ordinal).items()


class _Record:
    """Walks the segments of a record and checks its envelopes."""

    def __init__(self, data: bytes, first_ordinal: int) -> None:
        self._data = data
        self._first_ordinal = first_ordinal
        self._claims = 0
        self._interchange: Interchange | None = None
        self._interchange_open = False
        self._groups = 0
        self._group: Segment | None = None
        self._transactions = 0
        self._transactions_of_group = 0
        self._transaction: Transaction | None = None
        self._beginning: Segment | None = None

    def items(self) -> Iterator[Item]:
        """All items of the record."""
        told, first_ordinal = False, self._first_ordinal
        for found in self._found():
            for item in found:
                told = told or not isinstance(item, Warned)
                yield item
        if not told:
            what = "the record has no claim in it; send 837P transactions with CLM"
            yield replace(
                self._part("no-claims", what, "ISA segment 1", Span(0, len(self._data))), first_ordinal=first_ordinal
            )

    def _found(self) -> Iterator[Sequence[Item]]:
        for token in tokens(self._data):
            if isinstance(token, Segment):
                found = self._take(token)
                if found:
                    yield found
                    if self._transaction is not None and self._transaction.full:
                        return
            elif isinstance(token, Interchange):
                yield [*self._end_interchange(token.segment.start), *self._begin_interchange(token)]
            else:
                yield self._end_interchange(token.start)
                yield [self._part("bad-envelope", token.reason, "ISA segment 1", Span(token.start, len(self._data)))]
                return
        yield self._end_interchange(None)

    def _take(self, segment: Segment) -> Sequence[Item]:
        name = segment.elements[0]
        if name in self._HANDLERS:
            return self._HANDLERS[name](self, segment)
        if self._transaction is not None:
            return self._transaction.take(segment)
        if name in OPENS_TRANSACTION:
            self._open_transaction(None)
            what = "segments stand outside ST and SE; send ST before them"
            return [Warned(what, f"ST segment {segment.number}"), *self._take(segment)]
        return ()

    def _begin_interchange(self, interchange: Interchange) -> list[Item]:
        self._interchange = interchange
        self._interchange_open = True
        self._groups = self._transactions = 0
        if interchange.padded:
            return []
        what = "the elements of ISA do not have their fixed widths; pad ISA01 to ISA15 with blanks"
        return [Warned(what, "ISA segment 1")]

    def _end_interchange(self, stop: int | None) -> list[Item]:
        """Close what no trailer closed before the byte `stop`, where the next part begins; None at the end."""
        items = self._end_group(truncated=stop is None)
        if self._interchange is not None:
            if self._interchange_open:
                items.append(Warned("the interchange has no IEA; send it after the last GE", "IEA"))
            items += self._not_cut(self._interchange, stop)
        self._interchange_open = False
        return items

    def _not_cut(self, interchange: Interchange, stop: int | None) -> list[Item]:
        """An interchange without transactions but with the bytes of a CLM was not cut into its segments."""
        start, end = interchange.segment.start, len(self._data) if stop is None else stop
        claim = b"CLM" + interchange.delimiters.element.encode("latin-1")
        if self._transactions or self._data.find(claim, start, end) < 0:
            return []
        what = "the segment terminator after ISA16 is not the one the interchange uses; send the same there"
        return [self._part("bad-envelope", what, "ISA segment 1", Span(start, end))]

    def _begin_group(self, segment: Segment) -> list[Item]:
        items = self._end_group(truncated=False)
        self._group = segment
        self._groups += 1
        self._transactions_of_group = 0
        return items

    def _end_group(self, *, truncated: bool) -> list[Item]:
        items = self._end_transaction(truncated=truncated)
        if self._group is not None:
            items.append(Warned("the group has no GE; send it after its last SE", "GE"))
            self._group = None
        return items

    def _begin_transaction(self, segment: Segment) -> list[Item]:
        items = self._end_transaction(truncated=False)
        self._open_transaction(segment)
        if self._group is None:
            items.append(Warned("the transaction stands outside GS and GE; send GS before it", "GS"))
        return items

    def _open_transaction(self, beginning: Segment | None) -> None:
        assert self._interchange is not None  # no segment comes before the first ISA
        frame = Frame(self._data, self._interchange, self._group, beginning)
        self._transaction = Transaction(frame, CLAIMS_PER_RECORD_MAX - self._claims, self._first_ordinal)
        self._first_ordinal = 1  # only the first transaction of a record can be the rest of one
        self._beginning = beginning
        self._transactions += 1
        self._transactions_of_group += 1

    def _end_transaction(self, *, truncated: bool) -> list[Item]:
        """Close a transaction that no SE closed, when one is open."""
        items = self._leave_transaction(truncated=truncated)
        if self._beginning is not None:
            items.append(Warned("the transaction has no SE; send it after its last segment", "SE"))
            self._beginning = None
        return items

    def _leave_transaction(self, *, truncated: bool) -> list[Item]:
        if self._transaction is None:
            return []
        items = self._transaction.end(truncated=truncated)
        self._claims += self._transaction.claims
        self._transaction = None
        return items

    def _take_se(self, se: Segment) -> list[Item]:
        items = self._leave_transaction(truncated=False)
        beginning, self._beginning = self._beginning, None
        if beginning is None:
            return [
                *items,
                Warned("SE stands without its ST; send ST before the transaction", f"SE segment {se.number}"),
            ]
        items += _check_count(se, se.number, "segments from ST to SE")
        return items + _check_control(se, beginning.value(2), "ST02")

    def _take_ge(self, ge: Segment) -> list[Item]:
        items = self._end_transaction(truncated=False)
        group, self._group = self._group, None
        if group is None:
            return [*items, Warned("GE stands without its GS; send GS before the group", "GE")]
        items += _check_count(ge, self._transactions_of_group, "transactions in the group")
        return items + _check_control(ge, group.value(6), "GS06")

    def _take_iea(self, iea: Segment) -> list[Item]:
        items = self._end_group(truncated=False)
        if not self._interchange_open or self._interchange is None:
            return [*items, Warned("IEA stands without its ISA; send ISA before the interchange", "IEA")]
        self._interchange_open = False
        items += _check_count(iea, self._groups, "groups in the interchange")
        return items + _check_control(iea, self._interchange.segment.value(13), "ISA13")

    def _part(self, code: RejectionCode, message: str, at: str, span: Span) -> Rejected:
        """The record, or what of it cannot be read any further."""
        part = self._data[span.start : span.end]
        rejection = Rejection(code=code, message=message, at=at)
        return Rejected(rejection, (part,), span, "the record", part, self._first_ordinal)

    _HANDLERS: ClassVar[dict[str, Callable[["_Record", Segment], list[Item]]]] = {
        "GS": _begin_group,
        "ST": _begin_transaction,
        "SE": _take_se,
        "GE": _take_ge,
        "IEA": _take_iea,
    }


def _check_count(trailer: Segment, count: int, what: str) -> list[Item]:
    """SE01, GE01 and IEA01 against what stands in the record."""
    if read_whole_number(trailer.value(1)) == count:
        return []
    name = trailer.elements[0]
    return [Warned(f"{name}01 is not {count}, the number of {what}; send that count", f"{name}/01")]


def _check_control(trailer: Segment, sent: str, what: str) -> list[Item]:
    """SE02, GE02 and IEA02 against the control number they repeat; leading zeros do not count."""
    if trailer.value(2).lstrip("0") == sent.lstrip("0"):
        return []
    name = trailer.elements[0]
    return [Warned(f"{name}02 is not the control number of {what}; send the same in both", f"{name}/02")]
