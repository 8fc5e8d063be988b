import random
from collections.abc import Sequence
from functools import cache
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from streams.demo import x12_writer
from streams.demo.draft import Draft
from streams.demo.visits import Visits
from streams.intake.items import Item, ReadClaim, Warned
from streams.intake.x12 import read_x12
from streams.intake.x12.split import split
from tests.streams.intake.x12.building import (
    BILLING,
    CLAIM,
    HEADER,
    LINE,
    OTHER_CLAIM,
    PATIENT,
    SUBSCRIBER,
    group,
    interchange,
    professional,
    record,
    transaction,
    warned,
)

LIMIT = 1 << 20
OTHER = transaction(["BPR*I*1*C*ACH"] + ["CLP*1*1*1*1"] * 30, kind="835", guide="")
INSTITUTIONAL = transaction(HEADER, BILLING, SUBSCRIBER, ["CLM*C-9*1***11:A:1", "LX*1", "SV2*0300**1*UN*1"] * 20)


@cache
def visits() -> list[Draft]:
    return list(islice(Visits(random.Random(5), 100), 100))


def drafts_of(seed: int, count: int) -> list[Draft]:
    start = seed % 60
    return visits()[start : start + count]


def parts_of(data: bytes, target: int, limit: int = LIMIT) -> list[tuple[bytes, int]]:
    return [(part.content(data), part.first_claim) for part in split(data, target=target, limit=limit)]


def told(found: Sequence[Item]) -> list[tuple[object, ...]]:
    """What an item is, but for where it stood and the envelope it is sent again in."""
    return [
        (item.identity, item.claim, item.received_on, item.where)
        if isinstance(item, ReadClaim)
        else (item.identity, item.rejection.code, item.rejection.message, item.where)
        for item in found
        if not isinstance(item, Warned)
    ]


def told_in_parts(data: bytes, target: int) -> list[tuple[object, ...]]:
    return [each for part, first in parts_of(data, target) for each in told(list(read_x12(part, first)))]


def segments_of(data: bytes) -> list[list[str]]:
    return [each.strip().split("*") for each in data.decode().split("~") if each.strip()]


@given(
    st.integers(0, 10_000),
    st.lists(st.integers(1, 12), min_size=1, max_size=4),
    st.booleans(),
    st.integers(500, 12_000),
)
def test_parts_give_the_claims_of_the_whole_under_the_same_identities(seed, sizes, newlines, target):
    data = b"".join(
        x12_writer.interchange(drafts_of(seed + at, size), control=seed + at, newlines=newlines)
        for at, size in enumerate(sizes)
    )
    found = told_in_parts(data, target)

    assert told(list(read_x12(data))) == found
    assert sum(sizes) == len(found)


@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(6_000, 12_000))
def test_a_part_is_a_valid_interchange_with_counts_of_its_own(seed, count, target):
    data = x12_writer.interchange(drafts_of(seed, count), control=seed, newlines=False)

    for part, _ in parts_of(data, target):
        assert [] == warned(part)
        heads = [segment for segment in segments_of(part) if segment[0] in ("ISA", "GS", "ST")]
        assert segments_of(data)[:3] == heads
        assert len(part) <= target


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """Interchanges with segments that were lost, repeated or moved, and an end that was cut off."""
    some = st.sampled_from(
        [CLAIM + LINE, OTHER_CLAIM, PATIENT + CLAIM + LINE, SUBSCRIBER + CLAIM + LINE, ["HL*9*1*22*0"]]
    )
    bodies = st.lists(some, min_size=1, max_size=6)
    kinds = st.one_of(bodies.map(lambda body: professional(*body)), st.just(OTHER), st.just(INSTITUTIONAL))
    groups = st.lists(st.lists(kinds, max_size=3).map(lambda each: group(*each)), max_size=2)
    segments = [each for found in draw(st.lists(groups, min_size=1, max_size=3)) for each in interchange(*found)]
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(segments) - 1))
        to = draw(st.integers(1, len(segments)))
        match draw(st.integers(0, 3)):
            case 0:
                del segments[at]
            case 1:
                segments.insert(to, segments[at])
            case 2:
                segments.insert(to, segments.pop(at))
            case _:
                segments.insert(
                    to, draw(st.sampled_from(["LX*1", "SV1*HC:1*1", "SE*1*1", "ISA*1", "BHT*0*1*1*20260101"]))
                )
        segments = segments or ["IEA*1*1"]
    data = record(segments, after=draw(st.sampled_from(["", "\n", "\r\n"])))
    return data[: len(data) - draw(st.integers(0, 60))]


@given(spoiled(), st.integers(100, 5_000))
def test_parts_give_what_the_whole_gives_however_it_is_spoiled(data, target):
    found = told_in_parts(data, target)

    assert told(list(read_x12(data))) == found


def test_a_file_that_fits_is_one_part_as_it_is():
    data = record(interchange(group(professional(CLAIM + LINE))))

    assert [(data, 1)] == parts_of(data, len(data))
    assert [(data, 1)] == parts_of(data, 10)  # there is nothing to cut


def test_a_transaction_is_cut_before_a_claim_with_the_loops_it_stands_in():
    long = CLAIM + ["NTE*ADD*" + "x" * 80] * 12 + LINE
    data = record(interchange(group(professional(long, PATIENT + long, long))))
    found = parts_of(data, 1_500)
    bodies = [[segment[0] for segment in segments_of(part)] for part, _ in found]

    assert [1, 2, 3] == [first for _, first in found]
    assert bodies[1].count("HL") == 3  # the patient's is its own
    assert bodies[2].count("HL") == 3  # the patient's is repeated
    assert [["SE", "35", "0001"], ["GE", "1", "7"], ["IEA", "1", "000000042"]] == segments_of(found[0][0])[-3:]


def test_a_transaction_of_another_kind_is_never_cut():
    data = record(interchange(group(OTHER, professional(CLAIM + LINE)), group(INSTITUTIONAL)))
    found = parts_of(data, 200)

    assert ["835", "837", "837"] == [segments_of(part)[2][1] for part, _ in found]
    assert all(segments_of(part)[-3][0] == "SE" for part, _ in found)
    assert len(found[2][0]) > 400


def test_transactions_share_a_part_and_are_counted():
    data = record(interchange(group(*[professional(CLAIM + LINE)] * 9)))
    found = parts_of(data, 3_000)

    assert 1 < len(found) < 9
    assert [] == [warning for part, _ in found for warning in warned(part)]
    assert 9 == sum(int(segments_of(part)[-2][1]) for part, _ in found)


def test_the_end_that_was_cut_off_stays_so():
    data = record(interchange(group(professional(CLAIM + LINE, OTHER_CLAIM))))
    data = data[: data.rindex(b"SV1") + 12]
    (*_, (last, first)) = parts_of(data, 700)

    assert last.endswith(data[-20:])
    assert 2 == first
    assert "truncated" == told(list(read_x12(last, first)))[0][1]


def test_an_empty_group_is_left_out():
    data = record(interchange(group(professional(CLAIM + LINE)), group(), group(professional(OTHER_CLAIM))))

    assert 2 == len(parts_of(data, 200))


def test_what_holds_nothing_to_tell_is_one_part():
    data = record(interchange(group(), group()))

    assert [(data, 1)] == parts_of(data, 10)
    assert [(data, 1)] == parts_of(data, 10, limit=20)


def test_a_claim_beyond_the_limit_is_a_part_that_can_be_told_by_its_size():
    large = [*CLAIM, *["NTE*ADD*" + "x" * 80] * 100, *LINE]
    found = list(
        split(record(interchange(group(professional(OTHER_CLAIM, large, CLAIM + LINE)))), target=500, limit=2_000)
    )

    assert [1, 2, 3] == [part.first_claim for part in found]
    assert [False, True, False] == [part.size > 2_000 for part in found]
    assert found[1].claims == 1
