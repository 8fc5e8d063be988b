import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.intake.items import Item, ReadClaim, Rejected, Warned
from streams.intake.x12 import read_x12
from tests.streams.intake.x12.building import (
    BILLING,
    CLAIM,
    HEADER,
    ISA,
    LINE,
    OTHER_CLAIM,
    PATIENT,
    SUBSCRIBER,
    claims,
    group,
    interchange,
    items,
    record,
    rejected,
    transaction,
)

RICH = ["REF*G1*A1", "NM1*82*1*R*D****XX*1", "PRV*PE*PXC*2", "SBR*S*01", "NM1*PR*2*X*****PI*1"]
RICH_LINE = ["REF*6R*1", "LIN**N4*1", "CTP****1*ML", "NM1*82*1*R*D****XX*1", "SVD*1*1*HC:1**1", "NTE*ADD*X"]
TWO_CLAIMS = interchange(
    group(transaction(HEADER, BILLING, SUBSCRIBER, CLAIM, RICH, LINE, RICH_LINE, PATIENT, OTHER_CLAIM))
)
DATA = record(TWO_CLAIMS)
FIRST_CLAIM_ENDS = DATA.index(b"HL*3")
PIECES = [
    *(segment.encode() + b"~" for segment in TWO_CLAIMS),
    *(b"ST*835*1~", b"ST*837*2*005010X223A2~", b"SV2*0360*HC:1*1~", b"CLM~", b"LX~", b"HL~", b"HL*1**20~", b"~", b"\n"),
    *(b"ISA", b"ISA*", b"*", b":", b"S", b"\xff", b"\x00", "Ä".encode()),
]


def accounted_for(data: bytes) -> list[Item]:
    found = list(read_x12(data))
    assert any(isinstance(item, ReadClaim | Rejected) for item in found)
    for item in found:
        if not isinstance(item, Warned):
            assert 0 <= item.span.start <= item.span.end <= len(data)
            assert data[item.span.start : item.span.end] == item.identity[-1]
    return found


@pytest.mark.parametrize("end", range(len(DATA)))
def test_a_record_cut_at_any_byte_gives_an_item_and_keeps_the_claims_before_the_cut(end: int) -> None:
    found = accounted_for(DATA[:end])

    if end >= FIRST_CLAIM_ENDS + len("HL*"):
        assert isinstance(found[0], ReadClaim)
        assert found[0].claim.claim_id == "C-1"
    # A cut after the last charge may cost what a line says after it: nothing in the bytes tells that it was there.
    for whole, item in zip(claims(DATA), found, strict=False):
        assert isinstance(item, Rejected | Warned) or item.claim.total_charge == whole.claim.total_charge


@pytest.mark.parametrize("end", range(FIRST_CLAIM_ENDS + len("HL*"), DATA.index(b"SE*")))
def test_a_cut_before_the_second_claim_is_whole_never_passes_in_silence(end: int) -> None:
    found = accounted_for(DATA[:end])

    told = [item for item in found if isinstance(item, Rejected)]
    assert [item.rejection.code for item in told] == ["truncated"] or len(claims(DATA[:end])) == 2


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_give_an_item_and_never_an_exception(data: bytes) -> None:
    accounted_for(data)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["*:~", "|>\n", "~^_", "\x1d\x1f\x1c"]))
def test_any_bytes_after_an_isa_give_an_item_and_never_an_exception(rest: bytes, delimiters: str) -> None:
    accounted_for(record([ISA, "GS*HC"], delimiters) + rest)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_segments_in_any_order_give_an_item_and_never_an_exception(pieces: list[bytes]) -> None:
    accounted_for(record([ISA]) + b"".join(pieces))


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_a_valid_record_with_bytes_changed_gives_an_item_and_never_an_exception(draw: st.DataObject) -> None:
    data = bytearray(DATA)
    for _ in range(draw.draw(st.integers(1, 8))):
        start = draw.draw(st.integers(0, len(data)))
        end = min(len(data), start + draw.draw(st.integers(0, 30)))
        data[start:end] = draw.draw(st.binary(max_size=6) | st.sampled_from(PIECES))
    accounted_for(bytes(data))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_claim_with_elements_changed_is_read_or_rejected_the_same_alone(draw: st.DataObject) -> None:
    segments = list(TWO_CLAIMS)
    value = st.sampled_from(["", " ", "X", "9" * 20, "-1", ".", "1.5", "20260631", "A:B:C", "::", "Ä", "\x1c", "."])
    for _ in range(draw.draw(st.integers(1, 4))):
        place = draw.draw(st.integers(4, len(segments) - 4))
        elements = segments[place].split("*")
        elements[draw.draw(st.integers(1, len(elements) - 1))] = draw.draw(value)
        segments[place] = "*".join(elements)
    for found in rejected(record(segments)):
        again = rejected(found.original)

        assert [found.rejection.code] == [item.rejection.code for item in again]
        assert [found.rejection.message] == [item.rejection.message for item in again]
        assert claims(found.original) == []


def test_reading_twice_gives_the_same() -> None:
    assert items(DATA) == items(DATA)
