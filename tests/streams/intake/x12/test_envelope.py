import pytest

from streams.intake.items import Rejected
from tests.streams.intake.x12.building import (
    BILLING,
    CLAIM,
    GS,
    HEADER,
    ISA,
    LINE,
    OTHER_CLAIM,
    SUBSCRIBER,
    claims,
    group,
    interchange,
    items,
    one,
    professional,
    record,
    rejected,
    transaction,
    warned,
    with_segment,
)

SEGMENTS = interchange(group(professional(CLAIM + LINE, OTHER_CLAIM)))


@pytest.mark.parametrize(
    ("trailer", "put", "at"),
    [
        ("SE", ["SE*99*0001"], "SE/01"),
        ("SE", ["SE**0001"], "SE/01"),
        ("SE", ["SE*26*9999"], "SE/02"),
        ("GE", ["GE*2*7"], "GE/01"),
        ("GE", ["GE*1*8"], "GE/02"),
        ("IEA", ["IEA*X*000000042"], "IEA/01"),
        ("IEA", ["IEA*1*000000043"], "IEA/02"),
        ("SE", [], "SE"),
        ("GE", [], "GE"),
        ("IEA", [], "IEA"),
        ("SE", ["SE*28*0001", "SE*28*0001"], "SE segment 29"),
        ("GE", ["GE*1*7", "GE*1*7"], "GE"),
        ("IEA", ["IEA*1*000000042", "IEA*1*000000042"], "IEA"),
    ],
)
def test_a_fault_of_a_trailer_is_a_warning_and_costs_no_claim(trailer: str, put: list[str], at: str) -> None:
    segments = with_segment(SEGMENTS, trailer, *put)
    data = record(with_segment(segments, "SE*26", "SE*28*9999") if "SE*26*9999" in put else segments)

    assert len(claims(data)) == 2
    assert [at] == [warning.at for warning in warned(data)]
    assert rejected(data) == []


def test_control_numbers_may_differ_in_leading_zeros() -> None:
    assert warned(record(with_segment(SEGMENTS, "IEA", "IEA*1*42"))) == []


def test_counts_are_those_of_each_interchange_group_and_transaction() -> None:
    two = group(professional(CLAIM + LINE), professional(OTHER_CLAIM))
    data = record(interchange(two, two) + interchange(two))

    assert len(claims(data)) == 6
    assert warned(data) == []


@pytest.mark.parametrize(
    ("missing", "warnings"),
    [
        (["SE", "GE", "IEA"], ["SE", "GE", "IEA"]),
        (["GE", "IEA"], ["GE", "IEA"]),
        (["GS", "GE"], ["GS", "IEA/01"]),
        (["ST", "SE"], ["ST segment 3"]),
    ],
)
def test_an_interchange_that_lacks_part_of_its_envelope_is_read(missing: list[str], warnings: list[str]) -> None:
    segments = SEGMENTS
    for name in missing:
        segments = with_segment(segments, name)

    assert len(claims(record(segments))) == 2
    assert warnings == [warning.at for warning in warned(record(segments))]


def test_what_begins_anew_ends_what_was_not_closed() -> None:
    body = [*HEADER, *BILLING, *SUBSCRIBER, *CLAIM, *LINE]
    data = record([ISA, GS, "ST*837*1", *body, "ST*837*2", *body, GS, "ST*837*3", *body, ISA, GS, "ST*837*4", *body])

    assert [found.where for found in claims(data)] == [
        "ST 1 · claim 1",
        "ST 2 · claim 1",
        "ST 3 · claim 1",
        "ST 4 · claim 1",
    ]
    assert [warning.at for warning in warned(data)] == ["SE", "SE", "GE", "SE", "GE", "IEA", "SE", "GE", "IEA"]


def test_claims_that_lost_their_st_are_read() -> None:
    data = record([*interchange(group(transaction(HEADER), [*BILLING, *SUBSCRIBER, *CLAIM, *LINE]))])

    assert [found.where for found in claims(data)] == ["without ST · claim 1"]


def test_the_original_of_a_claim_without_st_or_gs_gives_the_same_rejection() -> None:
    data = record([ISA, *BILLING, *SUBSCRIBER, *with_segment(OTHER_CLAIM, "HI"), "IEA*0*000000042"])
    (found,) = rejected(data)
    (again,) = rejected(found.original)

    assert found.rejection == again.rejection


def test_a_claim_whose_trailers_only_are_missing_is_read_with_warnings() -> None:
    data = one()[: one().index(b"SE*")]

    assert [found.claim.claim_id for found in claims(data)] == ["C-1"]
    assert [warning.at for warning in warned(data)] == ["SE", "GE", "IEA"]


@pytest.mark.parametrize("left", [b"S", b"HL", b"R"])
def test_a_piece_of_a_segment_id_after_a_whole_claim_takes_nothing_from_it(left: bytes) -> None:
    data = one()[: one().index(b"SE*")] + left

    assert [found.claim.claim_id for found in claims(data)] == ["C-1"]


def test_a_claim_cut_off_between_its_lines_is_truncated_though_it_could_be_read() -> None:
    second = [segment.replace("LX*1", "LX*2").replace("1850", "0.50") for segment in LINE]
    data = one([segment.replace("1850*", "1850.50*", 1) for segment in CLAIM] + LINE + second)
    cut = data[: data.index(b"LX*2")]

    assert [(item.rejection.code, item.rejection.at) for item in rejected(cut)] == [("truncated", "2300 segment 22")]
    assert claims(cut) == []


@pytest.mark.parametrize("upto", [b"BHT", b"HL*2", b"NM1*PR", b"CLM", b"HI", b"SV1", b"DTP", b"0615"])
def test_the_original_of_a_claim_cut_off_is_cut_off_in_the_same_way(upto: bytes) -> None:
    data = one()[: one().index(upto) + 2]
    (found,) = rejected(data)
    (again,) = rejected(found.original)

    assert ("truncated", found.rejection) == (found.rejection.code, again.rejection)
    assert found.original == again.original


def test_another_kind_cut_off_is_kept_as_it_was_cut() -> None:
    data = record([ISA, GS, "ST*835*1", "BPR*I*1*C"])[:-3]
    (found,) = rejected(data)

    assert found.original.endswith(b"ST*835*1~\nBPR*I*1*")
    assert [found.identity] == [again.identity for again in rejected(found.original)]


def test_a_whole_rejection_says_where_it_stands_in_the_bytes() -> None:
    other = transaction(["BPR*I*1"], kind="835", control="0009", guide="")
    data = record(interchange(group(professional(CLAIM + LINE), other)))
    (found,) = rejected(data)

    assert isinstance(found, Rejected)
    assert data[found.span.start : found.span.end] == b"ST*835*0009~\nBPR*I*1~"
    assert found.identity[:4] == (b"000000042", b"7", b"0009", b"0")
    assert len(items(data)) == 2
