from datetime import date
from decimal import Decimal

import pytest

from streams.intake.items import ReadClaim
from tests.streams.intake.fhir.building import (
    CLAIM,
    CLINIC,
    COVERAGE,
    CPT,
    DOCTOR,
    HCPCS,
    ICD10CM,
    ITEM,
    NPI,
    NUCC,
    PARTIES,
    PATIENT,
    PAYER,
    SURGERY,
    bundle,
    changed,
    claim,
    coded,
    contained,
    encoded,
    items,
    referring,
    warnings,
)

SUBSCRIBER = PATIENT | {"id": "sub", "name": [{"family": "Quackenbush", "given": [None, "Ebenezer"]}]}


def line(**changes):
    """The line of a claim whose item has elements replaced; None takes them away."""
    made = {key: value for key, value in (ITEM | changes).items() if value is not None}
    (found,) = claim(CLAIM | {"item": [made]}).service_lines
    return found


class TestWholeClaim:
    def test_every_field_of_the_contract_is_read(self):
        (item,) = items(CLAIM)

        assert isinstance(item, ReadClaim)
        assert item.received_on == date(2026, 6, 20)
        assert (item.where, item.identity, item.unknown_fields) == ("", (encoded(CLAIM),), 0)
        read = item.claim.model_dump(mode="json", exclude_none=True)
        assert read == {
            "claim_id": "PT-0001",
            "claim_type": "professional",
            "frequency_code": "1",
            "source": "default",
            "test": False,
            "total_charge": "1850.10",
            "payer": {"id": "EXMEDICARE", "name": "Medicare", "filing_indicator": "MB", "sequence": "primary"},
            "subscriber": {
                "member_id": "1EG4TE5MK73",
                "relationship": "self",
                "group_number": "GRP-9",
                "last_name": "Quackenbush",
                "first_name": "Wilhelmina",
                "birth_date": "1950-02-01",
                "sex": "F",
                "address": {
                    "line1": "77 Larkspur Loop",
                    "line2": "Apt 2",
                    "city": "Opalocka",
                    "state": "FL",
                    "postal_code": "33054",
                },
            },
            "billing_provider": {
                "npi": "1234567893",
                "tax_id": "990099001",
                "taxonomy": "207L00000X",
                "name": "Pain Clinic",
                "address": {"city": "Miami", "state": "FL"},
                "organization": True,
            },
            "rendering_provider": {
                "npi": "1245319599",
                "taxonomy": "208VP0014X",
                "name": "Gregory House",
                "organization": False,
            },
            "service_facility": {
                "npi": "1992999999",
                "name": "Surgery",
                "address": {"city": "Macon", "state": "GA"},
                "organization": True,
            },
            "authorizations": [{"number": "AUTH-1", "kind": "prior_authorization"}],
            "diagnoses": [{"code": "M5416"}, {"code": "M5117"}],
            "service_lines": [
                {
                    "line_number": 1,
                    "procedure_code": "62323",
                    "modifiers": ["RT", "KX"],
                    "charge": "1850.10",
                    "units": "1",
                    "service_date_from": "2026-06-15",
                    "place_of_service": "24",
                    "diagnosis_pointers": [2, 1],
                }
            ],
            "notes": [],
            "attachments": [],
        }

    @pytest.mark.parametrize("prefix", ["urn:uuid:", "http://a.example/fhir/Organization/"])
    def test_references_into_a_bundle_read_the_same_as_contained_resources(self, prefix):
        resources = [referring(one, prefix) for one in (*PARTIES, CLAIM)]
        whole = {
            "resourceType": "Bundle",
            "entry": [{"fullUrl": prefix + one["id"], "resource": one} for one in resources],
        }

        assert claim(whole) == claim(CLAIM)

    @pytest.mark.parametrize("base", ["", "http://a.example/fhir/"])
    def test_relative_references_read_the_same_as_contained_resources(self, base):
        kinds = {one["id"]: one["resourceType"] for one in PARTIES}

        def relative(tree):
            if isinstance(tree, dict):
                found = {key: relative(value) for key, value in tree.items() if key != "contained"}
                target = found.get("reference")
                return found | {"reference": f"{kinds[target[1:]]}/{target[1:]}/_history/3"} if target else found
            return [relative(one) for one in tree] if isinstance(tree, list) else tree

        whole = bundle(*(relative(one) for one in (*PARTIES, CLAIM)), urls=False)
        for entry in whole["entry"] if base else []:
            entry["fullUrl"] = f"{base}{entry['resource']['resourceType']}/{entry['resource']['id']}"

        assert claim(whole) == claim(CLAIM)

    def test_the_smallest_claim_has_no_more_than_the_contract_asks_for(self):
        tree = {
            "resourceType": "Claim",
            "contained": [{"resourceType": "Coverage", "id": "1", "subscriberId": "M1"}],
            "identifier": [{}, {"value": "C1"}],
            "type": coded("institutional"),
            "insurer": {"identifier": {"value": "P1"}},
            "provider": {"identifier": {"system": NPI, "value": "1234567893"}},
            "insurance": [{"coverage": {"reference": "#1"}}],
            "diagnosis": [{"diagnosisCodeableConcept": coded("M54.16", ICD10CM)}],
            "item": [
                {
                    "sequence": 7,
                    "productOrService": coded("62323", CPT),
                    "servicedDate": "2026-06-15",
                    "net": {"value": 1},
                }
            ],
            "total": {"value": 1},
        }
        read = claim(tree)

        assert (read.claim_type, read.payer.id, read.patient, read.received_on) == ("institutional", "P1", None, None)
        assert (read.subscriber.relationship, read.service_lines[0].units) == (None, Decimal(1))


class TestNumbers:
    @pytest.mark.parametrize(
        "written", ["0.1", "1850.10", "999999999999.123457", "999999999999.99", "0.000001", "-5", "1.25e3", "0"]
    )
    def test_money_and_units_are_read_as_they_are_written(self, written):
        text = (
            encoded(CLAIM)
            .replace(b"1850.1", written.encode())
            .replace(b'"value": 1}', b'"value": %b}' % written.encode())
        )
        read = claim(text)

        assert read.total_charge == read.service_lines[0].charge == read.service_lines[0].units == Decimal(written)
        assert type(read).model_validate_json(read.model_dump_json()) == read

    def test_a_charge_is_price_times_quantity_where_there_is_no_net(self):
        units = {"value": 3}

        assert line(net=None, unitPrice={"value": 33.35}, quantity=units).charge == Decimal("100.05")
        assert line(net=None, unitPrice={"value": 33.35}, quantity=None).charge == Decimal("33.35")
        assert line(net={}, unitPrice={"value": 10}, quantity=units, factor=0.5).charge == Decimal("15.0")

    def test_a_quantity_without_a_value_is_one_unit(self):
        assert line(quantity={"unit": "UN"}).units == 1
        assert line(quantity=None).units == 1
        assert line(quantity={"value": 0}).units == 0

    @pytest.mark.parametrize(("sent", "read"), [("UN", "UN"), ("min", "MJ"), ("{session}", None)])
    def test_a_unit_is_that_of_x12_where_it_is_known(self, sent, read):
        assert line(quantity={"value": 1, "code": sent}).unit_type == read


class TestLines:
    def test_one_code_is_chosen_among_several_codings(self):
        codings = [
            {"code": "9"},
            {"system": HCPCS.replace("http:", "https:"), "code": " j1030 "},
            {"system": CPT, "code": "1"},
        ]

        assert line(productOrService={"coding": codings}).procedure_code == "J1030"

    def test_an_odd_modifier_and_place_are_read_as_they_are(self):
        odd = line(modifier=[{"text": "left"}, coded("zz9", "http://x")], locationCodeableConcept=coded("zz"))

        assert (odd.modifiers, odd.place_of_service) == (("ZZ9",), "ZZ")

    def test_a_period_gives_both_days(self):
        period = {"start": "2026-06-15T08:00:00Z", "end": "2026-06-16"}
        read = line(servicedDate=None, servicedPeriod=period)

        assert (read.service_date_from, read.service_date_to) == (date(2026, 6, 15), date(2026, 6, 16))
        assert line(servicedDate=None, servicedPeriod={"start": "2026-06-15"}).service_date_to is None

    def test_pointers_follow_the_sequence_of_the_diagnoses(self):
        tree = changed("diagnosis.0.sequence", 20)
        tree["diagnosis"].append({"diagnosisCodeableConcept": coded("G89.4", ICD10CM)})
        tree["item"][0]["diagnosisSequence"] = [20, 2, None, 1, 9]
        read = claim(tree)

        assert [one.code for one in read.diagnoses] == ["M5117", "G894", "M5416"]
        assert read.service_lines[0].diagnosis_pointers == (3, 1, 0, 9)

    def test_the_drug_stands_in_a_detail_or_beside_the_procedure(self):
        ndc = {"system": "http://hl7.org/fhir/sid/ndc", "code": "00009028003"}
        detail = {"productOrService": {"coding": [ndc]}, "quantity": {"value": 1.5, "code": "mL"}}
        inner = line(detail=[{"productOrService": coded("x")}, detail]).drug
        grams = line(detail=[detail | {"quantity": {"value": 2, "unit": "mg"}}]).drug
        beside = line(productOrService={"coding": [ndc, {"system": CPT, "code": "J1030"}]}).drug

        assert inner.model_dump(mode="json") == {"ndc": "00009028003", "quantity": "1.5", "unit": "ML"}
        assert grams.unit == "ME"
        assert beside.model_dump(mode="json") == {"ndc": "00009028003", "quantity": None, "unit": None}
        assert line(detail=[{"productOrService": {"coding": [ndc]}}]).drug.quantity is None

    def test_a_line_names_another_rendering_provider(self):
        tree = changed("item.0.careTeamSequence", [3, None, 8, 2])
        tree["careTeam"] += [
            {
                "sequence": 2,
                "provider": {"display": "Dr. Two"},
                "role": coded("primary"),
                "qualification": coded("T", NUCC),
            },
            {"sequence": 3, "provider": {"reference": "#asc"}, "role": coded("assist")},
            {"sequence": 4, "role": coded("referring"), "qualification": coded("R", NUCC)},
            {"provider": {"reference": "#doc"}, "role": coded("supervising")},
        ]
        read = claim(tree)

        assert read.rendering_provider.npi == "1245319599"
        assert read.service_lines[0].rendering_provider.model_dump(exclude_none=True) == {
            "name": "Dr. Two",
            "taxonomy": "T",
        }
        assert read.referring_provider.taxonomy == "R"
        assert read.supervising_provider.npi == "1245319599"

    def test_a_revenue_code_is_read(self):
        assert line(revenue=coded("0360", "https://www.nubc.org/CodeSystem/RevenueCodes")).revenue_code == "0360"


class TestPeople:
    def dependent(self, code: str = "child", **changes):
        coverage = {"subscriber": {"reference": "#sub"}, "relationship": coded(code)} | changes
        tree = contained(COVERAGE, **coverage)
        tree["contained"].append(SUBSCRIBER)
        return tree

    @pytest.mark.parametrize(("code", "relationship"), [("child", "child"), ("spouse", "spouse"), ("common", "other")])
    def test_a_dependent_is_the_patient_of_another_subscriber(self, code, relationship):
        read = claim(self.dependent(code))

        assert (read.subscriber.first_name, read.subscriber.relationship) == ("Ebenezer", relationship)
        assert (read.patient.first_name, read.who) == ("Wilhelmina", read.patient)

    def test_without_a_relationship_another_subscriber_makes_a_patient(self):
        assert claim(self.dependent(relationship={})).patient.first_name == "Wilhelmina"
        assert claim(contained(COVERAGE, relationship={})).patient is None

    def test_a_patient_nobody_describes_is_not_the_subscriber(self):
        read = claim(self.dependent(beneficiary={}) | {"patient": {"display": "somebody"}})

        assert read.patient is not None
        assert read.patient.first_name is None

    def test_the_beneficiary_is_the_patient_where_the_claim_does_not_find_one(self):
        assert claim(self.dependent() | {"patient": {"reference": "#gone"}}).patient.first_name == "Wilhelmina"

    def test_the_patient_is_the_subscriber_where_the_coverage_does_not_name_one(self):
        assert claim(contained(COVERAGE, subscriber={})).subscriber.first_name == "Wilhelmina"

    @pytest.mark.parametrize(("gender", "sex"), [("male", "M"), ("other", "U"), ("X", "X"), (" ", None)])
    def test_a_gender_is_a_sex_of_x12(self, gender, sex):
        assert claim(contained(PATIENT, gender=gender)).subscriber.sex == sex

    @pytest.mark.parametrize("year", ["1950", "1950-02"])
    def test_a_birth_date_without_its_day_is_left_out(self, year):
        assert claim(contained(PATIENT, birthDate=year)).subscriber.birth_date is None

    def test_a_patient_without_name_and_address_is_read(self):
        subscriber = claim(contained(PATIENT, name=[], address=[{"use": "old", "city": "X"}])).subscriber

        assert (subscriber.last_name, subscriber.address) == (None, None)

    def test_the_official_name_is_taken(self):
        names = [{"family": "A"}, {"use": "official", "family": "B"}]

        assert claim(contained(PATIENT, name=names)).subscriber.last_name == "B"


class TestPayerAndProviders:
    def test_the_payor_of_the_coverage_pays_where_there_is_no_insurer(self):
        assert claim(changed("insurer")).payer.id == "EXMEDICARE"
        assert claim(changed("insurer.reference", "#doc")).payer.id == "EXMEDICARE"
        assert (
            claim(
                contained(PAYER, identifier=[]) | {"insurer": {"identifier": {"value": "P"}, "display": "N"}}
            ).payer.id
            == "P"
        )

    @pytest.mark.parametrize(("sequence", "name"), [(1, "primary"), (2, "secondary"), (3, "tertiary"), (0, "primary")])
    def test_the_focal_insurance_says_its_place_among_the_payers(self, sequence, name):
        other = {"sequence": 9, "focal": False, "coverage": {"display": "other"}, "preAuthRef": ["NOT-OURS"]}
        focal = CLAIM["insurance"][0] | {"sequence": sequence}
        read = claim(CLAIM | {"insurance": [other, focal]})

        assert (read.payer.sequence, [one.number for one in read.authorizations]) == (name, ["AUTH-1"])

    def test_a_role_leads_to_its_practitioner_and_organization(self):
        role = {
            "resourceType": "PractitionerRole",
            "id": "role",
            "specialty": [coded("x"), coded("207LP2900X", NUCC)],
            "practitioner": {"reference": "#doc"},
            "organization": {"reference": "#clinic"},
        }
        read = claim(CLAIM | {"contained": [*PARTIES, role], "provider": {"reference": "#role"}}).billing_provider

        assert (read.npi, read.taxonomy, read.name, read.tax_id) == (
            "1245319599",
            "207LP2900X",
            "Gregory House",
            "990099001",
        )
        assert (read.address.state, read.organization) == ("FL", False)

    def test_a_role_may_name_its_practitioner_by_identifier_only(self):
        role = {
            "resourceType": "PractitionerRole",
            "id": "role",
            "practitioner": {"identifier": {"system": NPI, "value": "1"}},
        }
        assert (
            claim(CLAIM | {"contained": [*PARTIES, role], "provider": {"reference": "#role"}}).billing_provider.npi
            == "1"
        )

    def test_a_practitioner_without_a_name_bills(self):
        tree = contained(DOCTOR, name=[]) | {"provider": {"reference": "#doc"}}

        assert claim(tree).billing_provider.name is None

    def test_a_facility_may_be_named_only_or_absent(self):
        assert claim(CLAIM | {"facility": {"display": "Surgery"}}).service_facility.name == "Surgery"
        assert claim(CLAIM | {"facility": {}}).service_facility is None
        assert claim(changed("facility")).service_facility is None
        assert claim(contained(SURGERY, address=None)).service_facility.address is None


class TestRestOfTheClaim:
    @pytest.mark.parametrize("relationship", ["prior", "replaces"])
    def test_a_claim_that_replaces_another_has_frequency_7_and_its_number(self, relationship):
        related = [
            {"relationship": coded("associated"), "claim": {"identifier": {"value": "no"}}},
            {"relationship": coded(relationship), "claim": {"identifier": {"value": "ICN-1"}}},
        ]
        read = claim(CLAIM | {"related": related})

        assert (read.frequency_code, read.original_reference) == ("7", "ICN-1")

    def test_the_original_may_be_a_file_reference_or_unknown(self):
        by_file = claim(CLAIM | {"related": [{"relationship": coded("prior"), "reference": {"value": "ICN-2"}}]})
        unknown = claim(CLAIM | {"related": [{"relationship": coded("prior")}]})

        assert (by_file.original_reference, unknown.original_reference) == ("ICN-2", None)
        assert unknown.frequency_code == "7"

    def test_a_referral_is_an_authorization(self):
        request = {"resourceType": "ServiceRequest", "id": "r", "identifier": [{"value": "REF-2"}]}
        direct = claim(CLAIM | {"referral": {"identifier": {"value": "REF-1"}}}).authorizations
        found = claim(CLAIM | {"contained": [*PARTIES, request], "referral": {"reference": "#r"}}).authorizations

        assert [(one.number, one.kind) for one in direct] == [("AUTH-1", "prior_authorization"), ("REF-1", "referral")]
        assert [one.number for one in found] == ["AUTH-1", "REF-2"]
        assert len(claim(CLAIM | {"referral": {"reference": "ServiceRequest/9"}}).authorizations) == 1

    def test_the_principal_diagnosis_comes_first_and_a_condition_is_one(self):
        condition = {"resourceType": "Condition", "id": "k", "code": coded("M48.06", ICD10CM)}
        tree = CLAIM | {"contained": [*PARTIES, condition]}
        tree["diagnosis"] = [
            *CLAIM["diagnosis"],
            {"sequence": 3, "type": [coded("principal")], "diagnosisReference": {"reference": "#k"}},
        ]
        read = claim(tree)

        assert [one.code for one in read.diagnoses] == ["M4806", "M5416", "M5117"]
        assert read.service_lines[0].diagnosis_pointers == (3, 2)

    def test_a_diagnosis_of_another_system_is_read_or_left_out_with_a_warning(self):
        tree = changed("diagnosis.0.diagnosisCodeableConcept", coded("M54.1", "http://hl7.org/fhir/sid/icd-10"))
        tree["diagnosis"][1]["diagnosisCodeableConcept"] = coded("1", "http://snomed.info/sct")

        assert [one.code for one in claim(tree).diagnoses] == ["M541"]
        assert warnings(tree) == ["Claim.diagnosis[0]", "Claim.diagnosis[1]"]

    def test_a_created_that_is_no_day_is_left_out_with_a_warning(self):
        assert claim(CLAIM | {"created": "soon"}).received_on is None
        assert warnings(CLAIM | {"created": "soon"}) == ["Claim.created"]

    def test_the_type_of_bill_stands_in_the_subtype_or_in_supporting_information(self):
        bill = coded("831", "https://www.cms.gov/codes/billtype")
        info = [{"category": coded("typeofbill"), "code": coded("131", "https://www.nubc.org/CodeSystem/TypeOfBill")}]

        assert claim(CLAIM | {"subType": bill}).type_of_bill == "831"
        assert claim(CLAIM | {"supportingInfo": info}).type_of_bill == "131"

    def test_notes_attachments_and_the_accident_are_read(self):
        info = [
            {"category": coded("info"), "valueString": "level L4"},
            {"category": coded("attachment"), "valueAttachment": {"title": "MRI", "data": "AAAA"}},
            {"category": coded("attachment"), "valueAttachment": {"url": "http://x/1"}},
        ]
        accident = {"date": "2026-05-01", "type": coded("MVA"), "locationAddress": {"state": "GA"}}
        read = claim(CLAIM | {"supportingInfo": info, "accident": accident})

        assert read.notes == ({"code": "info", "text": "level L4"},)
        assert [one["control_number"] for one in read.attachments] == ["MRI", "http://x/1"]
        assert read.accident == {"cause": ["MVA"], "state": "GA", "date": "2026-05-01"}
        assert claim(CLAIM | {"accident": {"date": "x"}}).accident == {"cause": [], "state": None, "date": None}


def test_a_clinic_named_by_no_taxonomy_has_none():
    assert claim(contained(CLINIC, type=None, address=None)).billing_provider.taxonomy is None
