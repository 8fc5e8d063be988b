import pytest
from pydantic import ValidationError

from schemas.claim import Claim
from streams.intake.items import Item, ReadClaim, Rejected, Warned
from streams.intake.x12 import assembler
from streams.intake.x12.places import refused_by_model
from streams.intake.x12.tokenizer import Segment
from tests.streams.intake.x12.building import (
    BILLING,
    CLAIM,
    HEADER,
    LINE,
    OTHER_CLAIM,
    PATIENT,
    SUBSCRIBER,
    claims,
    group,
    interchange,
    items,
    professional,
    record,
    rejected,
    transaction,
    warned,
    with_segment,
)

WHOLE = [*BILLING, *SUBSCRIBER, *PATIENT, *CLAIM, *LINE]
REQUIRED = [
    # what the fault is, the segment it replaces, what is put there, code, at
    ("billing provider", "NM1*85", [], "missing-field", "2010AA/NM1 segment 5"),
    ("billing NPI", "NM1*85", ["NM1*85*2*GROUP*****XX"], "missing-field", "2010AA/NM1/09 segment 7"),
    ("billing NPI of another kind", "NM1*85", ["NM1*85*2*G*****24*1"], "missing-field", "2010AA/NM1/09 segment 7"),
    ("subscriber", "NM1*IL", [], "missing-field", "2010BA/NM1 segment 11"),
    ("member id", "NM1*IL", ["NM1*IL*1*DOE*PAT****MI* "], "missing-field", "2010BA/NM1/09 segment 13"),
    ("payer", "NM1*PR", [], "missing-field", "2010BB/NM1 segment 11"),
    ("payer id", "NM1*PR", ["NM1*PR*2*PAYER"], "missing-field", "2010BB/NM1/09 segment 17"),
    ("patient name", "NM1*QC", [], "missing-field", "2010CA/NM1 segment 18"),
    ("birth date", "DMG*D8*2010", ["DMG*D8*20101301*M"], "wrong-type", "2010CA/DMG/02 segment 22"),
    ("claim id", "CLM", ["CLM**1850***24:B:1"], "missing-field", "2300/CLM/01 segment 23"),
    ("total charge", "CLM", ["CLM*C-1****24:B:1"], "missing-field", "2300/CLM/02 segment 23"),
    ("total charge is a word", "CLM", ["CLM*C-1*MUCH***24:B:1"], "wrong-type", "2300/CLM/02 segment 23"),
    ("total charge is too long", "CLM", [f"CLM*C-1*{'9' * 13}"], "wrong-type", "2300/CLM/02 segment 23"),
    ("diagnoses", "HI", [], "missing-field", "2300/HI segment 23"),
    ("diagnosis codes", "HI", ["HI*ABK*ABF:*BG:01"], "missing-field", "2300/HI segment 23"),
    ("lines", "LX", [], "misplaced-segment", "2400/SV1 segment 25"),
    ("line number", "LX", ["LX"], "missing-field", "2400/LX/01 segment 25"),
    ("line number is a word", "LX", ["LX*ONE"], "wrong-type", "2400/LX/01 segment 25"),
    ("line number is beyond all measure", "LX", ["LX*" + "9" * 5000], "wrong-type", "2400/LX/01 segment 25"),
    ("service", "SV1", [], "missing-field", "2400/SV1 segment 25"),
    ("two services", "SV1", [LINE[1], LINE[1]], "misplaced-segment", "2400/SV1 segment 27"),
    ("procedure", "SV1", ["SV1**1850*UN*1"], "missing-field", "2400/SV1/01 segment 26"),
    ("procedure code", "SV1", ["SV1*62323*1850*UN*1"], "missing-field", "2400/SV1/01 segment 26"),
    ("line charge", "SV1", ["SV1*HC:62323**UN*1"], "missing-field", "2400/SV1/02 segment 26"),
    ("line charge is a word", "SV1", ["SV1*HC:62323*1,850*UN*1"], "wrong-type", "2400/SV1/02 segment 26"),
    ("units", "SV1", ["SV1*HC:62323*1850*UN"], "missing-field", "2400/SV1/04 segment 26"),
    ("units are a word", "SV1", ["SV1*HC:62323*1850*UN*ONE"], "wrong-type", "2400/SV1/04 segment 26"),
    ("pointer is a letter", "SV1", ["SV1*HC:62323*1850*UN*1***A"], "wrong-type", "2400/SV1/07 segment 26"),
    ("service date", "DTP", [], "missing-field", "2400/DTP segment 25"),
    ("service date is empty", "DTP", ["DTP*472*D8*"], "missing-field", "2400/DTP segment 25"),
    ("service date is none", "DTP", ["DTP*472*D8*20260631"], "wrong-type", "2400/DTP/03 segment 27"),
    ("service date is in a week", "DTP", ["DTP*472*D8*2026W251"], "wrong-type", "2400/DTP/03 segment 27"),
    ("end of service is none", "DTP", ["DTP*472*RD8*20260615-"], "wrong-type", "2400/DTP/03 segment 27"),
    ("drug quantity is a word", "DTP", [LINE[2], "LIN**N4*1", "CTP****X*ML"], "wrong-type", "2410/CTP/04 segment 29"),
]


def faulty(segment: str, put: list[str]) -> bytes:
    """A record whose second claim has the fault, between two good ones of another subscriber."""
    good = transaction(HEADER, BILLING, SUBSCRIBER, OTHER_CLAIM, control="0002")
    return record(interchange(group(transaction(HEADER, with_segment(WHOLE, segment, *put)), good)))


@pytest.mark.parametrize(
    ("segment", "put", "code", "at"), [row[1:] for row in REQUIRED], ids=[row[0] for row in REQUIRED]
)
def test_what_is_missing_or_wrong_rejects_its_claim_with_its_place(
    segment: str, put: list[str], code: str, at: str
) -> None:
    rejection, read = items(faulty(segment, put))

    assert isinstance(rejection, Rejected)
    assert (code, at, "ST 0001 · claim 1") == (rejection.rejection.code, rejection.rejection.at, rejection.where)
    assert isinstance(read, ReadClaim)
    assert read.claim.claim_id == "C-2"


@pytest.mark.parametrize(("segment", "put"), [row[1:3] for row in REQUIRED], ids=[row[0] for row in REQUIRED])
def test_a_message_names_the_fix_and_no_value_of_the_claim(segment: str, put: list[str]) -> None:
    (found,) = rejected(faulty(segment, put))

    message = found.rejection.message
    assert "; " in message
    for value in ("C-1", "MUCH", "ONE", "20260631", "1,850", "EXAMPLE", "1EG4TE5MK73", "M5416"):
        assert value not in message


@pytest.mark.parametrize(("segment", "put"), [row[1:3] for row in REQUIRED], ids=[row[0] for row in REQUIRED])
def test_the_original_of_a_rejected_claim_gives_the_same_rejection_alone(segment: str, put: list[str]) -> None:
    (found,) = rejected(faulty(segment, put))
    (again,) = items(found.original)

    assert isinstance(again, Rejected)
    assert found.rejection == again.rejection
    assert found.original == again.original


def test_the_original_of_a_later_claim_holds_the_loops_it_stands_in_and_no_other_claim() -> None:
    second = [segment.replace("PAT*", "SUE*") for segment in with_segment(SUBSCRIBER, "HL", "HL*4*1*22*0")]
    bad = with_segment(OTHER_CLAIM, "HI", "NTE*ADD*X")
    data = record(
        interchange(
            group(transaction(HEADER, BILLING, SUBSCRIBER, PATIENT, CLAIM, LINE, second, CLAIM, LINE, bad, bad))
        )
    )
    found = rejected(data)[1]
    expected = record(interchange(group(transaction(HEADER, BILLING, second, bad))))

    assert (len(items(data)) - 1, len(rejected(data))) == (3, 2)
    assert expected.replace(b"\n", b"") == found.original.replace(b"\n", b"")
    assert found.where == "ST 0001 · claim 4"


def test_the_neighbours_of_a_bad_claim_are_read() -> None:
    bad = with_segment(OTHER_CLAIM, "SV1", "SV1*HC:99213")
    data = record(interchange(group(professional(CLAIM + LINE, bad, OTHER_CLAIM))))

    assert [found.claim.claim_id for found in claims(data)] == ["C-1", "C-2"]
    assert [found.where for found in claims(data)] == ["ST 0001 · claim 1", "ST 0001 · claim 3"]
    assert [found.identity[3] for found in items(data) if not isinstance(found, Warned)] == [b"1", b"2", b"3"]


@pytest.mark.parametrize(
    "parts",
    [
        [CLAIM, LINE],
        [BILLING, CLAIM, LINE],
        [BILLING, ["HL*2*1*XX"], SUBSCRIBER[1:], CLAIM, LINE],
        [BILLING, SUBSCRIBER, ["HL*3*2*"], CLAIM, LINE],
        [BILLING, PATIENT, CLAIM, LINE],
    ],
)
def test_a_claim_under_no_subscriber_is_misplaced(parts: list[list[str]]) -> None:
    (found,) = rejected(record(interchange(group(transaction(HEADER, *parts)))))

    assert found.rejection.code == "misplaced-segment"


def test_lines_whose_clm_was_lost_are_rejected_and_not_given_to_another_claim() -> None:
    next_level = with_segment(SUBSCRIBER, "HL", "HL*3*1*22*0")
    data = record(
        interchange(
            group(transaction(HEADER, BILLING, SUBSCRIBER, CLAIM, LINE, next_level, LINE, next_level, OTHER_CLAIM))
        )
    )

    assert [len(found.claim.service_lines) for found in claims(data)] == [1, 1]
    assert [(found.rejection.code, found.rejection.at) for found in rejected(data)] == [
        ("no-claims", "2400/LX segment 30")
    ]
    (again,) = items(rejected(data)[0].original)
    assert isinstance(again, Rejected)
    assert again.rejection.code == "no-claims"


@pytest.mark.parametrize(
    "segments",
    [
        interchange(),
        interchange(group()),
        interchange(group(transaction(HEADER))),
        interchange(group(transaction(HEADER, BILLING, SUBSCRIBER))),
        [*interchange(), "TA1*000000042*260620*1200*A*000"],
    ],
)
def test_a_record_without_a_claim_is_one_rejection(segments: list[str]) -> None:
    data = record(segments)
    (found,) = rejected(data)

    assert ("no-claims", data, (data,), "the record") == (
        found.rejection.code,
        found.original,
        found.identity,
        found.where,
    )


@pytest.mark.parametrize(
    ("kind", "version", "service", "words"),
    [
        ("835", "005010X221A1", "CLP", "835 remittance advice"),
        ("270", "005010X279A1", "EQ", "270 eligibility inquiry"),
        ("834", "005010X220A1", "INS", "834 benefit enrollment"),
        ("999", "005010X231A1", "AK1", "999 implementation acknowledgement"),
        ("123", "005010", "XX", "this transaction set"),
        ("278", "005010X217", "UM", "278 prior authorization"),
        ("837", "005010X223A2", "SV2", "837I institutional claims (005010X223A2)"),
        ("837", "005010X223A2", "SV1", "837I institutional claims (005010X223A2)"),
        ("837", "005010X224A2", "SV3", "837D dental claims (005010X224A2)"),
        ("837", "005010X222A1", "SV2", "837I institutional claims (005010X222A1)"),
        ("837", "005010", "SV3", "837D dental claims (005010)"),
        ("837", "", "SV2", "837I institutional claims are"),
        ("837", "004010X098A1", "SV1", "837P professional claims of another version"),
        ("837", "004010X096A1", "SV2", "837I institutional claims of another version"),
    ],
)
@pytest.mark.parametrize("stands_in", ["GS08", "ST03"])
def test_another_kind_of_transaction_is_one_rejection_that_names_it(
    kind: str, version: str, service: str, words: str, stands_in: str
) -> None:
    guide, gs08 = (f"*{version}", "") if stands_in == "ST03" else ("", version)
    body = [*BILLING, *SUBSCRIBER, "CLM*1*1", "LX*1", f"{service}*HC:1*1", "CLM*2*1", "LX*1", f"{service}*HC:1*1"]
    other = transaction(HEADER, body, control="0009", guide=guide, kind=kind)
    data = record(interchange(group(other, professional(CLAIM + LINE), version=gs08)))
    found = rejected(data)[0]

    assert found.rejection.code == ("not-a-claim" if kind == "278" else "unsupported-transaction")
    assert found.rejection.message.startswith(words)
    assert found.where == "ST 0009"
    assert record(interchange(group(other, version=gs08))).replace(b"\n", b"") == found.original.replace(b"\n", b"")
    (again,) = items(found.original)
    assert isinstance(again, Rejected)
    assert found.rejection == again.rejection


@pytest.mark.parametrize(
    "version", ["005010X222", "005010X222A1", "005010X222A2", "005010X298", "005010X291", "005010", "", "A GUIDE"]
)
@pytest.mark.parametrize("guide", ["", "*005010X222A1", "*005010X222", "*"])
def test_professional_claims_are_read_under_any_label_that_does_not_deny_it(version: str, guide: str) -> None:
    data = record(
        interchange(group(transaction(HEADER, BILLING, SUBSCRIBER, CLAIM, LINE, guide=guide), version=version))
    )

    assert len(claims(data)) == 1
    assert rejected(data) == []


def test_a_mixed_interchange_gives_its_professional_claims() -> None:
    remittance = transaction(["BPR*I*1"], kind="835", guide="")
    institutional = transaction(HEADER, BILLING, SUBSCRIBER, ["CLM*1*1", "LX*1", "SV2*0360"], guide="*005010X223A2")
    data = record(
        interchange(group(remittance), group(professional(CLAIM + LINE), institutional, professional(OTHER_CLAIM)))
    )

    kinds = [type(item) for item in items(data)]
    assert [Rejected, ReadClaim, Rejected, ReadClaim] == kinds


def test_claims_beyond_the_limit_are_one_rejection_that_can_be_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembler, "CLAIMS_PER_RECORD_MAX", 3)
    two = professional(CLAIM + LINE, OTHER_CLAIM)
    data = record(interchange(group(two, two), group(two)))
    *read, last = items(data)

    assert [item.claim.claim_id for item in read if isinstance(item, ReadClaim)] == ["C-1", "C-2", "C-1"]
    assert isinstance(last, Rejected)
    assert ("too-many-claims", len(data)) == (last.rejection.code, last.span.end)
    assert [found.claim.claim_id for found in claims(last.original)] == ["C-2", "C-1", "C-2"]
    assert rejected(last.original) == []


def test_loops_beyond_all_measure_are_not_repeated_around_each_bad_claim() -> None:
    bad = with_segment(OTHER_CLAIM, "HI")
    notes = ["PER*IC*" + "X" * 1000] * 20
    data = record(interchange(group(transaction(HEADER, BILLING, notes, SUBSCRIBER, *[bad] * 50))))

    assert len(rejected(data)) == 50
    assert len(data) > sum(len(found.original) for found in rejected(data)) / 2


def test_items_come_claim_by_claim() -> None:
    data = record(interchange(group(professional(CLAIM + LINE, OTHER_CLAIM))))
    first: Item = next(assembler.read_x12(data))

    assert isinstance(first, ReadClaim)
    assert warned(data) == []


def test_what_the_model_alone_refuses_is_said_of_the_claim() -> None:
    clm = Segment(["CLM"], 0, 4, 12, terminated=True)
    with pytest.raises(ValidationError) as raised:
        Claim.model_validate({})
    found = refused_by_model(raised.value, {}, clm)

    assert (found.code, found.at) == ("wrong-type", "2300/CLM segment 12")
