from itertools import islice
from typing import Any

import pytest

from schemas.claim import Claim
from streams.demo import json_writer
from streams.demo.draft import Draft
from streams.intake.items import ReadClaim
from streams.intake.reading import read_record
from tests.streams.demo.judging import as_x12, items, visits

DRAFTS = list(islice(visits(), 120))
SHARED_FIELDS = {
    "claim_id", "claim_type", "frequency_code", "original_reference", "total_charge", "place_of_service",
    "authorizations", "diagnoses", "service_lines", "patient",
}  # fmt: skip


def segments(value: bytes) -> list[list[str]]:
    return [segment.strip().split("*") for segment in value.decode().split("~") if segment.strip()]


@pytest.mark.parametrize("newlines", [True, False])
def test_an_interchange_has_right_envelopes_and_counts(newlines: bool) -> None:
    value = as_x12(*DRAFTS[:30], newlines=newlines)
    found = segments(value)
    names = [segment[0] for segment in found]
    isa, gs, st, se, ge, iea = (found[names.index(name)] for name in ("ISA", "GS", "ST", "SE", "GE", "IEA"))

    assert value[105:106] == b"~"
    assert len(f"{'*'.join(isa)}~") == 106
    assert (names[0], names[-1]) == ("ISA", "IEA")
    assert se == ["SE", str(names.index("SE") - names.index("ST") + 1), st[2]]
    assert ge == ["GE", "1", gs[6]]
    assert iea == ["IEA", "1", isa[13]]
    assert (gs[8], st[3]) == ("005010X222A1", "005010X222A1")
    assert names.count("CLM") == 30
    assert value.count(b"\n") == (len(found) if newlines else 0)


def test_levels_are_numbered_in_order_under_their_parents() -> None:
    levels = [segment for segment in segments(as_x12(*DRAFTS)) if segment[0] == "HL"]
    kinds = {number: kind for _, number, _, kind, _ in levels}
    parents = {number: parent for _, number, parent, _, _ in levels}
    with_children = {parent for parent in parents.values() if parent}

    assert [number for _, number, *_ in levels] == [str(n) for n in range(1, len(levels) + 1)]
    assert {(kinds[number], kinds.get(parent)) for number, parent in parents.items()} == {
        ("20", None), ("22", "20"), ("23", "22")
    }  # fmt: skip
    assert {number for _, number, _, _, child in levels if child == "1"} == with_children


def test_an_interchange_is_read_whole_and_without_a_warning() -> None:
    found = list(read_record(as_x12(*DRAFTS)))

    assert {type(item) for item in found} == {ReadClaim}
    assert {item.claim.claim_id for item in found if isinstance(item, ReadClaim)} == {d.claim_id for d in DRAFTS}


def test_both_formats_say_the_same_of_a_claim() -> None:
    for draft in DRAFTS:
        x12, json = comparable(as_x12(draft)), comparable(as_json(draft))

        assert x12 == json


def as_json(draft: Draft) -> bytes:
    return json_writer.json_bytes(json_writer.claim_object(draft))


def comparable(value: bytes) -> dict[str, Any]:
    (item,) = items(value)
    assert isinstance(item, ReadClaim)
    claim: Claim = item.claim
    return claim.model_dump(include=SHARED_FIELDS) | {
        "payer": (claim.payer.id, claim.payer.name, claim.payer.filing_indicator, claim.payer.sequence),
        "member": (claim.subscriber.member_id, claim.subscriber.relationship, claim.subscriber.group_number),
        "who": (claim.who.first_name, claim.who.last_name, claim.who.birth_date, claim.who.sex),
        "npis": [
            provider and provider.npi
            for provider in (claim.billing_provider, claim.rendering_provider, claim.service_facility)
        ],
    }
