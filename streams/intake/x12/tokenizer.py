"""Segments of X12 bytes, one after the other, with the delimiters each interchange declares in its ISA."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLANKS = re.compile(rb"[\x00-\x20]*")
_SPACE = 0x20
_ISA_ELEMENTS = 16
_ISA_WIDTHS = (3, 2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1)
"""Widths of the ISA id and of ISA01 to ISA15 as the X12 control guide fixes them; ISA16 is one character."""

_ISA_BYTES_MAX = 512
"""An ISA is 106 bytes; real ones are off by a few. The bound keeps looking for its end from becoming quadratic."""

_LOOK_AHEAD_BYTES = 64


class Segment(NamedTuple):
    """One segment: its id and elements, its bytes (`end` exclusive, terminator included) and its number.

    The number counts from ST (1) as the 999 does; before the first ST of an interchange it counts from ISA (1).
    """

    elements: list[str]
    start: int
    end: int
    number: int
    terminated: bool

    def value(self, position: int) -> str:
        """The element at `position` (1 for NM101) without outer blanks; "" when it was not sent."""
        elements = self.elements
        return elements[position].strip() if position < len(elements) else ""


class Delimiters(NamedTuple):
    """What separates elements and components, what ends a segment, and how its text is decoded."""

    element: str
    component: str
    terminator: bytes
    encoding: str


class Interchange(NamedTuple):
    """An ISA with the delimiters it declares; `padded` is false where its elements lack their fixed widths."""

    segment: Segment
    delimiters: Delimiters
    padded: bool


class Unreadable(NamedTuple):
    """From `start` on no segment can be told; `reason` is a sentence with its fix."""

    start: int
    reason: str


def tokens(data: bytes) -> Iterator[Interchange | Segment | Unreadable]:
    """The segments of `data` in order; every ISA comes as an `Interchange`, `Unreadable` ends the sequence.

    Time is linear in the size of `data`; empty segments, line breaks and indents between segments are passed over.
    """
    position = len(_BYTE_ORDER_MARK) if data.startswith(_BYTE_ORDER_MARK) else 0
    size = len(data)
    number = 0
    delimiters: Delimiters | None = None
    separator = terminator = transaction = b""
    while position < size:
        if data[position] <= _SPACE:
            position = _end_of_blanks(data, position)
        elif data.startswith(b"ISA", position) and not data[position + 3 : position + 4].isalnum():
            interchange = _interchange(data, position)
            yield interchange
            if isinstance(interchange, Unreadable):
                return
            delimiters = interchange.delimiters
            separator = delimiters.element.encode("latin-1")
            terminator = delimiters.terminator
            transaction = b"ST" + separator
            position = interchange.segment.end
            number = 1
        elif delimiters is None:
            yield Unreadable(
                position, "the record does not start with an ISA segment; send the interchange from ISA on"
            )
            return
        else:
            end = data.find(terminator, position)
            raw = data[position : end if end >= 0 else size]
            if raw:
                number = 1 if raw.startswith(transaction) else number + 1
                elements = _text(raw, delimiters.encoding).split(delimiters.element)
                stop = end + 1 if end >= 0 else size
                yield Segment(elements, position, stop, number, end >= 0)
            position = end + 1 if end >= 0 else size


def _end_of_blanks(data: bytes, position: int) -> int:
    blanks = _BLANKS.match(data, position)
    return blanks.end() if blanks else position


def _text(raw: bytes, encoding: str) -> str:
    # X12 is ASCII; names arrive in UTF-8 and, from older systems, in Latin-1, which no bytes can fail to be.
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return text.rstrip("\r\n") if text[-1] in "\r\n" else text


def _interchange(data: bytes, start: int) -> Interchange | Unreadable:
    """The ISA at `start`, found by its sixteen separators because real files do not keep its fixed offsets."""
    window = data[start : start + _ISA_BYTES_MAX]
    separator = window[3:4]
    if not separator or separator.isalnum() or separator == b" ":
        return Unreadable(start, "the element separator after ISA is missing; send one such as * there")
    parts = window.split(separator, _ISA_ELEMENTS)
    if len(parts) <= _ISA_ELEMENTS or any(b"\n" in part or b"\r" in part for part in parts[:_ISA_ELEMENTS]):
        return Unreadable(start, "the ISA segment has fewer than 16 elements; send ISA01 to ISA16")
    component, terminator = parts[_ISA_ELEMENTS][:1], parts[_ISA_ELEMENTS][1:2]
    end = start + sum(map(len, parts[:_ISA_ELEMENTS])) + _ISA_ELEMENTS + 2
    if not _can_delimit(separator, component, terminator) or not _segment_follows(data, end, separator, terminator):
        return Unreadable(
            start, "the component separator and segment terminator cannot be told; send them right after ISA15"
        )
    delimiters = Delimiters(
        element=separator.decode("latin-1"),
        component=component.decode("latin-1"),
        terminator=terminator,
        # A delimiter beyond ASCII would be lost in UTF-8, where it is no character of its own.
        encoding="utf-8" if (separator + component + terminator).isascii() else "latin-1",
    )
    elements = [part.decode("latin-1") for part in parts[:_ISA_ELEMENTS]] + [delimiters.component]
    padded = tuple(map(len, parts[:_ISA_ELEMENTS])) == _ISA_WIDTHS
    return Interchange(Segment(elements, start, end, 1, terminated=True), delimiters, padded)


def _can_delimit(separator: bytes, component: bytes, terminator: bytes) -> bool:
    return (
        len({separator, component, terminator, b"", b" "}) == 5 and not component.isalnum() and not terminator.isalnum()
    )


def _segment_follows(data: bytes, end: int, separator: bytes, terminator: bytes) -> bool:
    """Whether what comes after the ISA starts as a segment does: two or three letters or digits, then a delimiter."""
    start = _end_of_blanks(data, end)
    head = data[start : start + _LOOK_AHEAD_BYTES]
    name = head.partition(separator)[0].partition(terminator)[0]
    return name.isalnum() and len(name) <= 3 if name != head else len(head) <= 3
