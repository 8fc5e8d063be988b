import sys

import pytest

from streams.intake.x12.tokenizer import Interchange, Segment, Unreadable, tokens
from tests.streams.intake.x12.building import (
    CLAIM,
    GS,
    ISA,
    LINE,
    claims,
    group,
    interchange,
    items,
    one,
    professional,
    record,
    warned,
)

RECORD = interchange(group(professional(CLAIM + LINE)))


def names(data: bytes) -> list[str]:
    found = []
    for token in tokens(data):
        assert not isinstance(token, Unreadable), token.reason
        found.append((token.segment if isinstance(token, Interchange) else token).elements[0])
    return found


@pytest.mark.parametrize("delimiters", ["*:~", "|>\n", "~^_", "+:'", "\x1d\x1f\x1c", "*>\r", "!\\?", "§:¶", "*:\t"])
@pytest.mark.parametrize("after", ["", "\n", "\r\n", "\n\n", "\n    "])
def test_any_delimiters_and_any_line_breaks_give_the_same_claim(delimiters: str, after: str) -> None:
    data = record(RECORD, delimiters, after)
    if not delimiters.isascii():
        data = data.decode().encode("latin-1")

    assert [item.claim for item in claims(one())] == [item.claim for item in claims(data)]


def test_a_segment_knows_its_bytes_and_its_number_in_the_transaction() -> None:
    data = record([ISA, GS, "TA1*1", "ST*837*1", "BHT*0019", "ST*837*2", "SE*2*2"])

    found = [token for token in tokens(data) if isinstance(token, Segment)]

    assert [(segment.elements[0], segment.number) for segment in found] == [
        ("GS", 2),
        ("TA1", 3),
        ("ST", 1),
        ("BHT", 2),
        ("ST", 1),
        ("SE", 2),
    ]
    assert data[found[3].start : found[3].end] == b"BHT*0019~"


def test_elements_that_were_not_sent_are_empty() -> None:
    segment = Segment(["NM1", " IL "], 0, 7, 1, terminated=True)

    assert (segment.value(1), segment.value(9)) == ("IL", "")


@pytest.mark.parametrize("lead", [b"\xef\xbb\xbf", b" \r\n\t", b"\xef\xbb\xbf\n", b"\x00"])
def test_a_byte_order_mark_and_blanks_before_isa_are_passed_over(lead: bytes) -> None:
    assert names(lead + record([ISA, GS])) == ["ISA", "GS"]


def test_an_isa_whose_elements_are_not_padded_is_read_with_a_warning() -> None:
    isa = "ISA*00**00**ZZ*SENDER*ZZ*RECEIVER*260620*1200*^*00501*42*0*P*:"
    data = record(interchange(group(professional(CLAIM + LINE)), isa=isa))

    assert len(claims(data)) == 1
    assert [warning.at for warning in warned(data)] == ["ISA segment 1"]


def test_each_isa_declares_its_own_delimiters() -> None:
    data = record(RECORD) + record(RECORD, "|>'", "") + record(RECORD, "~^_", "\r\n")

    first, *others = (read.claim for read in claims(data))
    assert others == [first, first]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ISA",
        "ISA*",
        "ISA*00*~GS*HC~",
        ISA,
        ISA[:-1],
        ISA + "A" + "GS*HC",
        ISA[:-1] + "*~GS*HC",
        ISA + "~hello world, this is no segment",
        ISA.replace("*", " ") + "~",
        "GS*HC*A*B~ST*837*1~",
        "hello",
    ],
)
def test_an_envelope_whose_delimiters_cannot_be_told_is_one_whole_rejection(text: str) -> None:
    (item,) = items(text.encode())

    assert (("bad-envelope" if text else "no-claims"), text.encode()) == (item.rejection.code, item.original)
    assert ((text.encode(),), 0, len(text)) == (item.identity, item.span.start, item.span.end)


@pytest.mark.parametrize("data", [b"GS*HC~", b"ISA*00~GS*HC~"])
def test_nothing_comes_after_what_is_unreadable(data: bytes) -> None:
    assert [Unreadable] == [type(token) for token in tokens(data)]


def test_a_terminator_other_than_the_declared_one_is_a_bad_envelope_not_an_empty_record() -> None:
    data = record(RECORD).replace(b"*:~\n", b"*:!", 1)

    assert [item.rejection.code for item in items(data) if hasattr(item, "rejection")] == ["bad-envelope"]


def test_what_follows_an_unreadable_isa_is_rejected_and_what_stands_before_it_is_read() -> None:
    rest = b"ISA*broken"
    read, *_, rejection = [item for item in items(one() + rest) if not hasattr(item, "message")]

    assert ("C-1", rest) == (read.claim.claim_id, rejection.original)


def test_names_in_utf8_and_in_latin1_are_both_read() -> None:
    data = one().replace(b"EXAMPLE", "PEÑA".encode())
    older = one().replace(b"EXAMPLE", "PEÑA".encode("latin-1"))

    assert [claims(text)[0].claim.subscriber.last_name for text in (data, older)] == ["PEÑA", "PEÑA"]


@pytest.mark.parametrize(
    "piece", [b"ISA*", b"~", b"\n", b"*", b"SV1*HC~", b"ST*835*1~", b"GS*HC~ST*837*1~", b"CLM*1~", b"LX~CLM~HL~"]
)
def test_work_grows_with_the_size_of_the_record_and_not_faster(piece: bytes) -> None:
    def calls(size: int) -> int:
        """Calls of Python and C functions: what a profiler counts, and no clock."""
        data = record([ISA, GS]) + piece * (size // len(piece))
        count = 0

        def counting(_frame: object, event: str, _argument: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(counting)
        try:
            for _ in items(data):
                pass
        finally:
            sys.setprofile(None)
        return count

    assert calls(80_000) < 8 * 1.2 * calls(10_000)
