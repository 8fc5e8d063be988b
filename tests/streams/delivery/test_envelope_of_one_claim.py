"""The letter of one claim of an X12 file: its own segments in the smallest envelope that is valid."""

import pytest

from streams.intake.items import ReadClaim, Rejected
from streams.intake.x12 import read_x12
from streams.intake.x12.tokenizer import Interchange, Segment, tokens
from tests.streams.delivery.test_same_event import BAD, GOOD, NO_DIAGNOSIS, OTHER_SUBSCRIBER, RECORDS
from tests.streams.intake.x12.building import (
    BILLING,
    HEADER,
    PATIENT,
    SUBSCRIBER,
    group,
    interchange,
    professional,
    record,
    transaction,
)

PARENTS = {"22": "20", "23": "22"}


def segments(data: bytes) -> list[Segment]:
    found = [token.segment if isinstance(token, Interchange) else token for token in tokens(data)]
    assert all(isinstance(each, Segment) and each.terminated for each in found)
    return [each for each in found if isinstance(each, Segment)]


def in_the_smallest_valid_envelope(data: bytes, found: Rejected) -> None:
    letter = segments(found.original)
    names = [each.elements[0] for each in letter]
    by_name = {each.elements[0]: each for each in letter}
    own = data[found.span.start : found.span.end]

    # The own bytes, once, right before the trailers; of all other claims nothing.
    end = found.original.index(own) + len(own)
    trailers = segments(found.original[: by_name["ISA"].end] + found.original[end:])[1:]
    assert [each.elements[0] for each in trailers] == ["SE", "GE", "IEA"]
    assert names[:3] == ["ISA", "GS", "ST"]
    assert names.count("CLM") == own.count(b"CLM" + own[3:4])
    # The counts and control numbers are those of this envelope.
    se, ge, iea = (by_name[name] for name in ("SE", "GE", "IEA"))
    assert (int(se.value(1)), se.value(2)) == (names.index("SE") - names.index("ST") + 1, by_name["ST"].value(2))
    assert (ge.value(1), ge.value(2)) == ("1", by_name["GS"].value(6))
    assert (iea.value(1), iea.value(2)) == ("1", by_name["ISA"].value(13))
    # The levels are those the claim hangs under, each once, each under the one before it.
    before = letter[: next(index for index, each in enumerate(letter) if each.start >= end - len(own))]
    levels = [each for each in before if each.elements[0] == "HL"]
    kinds = [each.value(3) for each in levels]
    assert kinds in (["20", "22"], ["20", "22", "23"])
    assert [(child.value(2), PARENTS[child.value(3)]) for child in levels[1:]] == [
        (parent.value(1), parent.value(3)) for parent in levels[:-1]
    ]
    # All of it stood in the record before the claim; nothing but the trailers was made up.
    stood = {tuple(each.elements) for each in segments(data) if each.start < found.span.start}
    assert {tuple(each.elements) for each in before} <= stood


MORE = {
    "two subscribers with patients": transaction(
        HEADER, BILLING, SUBSCRIBER, PATIENT, GOOD, BAD, OTHER_SUBSCRIBER, NO_DIAGNOSIS, GOOD
    ),
    "after another billing provider": transaction(
        HEADER, BILLING, SUBSCRIBER, GOOD, ["HL*8**20*1", *BILLING[1:]], ["HL*9*8*22*0", *SUBSCRIBER[1:]], BAD
    ),
    "between many": professional(*[GOOD] * 30, BAD, *[GOOD] * 30),
}
WITHOUT_LEVELS = {"under no subscriber", "lines without a claim", "under loops beyond all measure"}


@pytest.mark.parametrize("name", [*(RECORDS.keys() - WITHOUT_LEVELS), *MORE])
@pytest.mark.parametrize("delimiters", ["*:~", "|>^"])
def test_a_bad_claim_is_kept_in_the_smallest_valid_envelope(name: str, delimiters: str) -> None:
    data = record(interchange(group((RECORDS | MORE)[name])), delimiters)
    refused = [item for item in read_x12(data) if isinstance(item, Rejected)]

    assert refused
    for found in refused:
        in_the_smallest_valid_envelope(data, found)


@pytest.mark.shared
def test_any_claim_of_the_samples_made_bad_is_kept_in_the_smallest_valid_envelope(shared) -> None:
    kept = 0
    for path in sorted((shared / "samples" / "x12_837p").rglob("*")):
        data = path.read_bytes() if path.is_file() else b""
        for read in [item for item in read_x12(data) if isinstance(item, ReadClaim)][:20]:
            # A claim without its charge, which is as long as before: all places stay.
            separator = data[read.span.start + 3 : read.span.start + 4]
            elements = data[read.span.start : read.span.end].split(separator, 3)
            elements[2] = b"X" * len(elements[2])
            bad = data[: read.span.start] + separator.join(elements) + data[read.span.end :]
            (found,) = (item for item in read_x12(bad) if isinstance(item, Rejected))
            if segments_nest(bad, read):
                in_the_smallest_valid_envelope(bad, found)
                kept += 1

    assert kept > 50


def segments_nest(data: bytes, read: ReadClaim) -> bool:
    """Whether HL, GS and ST of a sample are there and in order up to a claim; some samples are about those."""
    before = [each for each in segments(data) if each.start < read.span.start]
    levels = [each for each in before if each.elements[0] == "HL"]
    last = {each.value(3): each for each in levels}
    linked = all(child not in last or last[child].value(2) == last[PARENTS[child]].value(1) for child in PARENTS)
    return linked and {"GS", "ST"} <= {each.elements[0] for each in before}
