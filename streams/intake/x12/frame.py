"""The envelope around a piece of a record: its identity, its name for a person, and the piece sent again on its own."""

from dataclasses import dataclass
from typing import Final

from streams.intake.x12.tokenizer import Interchange, Segment

LOOPS_BYTES_MAX: Final = 8_192
"""Most bytes of loops repeated around one rejected claim. Real ones take about 1 kB; without a bound, a record of a few
megabytes of loops over thousands of bad claims would be written out thousands of times."""

_HEAD_SEGMENT_BYTES_MAX: Final = 512
"""Most bytes of GS or ST repeated as they are, likewise; both take less than 100. Of longer ones the elements the guide
has are repeated."""

_HEAD_ELEMENTS: Final = {"GS": 8, "ST": 3}
_ELEMENT_CHARACTERS_MAX: Final = 64
"""Most of an element of those that is repeated, and of a control number that enters an identity; no element that the
guide has there is longer than 15."""

Levels = list[list[Segment]]
"""The segments of the header and of each HL level, outermost first."""


@dataclass(frozen=True, slots=True)
class Frame:
    """ISA, GS and ST of a transaction; GS or ST is None where the record lacks it."""

    data: bytes
    interchange: Interchange
    group: Segment | None
    transaction: Segment | None

    def identity(self, ordinal: int, start: int, end: int) -> tuple[bytes, ...]:
        """(ISA13, GS06, ST02, ordinal, own bytes): with the source, what makes the event id."""
        return (*self._control_numbers(), b"%d" % ordinal, self.data[start:end])

    def where(self, ordinal: int | None = None) -> str:
        """For a person: "ST 0001 · claim 1", or the transaction alone; a number with letters in it is not shown."""
        control = _cut(self.transaction.value(2)) if self.transaction else ""
        shown = control if control.isdigit() else ""
        name = f"ST {shown}".strip() if self.transaction else "without ST"
        return name if ordinal is None else f"{name} · claim {ordinal}"

    def wrap(self, levels: Levels, own: list[Segment]) -> bytes:
        """The smallest valid envelope around a claim: the loops it stands in, then its own segments."""
        around = _bounded(levels)
        body = self._bytes_of(around) + self.data[own[0].start : own[-1].end]
        return self._ended(self._head() + body, sum(map(len, around)) + len(own))

    def wrap_transaction(self, start: int, end: int, segments: int) -> bytes:
        """The envelope around a transaction that stands whole, ST included, in these bytes; `segments` are after ST."""
        return self._ended(self._repeated(self.interchange.segment, self.group) + self.data[start:end], segments)

    def lead(self, levels: Levels) -> bytes:
        """All that stands before a claim: ISA, GS, ST and its loops, whatever their size: once a record at most."""
        return self._head() + self._bytes_of([level for level in levels if level])

    def _ended(self, begun: bytes, segments: int) -> bytes:
        """What was begun, of that many segments after ST, with trailers that count them.

        What the end of the record cut through gets none: with them it would seem whole.
        """
        cut_through = not begun.endswith(self.interchange.delimiters.terminator)
        return begun if cut_through else begun + self._tail(segments)

    def _tail(self, segments: int) -> bytes:
        """SE, GE and IEA of one transaction, as far as the record has what they close."""
        delimiters = self.interchange.delimiters
        separator = delimiters.element.encode("latin-1")
        interchange, group, transaction = self._control_numbers()
        trailers = [[b"IEA", b"1" if self.group else b"0", interchange]]
        if self.group is not None:
            trailers.insert(0, [b"GE", b"1" if self.transaction else b"0", group])
        if self.transaction is not None:
            trailers.insert(0, [b"SE", b"%d" % (segments + 2), transaction])
        return b"".join(separator.join(trailer) + delimiters.terminator for trailer in trailers)

    def _head(self) -> bytes:
        return self._repeated(self.interchange.segment, self.group, self.transaction)

    def _repeated(self, *segments: Segment | None) -> bytes:
        return b"".join(map(self._short, filter(None, segments)))

    def _short(self, segment: Segment) -> bytes:
        """A segment of the envelope, its elements cut where it is beyond all measure."""
        most = _HEAD_ELEMENTS.get(segment.elements[0], 0)
        if not most or segment.end - segment.start <= _HEAD_SEGMENT_BYTES_MAX:
            return self.data[segment.start : segment.end]
        values = [segment.elements[0], *(_cut(segment.value(position)) for position in range(1, most + 1))]
        delimiters = self.interchange.delimiters
        ended = delimiters.terminator if segment.terminated else b""
        return delimiters.element.join(values).encode(delimiters.encoding) + ended

    def _bytes_of(self, levels: Levels) -> bytes:
        return b"".join(self.data[level[0].start : level[-1].end] for level in levels)

    def _control_numbers(self) -> tuple[bytes, bytes, bytes]:
        return (
            self._control_number(self.interchange.segment, 13),
            self._control_number(self.group, 6),
            self._control_number(self.transaction, 2),
        )

    def _control_number(self, segment: Segment | None, position: int) -> bytes:
        number = segment.value(position) if segment is not None else ""
        return _cut(number).encode(self.interchange.delimiters.encoding)


def _cut(value: str) -> str:
    return value[:_ELEMENT_CHARACTERS_MAX].rstrip()


def _bounded(levels: Levels) -> Levels:
    """The levels that have segments; none of them where they are beyond all measure."""
    filled = [level for level in levels if level]
    size = sum(level[-1].end - level[0].start for level in filled)
    return filled if size <= LOOPS_BYTES_MAX else []
