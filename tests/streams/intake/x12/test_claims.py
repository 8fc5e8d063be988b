from datetime import date
from decimal import Decimal

import pytest

from schemas.claim import AuthorizationReference, Claim, Person
from streams.intake.items import ReadClaim
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
    one,
    professional,
    record,
    transaction,
    warned,
    with_segment,
)


def read(*parts: list[str]) -> Claim:
    (found,) = claims(record(interchange(group(transaction(HEADER, *parts)))))
    return found.claim


def claim_with(*segments: str) -> Claim:
    return read(BILLING, SUBSCRIBER, CLAIM, list(segments), LINE)


def line_with(*segments: str) -> Claim:
    return read(BILLING, SUBSCRIBER, CLAIM, LINE, list(segments))


def test_a_whole_claim_is_read_field_by_field() -> None:
    claim = claim_with(
        "REF*G1*AUTH1",
        "NM1*DN*1*REFERRER*DOC****XX*1000000004",
        "NM1*82*1*RENDERER*DOC****XX*1245319599",
        "PRV*PE*PXC*208VP0014X",
        "NM1*77*2*SURGERY CENTER*****XX*1728394051",
        "N3*3 CENTER AVE",
        "N4*TOWN*FL*331010002",
        "NM1*DQ*1*SUPERVISOR*DOC****XX*1000000012",
    )

    expected = {
        "claim_id": "C-1",
        "claim_type": "professional",
        "total_charge": "1850",
        "place_of_service": "24",
        "payer": {"id": "MCRFL", "name": "MEDICARE FLORIDA", "filing_indicator": "MB"},
        "subscriber": {
            "member_id": "1EG4TE5MK73",
            "relationship": "self",
            "group_number": "GROUP1",
            "last_name": "EXAMPLE",
            "first_name": "PAT",
            "birth_date": date(1952, 3, 4),
            "sex": "F",
            "address": {
                "line1": "1 MAIN ST",
                "line2": "APT 2",
                "city": "TOWN",
                "state": "FL",
                "postal_code": "33101",
            },
        },
        "billing_provider": {
            "npi": "1234567893",
            "tax_id": "123456789",
            "taxonomy": "207L00000X",
            "name": "PAIN GROUP",
            "address": {"line1": "2 CLINIC RD", "city": "TOWN", "state": "FL", "postal_code": "331010001"},
            "organization": True,
        },
        "rendering_provider": {
            "npi": "1245319599",
            "taxonomy": "208VP0014X",
            "name": "DOC RENDERER",
            "organization": False,
        },
        "referring_provider": {"npi": "1000000004", "name": "DOC REFERRER", "organization": False},
        "supervising_provider": {"npi": "1000000012", "name": "DOC SUPERVISOR", "organization": False},
        "service_facility": {
            "npi": "1728394051",
            "name": "SURGERY CENTER",
            "address": {"line1": "3 CENTER AVE", "city": "TOWN", "state": "FL", "postal_code": "331010002"},
            "organization": True,
        },
        "authorizations": ({"number": "AUTH1", "kind": "prior_authorization"},),
        "diagnoses": ({"code": "M5416"}, {"code": "M5136"}),
        "service_lines": (
            {
                "line_number": 1,
                "procedure_code": "62323",
                "charge": "1850",
                "units": "1",
                "unit_type": "UN",
                "service_date_from": date(2026, 6, 15),
                "diagnosis_pointers": (1,),
            },
        ),
    }
    assert Claim.model_validate(expected) == claim


def test_a_claim_comes_with_its_identity_its_bytes_and_its_place() -> None:
    data = one(CLAIM + LINE, OTHER_CLAIM)
    first, second = items(data)

    own = record(OTHER_CLAIM).rstrip(b"\n")
    assert isinstance(first, ReadClaim)
    assert isinstance(second, ReadClaim)
    assert (b"000000042", b"7", b"0001", b"2", own) == second.identity
    assert own == data[second.span.start : second.span.end]
    assert (first.where, second.where) == ("ST 0001 · claim 1", "ST 0001 · claim 2")
    assert date(2026, 6, 20) == second.received_on
    assert second.claim.received_on is None


def test_a_date_of_the_transaction_that_is_none_is_left_out_with_a_warning() -> None:
    data = one().replace(b"REF*20260620", b"REF*20261320")

    assert [found.received_on for found in claims(data)] == [None]
    assert [warning.at for warning in warned(data)] == ["BHT/04 segment 2"]


@pytest.mark.parametrize(("usage", "test"), [("T", True), ("P", False), ("I", False)])
def test_isa15_t_marks_a_test(usage: str, test: bool) -> None:
    (found,) = claims(record(interchange(group(professional(CLAIM + LINE)), isa=ISA.replace("*P*", f"*{usage}*"))))

    assert test == found.claim.test


def test_the_patient_of_an_hl_23_is_not_the_subscriber() -> None:
    claim = read(BILLING, with_segment(SUBSCRIBER, "SBR", "SBR*P********MB"), PATIENT, CLAIM, LINE)

    assert claim.subscriber.first_name == "PAT"
    assert claim.subscriber.relationship == "child"
    assert claim.patient is not None
    assert ("SAM", date(2010, 5, 6), "M") == (claim.patient.first_name, claim.patient.birth_date, claim.patient.sex)


@pytest.mark.parametrize(
    ("sbr02", "pat01", "relationship"),
    [("18", "", "self"), ("", "01", "spouse"), ("", "19", "child"), ("", "G8", "other"), ("", "", None)],
)
def test_the_relationship_is_sbr02_else_pat01(sbr02: str, pat01: str, relationship: str | None) -> None:
    subscriber = with_segment(SUBSCRIBER, "SBR", f"SBR*P*{sbr02}*******MB")
    claim = read(BILLING, subscriber, with_segment(PATIENT, "PAT", f"PAT*{pat01}"), CLAIM, LINE)

    assert relationship == claim.subscriber.relationship


@pytest.mark.parametrize(
    ("sbr01", "sequence"),
    [("P", "primary"), ("S", "secondary"), ("T", "tertiary"), ("A", "tertiary"), ("H", "tertiary"), ("", "primary")],
)
def test_sbr01_is_the_order_of_the_payer(sbr01: str, sequence: str) -> None:
    claim = read(BILLING, with_segment(SUBSCRIBER, "SBR", f"SBR*{sbr01}*18*******MB"), CLAIM, LINE)

    assert sequence == claim.payer.sequence


def test_each_level_ends_what_stood_below_it() -> None:
    second = [segment.replace("PAT*", "SUE*") for segment in with_segment(SUBSCRIBER, "HL", "HL*4*1*22*0")]
    second = with_segment(with_segment(second, "DMG"), "SBR", "SBR*S*18")
    data = record(
        interchange(group(transaction(HEADER, BILLING, SUBSCRIBER, PATIENT, CLAIM, LINE, second, OTHER_CLAIM)))
    )
    first, other = (found.claim for found in claims(data))

    assert isinstance(first.patient, Person)
    assert other.patient is None
    assert (
        other.subscriber.birth_date,
        other.payer.filing_indicator,
        other.payer.sequence,
    ) == (None, None, "secondary")


def test_nothing_of_a_claim_stays_for_the_next_one() -> None:
    rich = ["REF*F8*ORIG", "REF*G1*A1", "NM1*82*1*R*D****XX*1245319599", "NTE*ADD*TEXT", "PWK*OZ*EL***AC*CTRL1"]
    line = ["REF*6R*L1", "LIN**N4*00012345678", "CTP****2*ML", "NM1*82*1*L*D****XX*1000000004"]
    first, second = (found.claim for found in claims(one(CLAIM + rich + LINE + line, OTHER_CLAIM)))

    assert (first.original_reference, first.service_lines[0].control_number) == ("ORIG", "L1")
    assert Claim.model_validate(claims(one(OTHER_CLAIM))[0].claim.model_dump()) == second


def test_pay_to_address_and_pay_to_plan_are_not_the_billing_provider() -> None:
    others = ["NM1*87*2", "N3*PO BOX 1", "N4*ELSEWHERE*NY*10001", "NM1*PE*2*PLAN*****PI*PLAN1", "REF*EI*999999999"]
    claim = read(BILLING, others, SUBSCRIBER, CLAIM, LINE)

    assert (claim.billing_provider.name, claim.billing_provider.tax_id) == ("PAIN GROUP", "123456789")
    assert claim.billing_provider.address is not None
    assert claim.billing_provider.address.state == "FL"


def test_other_payers_of_the_claim_are_not_read_into_it() -> None:
    claim = claim_with(
        "SBR*S*01*OTHERGROUP******CI",
        "AMT*D*100",
        "NM1*IL*1*OTHER*JANE****MI*OTHER1",
        "N4*OTHERTOWN*NY*10001",
        "NM1*PR*2*OTHER PAYER*****PI*OTHERPAYER",
        "REF*G1*OTHERAUTH",
        "NM1*82*1*OTHER*DOC****XX*1000000004",
    )

    assert read(BILLING, SUBSCRIBER, CLAIM, LINE) == claim


def test_what_another_payer_decided_of_a_line_is_not_read_into_it() -> None:
    assert read(BILLING, SUBSCRIBER, CLAIM, LINE) == line_with(
        "SVD*P1*40*HC:62323**1", "CAS*CO*45*3", "DTP*573*D8*20260701"
    )


def test_authorizations_and_referrals_stand_on_the_claim_and_on_the_line() -> None:
    claim = read(
        BILLING, SUBSCRIBER, CLAIM, ["REF*G1*A1", "REF*9F*R1", "REF*G1*"], LINE, ["REF*G1*A2", "REF*9F*R2", "REF*G1*A3"]
    )

    assert claim.service_lines[0].authorization_number == "A2"
    assert (
        AuthorizationReference(number="A1"),
        AuthorizationReference(number="R1", kind="referral"),
        AuthorizationReference(number="R2", kind="referral"),
    ) == claim.authorizations


def test_an_authorization_of_another_payer_is_passed_over() -> None:
    claim = read(BILLING, SUBSCRIBER, CLAIM, ["REF*G1*A1**2U:OTHER"], LINE, ["REF*G1*A2**2U:OTHER"])

    assert (claim.authorizations, claim.service_lines[0].authorization_number) == ((), None)


def test_a_replacement_names_the_claim_it_replaces() -> None:
    clm = "CLM*C-1*1850***24:B:7*Y*A*Y*Y"
    claim = read(BILLING, SUBSCRIBER, with_segment(CLAIM, "CLM", clm), ["REF*F8*ICN1"], LINE)

    assert (claim.frequency_code, claim.original_reference) == ("7", "ICN1")


def test_the_line_overrides_place_provider_and_dates_of_its_claim() -> None:
    sv1 = "SV1*HC:64483:RT:59:XU:KX:EXTRA:WORDS*1850.00*MJ*.5*22**2:1"
    line = with_segment(with_segment(LINE, "SV1", sv1), "DTP", "DTP*472*RD8*20260615-20260617")
    line += [
        "NM1*DK*1*ORDERER*DOC****XX*1000000012",
        "PRV*OR*PXC*1",
        "NM1*82*1*LINE*DOC****XX*1000000004",
        "PRV*PE*PXC*208VP0000X",
    ]
    (read_line,) = read(BILLING, SUBSCRIBER, CLAIM, ["NM1*82*1*CLAIM*DOC****XX*1245319599"], line).service_lines

    assert read_line.modifiers == ("RT", "59", "XU", "KX")
    assert (Decimal("1850.00"), Decimal("0.5"), "MJ", "22") == (
        read_line.charge,
        read_line.units,
        read_line.unit_type,
        read_line.place_of_service,
    )
    assert (date(2026, 6, 15), date(2026, 6, 17)) == (read_line.service_date_from, read_line.service_date_to)
    assert read_line.diagnosis_pointers == (2, 1)
    assert read_line.rendering_provider is not None
    assert (read_line.rendering_provider.npi, read_line.rendering_provider.taxonomy) == ("1000000004", "208VP0000X")


def test_drug_note_and_control_number_stand_on_their_line() -> None:
    (line,) = line_with(
        "PWK*OZ*EL***AC*CTRL1", "REF*6R*LINE1", "NTE*ADD*L4-L5", "NTE*DCP*RIGHT", "LIN**N4*00012345678", "CTP****1.5*ML"
    ).service_lines

    assert (line.control_number, line.note) == ("LINE1", "L4-L5 RIGHT")
    assert line.drug is not None
    assert ("00012345678", Decimal("1.5"), "ML") == (line.drug.ndc, line.drug.quantity, line.drug.unit)


def test_notes_attachments_and_accident_stand_on_the_claim() -> None:
    clm = "CLM*C-1*1850***24:B:1*Y*A*Y*Y**AA:EM::FL"
    claim = read(
        BILLING,
        SUBSCRIBER,
        with_segment(CLAIM, "CLM", clm),
        ["DTP*439*D8*20260101", "NTE*ADD*TEXT", "PWK*OZ*EL***AC*CTRL1"],
        LINE,
    )

    assert claim.accident == {"cause": ["AA", "EM"], "state": "FL", "date": "2026-01-01"}
    assert claim.notes == ({"code": "ADD", "text": "TEXT"},)
    assert claim.attachments == ({"type": "OZ", "transmission": "EL", "control_number": "CTRL1"},)


def test_an_accident_date_that_is_none_is_left_out_with_a_warning() -> None:
    data = one([*CLAIM, "DTP*439*D8*2026", *LINE])

    assert [found.claim.accident for found in claims(data)] == [None]
    assert [warning.at for warning in warned(data)] == ["2300/DTP/03 segment 20"]


def test_icd9_qualifiers_are_read_with_one_warning() -> None:
    data = one([CLAIM[0], "HI*BK:M5416*BF:M5136*BG:A1", "HI*BP:62323", *LINE])

    assert [[diagnosis.code for diagnosis in found.claim.diagnoses] for found in claims(data)] == [["M5416", "M5136"]]
    assert [warning.at for warning in warned(data)] == ["2300/HI segment 19"]


def test_a_code_that_stands_apart_from_its_qualifier_keeps_its_position() -> None:
    data = one([CLAIM[0], "HI*ABK*M5416*ABF:M5136*ABF*ABF:M542", *LINE])

    assert [[code.code for code in found.claim.diagnoses] for found in claims(data)] == [["M5416", "M5136", "M542"]]
    assert len(warned(data)) == 1


def test_a_component_separator_other_than_the_declared_one_is_found_in_clm05() -> None:
    data = one().replace(b"24:B:1", b"24>B>1").replace(b"HC:62323", b"HC>62323>59")
    data = data.replace(b"ABK:M54.16*ABF:M5136", b"ABK>M54.16*ABF>M5136")
    (found,) = claims(data)

    assert (found.claim.place_of_service, found.claim.service_lines[0].modifiers) == ("24", ("59",))
    assert [warning.at for warning in warned(data)] == ["2300/CLM/05 segment 18"]


def test_what_rules_judge_is_read_as_it_is() -> None:
    hi = "HI*" + "*".join(f"ABF:M{number:03d}" for number in range(13))
    line = with_segment(LINE, "SV1", "SV1*HC:62323:Q*-1.005*XX*0*77**99:1.00")
    claim = read(with_segment(BILLING, "N4", "N4*TOWN*ZZ"), SUBSCRIBER, [CLAIM[0], hi], line)

    (read_line,) = claim.service_lines
    assert len(claim.diagnoses) == 13
    assert (Decimal("-1.005"), Decimal(0), ("Q",), (99, 1)) == (
        read_line.charge,
        read_line.units,
        read_line.modifiers,
        read_line.diagnosis_pointers,
    )


def test_many_lines_are_read_in_order() -> None:
    lines = [segment.replace("LX*1", f"LX*{number}") for number in range(1, 61) for segment in LINE]

    assert list(range(1, 61)) == [line.line_number for line in read(BILLING, SUBSCRIBER, CLAIM, lines).service_lines]


def test_a_provider_without_npi_keeps_its_tax_id() -> None:
    claim = claim_with("NM1*82*1*R*D****24*123456789")

    assert claim.rendering_provider is not None
    assert (claim.rendering_provider.npi, claim.rendering_provider.tax_id) == (None, "123456789")


def test_an_item_that_is_no_ndc_is_no_drug() -> None:
    (line,) = line_with("LIN**UI*1", "CTP****1*ML").service_lines

    assert line.drug is None
