"""A claim our own code fails on: the others of its file are read, and it is the same event once the code is mended."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from schemas.claim import Claim
from schemas.rejection import Rejection
from streams.intake.fhir.claim import ClaimReader as FhirReader
from streams.intake.items import ReadClaim, Rejected
from streams.intake.reading import read_record
from streams.intake.x12.claim_loop import ClaimReader as X12Reader
from tests.streams.intake.fhir import building as fhir
from tests.streams.intake.x12 import building as x12

SECRET = "QUACKENBUSH"
X12 = x12.one(x12.CLAIM + x12.LINE, x12.OTHER_CLAIM, [*x12.with_segment(x12.CLAIM, "CLM", "CLM*C-3*5***11:B:1")])
FHIR = json.dumps(
    fhir.bundle(*(fhir.changed("identifier.0.value", number) for number in ("C-1", "C-2", "C-3")))
).encode()


def failing_on(claim_id: str, read: Callable[..., Claim | Rejection]) -> Callable[..., Claim | Rejection]:
    def reading(*given: Any, **named: Any) -> Claim | Rejection:
        found = read(*given, **named)
        if isinstance(found, Claim) and found.claim_id == claim_id:
            raise KeyError(SECRET)
        return found

    return reading


@pytest.mark.parametrize(("record", "reader"), [(X12, X12Reader), (FHIR, FhirReader)], ids=["x12", "fhir"])
def test_a_defect_puts_aside_the_claim_it_concerns_and_no_other(record, reader, monkeypatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(reader, "read", failing_on("C-2", reader.read))
        found = [item for item in read_record(record) if isinstance(item, ReadClaim | Rejected)]
    (put_aside,) = (item for item in found if isinstance(item, Rejected) and item.rejection.code == "unprocessable")
    (mended,) = (
        item
        for item in read_record(put_aside.original, first_ordinal=put_aside.first_ordinal, bundle=put_aside.bundle)
        if isinstance(item, ReadClaim)
    )

    assert 3 == len(found)
    assert found.index(put_aside) == 1
    assert "KeyError at test_reader_defects.py:" in put_aside.rejection.message
    assert SECRET not in put_aside.rejection.message + put_aside.rejection.at
    assert ("C-2", put_aside.identity) == (mended.claim.claim_id, mended.identity)
