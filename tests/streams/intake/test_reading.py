import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import KINDS, content_type
from schemas.rejection import REJECTION_CODES
from streams.intake.items import ReadClaim, Rejected, Span
from streams.intake.reading import MAX_RECORD_BYTES, format_of, plain_content_type, read_record, sniff
from tests.streams.intake.building import FULL, SMALLEST, encoded

CLAIM = encoded(SMALLEST)
BOM = b"\xef\xbb\xbf"


def code(record: bytes, content_type: str | None = None, **limits: int) -> str:
    (item,) = read_record(record, content_type, **limits)
    return item.rejection.code if isinstance(item, Rejected) else "read"


@given(st.binary(max_size=300), st.none() | st.text(max_size=60))
def test_any_bytes_give_items_and_never_an_exception(record, header):
    items = list(read_record(record, header))

    assert any(isinstance(item, ReadClaim | Rejected) for item in items)
    assert all(item.rejection.code in REJECTION_CODES for item in items if isinstance(item, Rejected))


@given(st.binary(max_size=60), st.sampled_from([b"{", b"[", b'{"claim_id":', b"ISA*", BOM + b"{", b"GS*HC", b"ST*837"]))
def test_any_bytes_after_a_start_of_ours_give_items(rest, start):
    assert [] != list(read_record(start + rest))


@pytest.mark.parametrize("record", [b"", b" ", b"\r\n\t ", BOM, BOM + b"\n"])
def test_nothing_but_white_space_is_empty(record):
    assert code(record) == "empty"


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ("claim".encode("utf-16"), "UTF-16"),
        (encoded(SMALLEST).decode().encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04rest", "compressed"),
        (b"\x1f\x8b\x08rest", "compressed"),
        (b"%PDF-1.7", "PDF"),
        (b"<html></html>", "XML or HTML"),
        (b"MSH|^~\\&|a", "HL7 version 2"),
        (b"\x00\x01\x02\x03", "binary"),
        (b"claim_id,member,charge,code\n1,2,3,4", "delimited"),
        (b"claim_id\tmember\tcharge\tcode\n", "delimited"),
        (b"Dear payer", "another kind"),
        (b"ISABELLA", "another kind"),
        (b"ST12 a", "another kind"),
    ],
)
def test_a_file_of_another_kind_is_named_in_words(record, words):
    (item,) = read_record(record)

    assert item.rejection.code == "unknown-format"
    assert words in item.rejection.message
    assert item.original == record


def test_utf_16_without_a_mark_is_no_json():
    assert code('{"claim_id": 1}'.encode("utf-16-le")) == "malformed-json"
    assert code('{"claim_id": 1}'.encode("utf-16-be")) == "unknown-format"


@pytest.mark.parametrize("around", [(BOM, b""), (b" \n", b"\r\n"), (BOM + b" ", b" ")])
def test_a_byte_order_mark_and_white_space_around_a_claim_do_not_count(around):
    before, after = around
    (item,) = read_record(before + CLAIM + after)

    assert isinstance(item, ReadClaim)
    assert item.identity == (CLAIM,)
    assert item.span == Span(len(before), len(before) + len(CLAIM))


def test_what_is_kept_of_a_rejected_claim_is_every_byte_of_it():
    record = BOM + b"\n" + CLAIM[:-1] + b"\n"
    (item,) = read_record(record)

    assert item.original == record
    assert item.identity == (CLAIM[:-1],)


def test_a_record_of_the_limit_is_read_and_one_byte_more_is_not():
    exact = CLAIM + b" " * (MAX_RECORD_BYTES - len(CLAIM))

    assert code(exact) == "read"
    assert code(exact + b" ") == "too-large"


def test_a_record_over_a_limit_of_ones_own_says_so():
    assert code(CLAIM, limit=10) == "too-large"


def test_a_string_of_seven_mebibytes_is_read():
    (item,) = read_record(encoded(SMALLEST | {"notes": ["x" * (7 << 20)]}))

    assert isinstance(item, ReadClaim)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"claim", "authorization", "encounter"}))
def test_a_content_type_of_ours_that_is_no_claim_is_refused(kind):
    assert code(CLAIM, content_type(kind)) == "not-a-claim"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("application/vnd.claimstream.claim+json;v=1", "read"),
        ("application/vnd.claimstream.claim+json", "read"),
        ("Application/VND.claimstream.Claim+JSON ; V=1", "read"),
        ("application/json; charset=utf-8", "read"),
        ("application/octet-stream", "read"),
        ("", "read"),
        ("application/vnd.claimstream.claim+json;v=2", "unknown-version"),
        ("application/vnd.claimstream.claim+json;v=0", "unknown-version"),
        ("application/vnd.claimstream.claim+json;v=²", "unknown-version"),
        ("application/vnd.claimstream.claim+json;version=1", "unknown-version"),
        ("application/vnd.claimstream.claim+json;v=" + "9" * 5000, "unknown-version"),
        ("application/vnd.claimstream.bill+json;v=1", "unknown-content-type"),
        ("application/edi-x12", "bad-envelope"),
    ],
)
def test_the_content_type_decides_before_the_bytes(header, expected):
    assert code(CLAIM, header) == expected


def test_a_content_type_makes_json_of_what_does_not_look_like_it():
    assert code(b"claim", "application/json") == "malformed-json"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (b"{}", "json"),
        (BOM + b" [", "json"),
        (b"ISA*00*", "x12"),
        (b"ISA", "x12"),
        (b"\r\nISA|", "x12"),
        (b"GS*HC*", "x12"),
        (b"ST*837*", "x12"),
        (b"IEA*1*", "x12"),
        (b"STATEMENT", "unknown"),
        (b"GS HC", "unknown"),
        (b"", "unknown"),
    ],
)
def test_a_format_is_known_by_its_first_bytes(record, expected):
    assert sniff(record) == expected
    assert format_of(record) == expected


def test_format_of_a_named_content_type_is_that_one():
    assert format_of(b"", "application/fhir+json") == "fhir"
    assert format_of(b"", "text/x12") == "x12"


def test_every_cut_of_a_claim_is_one_rejection():
    whole = json.dumps(FULL, ensure_ascii=False).encode()
    codes = {code(whole[:end]) for end in range(1, len(whole))}

    assert codes == {"malformed-json"}


@given(
    st.binary(max_size=60) | st.just(CLAIM),
    st.sampled_from(["application/json", "text/x12", "application/fhir+json", content_type("claim"), "text/plain", ""]),
    st.sampled_from(["", ";v=2", ";patient=SMITH", "SMITH", "; charset=utf-8"]),
)
def test_a_plain_content_type_reads_as_the_one_it_stands_for(record, named, more):
    plain = plain_content_type(named + more)

    assert "smith" not in (plain or "").lower()
    assert list(read_record(record, named + more)) == list(read_record(record, plain))
