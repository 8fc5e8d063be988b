import hashlib
import json

import pytest

from streams.intake.fhir import record as record_module
from streams.intake.items import ReadClaim, Rejected, Span
from streams.intake.reading import read_record
from tests.streams.intake.fhir.building import (
    CLAIM,
    CLINIC,
    COVERAGE,
    PARTIES,
    PATIENT,
    PAYER,
    bundle,
    changed,
    claims,
    coded,
    contained,
    encoded,
    fault,
    items,
    referring,
    rejected,
)

PRIVATE = ("Quackenbush", "Wilhelmina", "1EG4TE5MK73", "1950-02-01", "Larkspur", "33054", "AUTH-1", "PT-0001")
IN_BUNDLE = [referring(one) for one in PARTIES]


def numbered(number: int, tree=None):
    """A claim of a Bundle with a number of its own."""
    return referring(tree or CLAIM) | {"id": f"c{number}", "identifier": [{"value": f"PT-{number}"}]}


@pytest.mark.parametrize(
    ("tree", "code", "at"),
    [
        (changed("identifier"), "missing-field", "Claim.identifier[0].value"),
        (changed("identifier.0.value", " "), "missing-field", "Claim.identifier[0].value"),
        (changed("type"), "missing-field", "Claim.type"),
        (changed("type", coded("oral")), "unknown-value", "Claim.type"),
        (changed("total"), "missing-field", "Claim.total"),
        (changed("total", {"currency": "USD"}), "missing-field", "Claim.total"),
        (changed("insurer", {"reference": "#gone"}) | {"insurance": []}, "missing-field", "Claim.insurer"),
        (contained(PAYER, identifier=[{"value": ""}]), "missing-field", "Claim.insurer"),
        (contained(COVERAGE, payor=[]) | {"insurer": None}, "missing-field", "Claim.insurer"),
        (contained(COVERAGE, subscriberId=None), "missing-field", "Claim.contained[1].subscriberId"),
        (changed("insurance.0.coverage.reference", "#pat"), "missing-field", "Claim.insurance[0].coverage"),
        (changed("insurance"), "missing-field", "Claim.insurance[0].coverage"),
        (changed("provider"), "missing-field", "Claim.provider"),
        (contained(CLINIC, identifier=None), "missing-field", "Claim.provider"),
        (contained(CLINIC, identifier=[{"value": "1234567893"}]), "missing-field", "Claim.provider"),
        (changed("provider", {"reference": "#pat"}), "missing-field", "Claim.provider"),
        (changed("diagnosis"), "missing-field", "Claim.diagnosis"),
        (changed("diagnosis.0.diagnosisCodeableConcept.coding.0.code", "."), None, None),
        (changed("diagnosis", [{"diagnosisReference": {"reference": "#pat"}}]), "missing-field", "Claim.diagnosis"),
        (changed("item"), "missing-field", "Claim.item"),
        (changed("item", []), "missing-field", "Claim.item"),
        (changed("item.0.sequence"), "missing-field", "Claim.item[0].sequence"),
        (changed("item.0.productOrService"), "missing-field", "Claim.item[0].productOrService"),
        (changed("item.0.productOrService.coding.1.system"), "missing-field", "Claim.item[0].productOrService"),
        (changed("item.0.net"), "missing-field", "Claim.item[0].net"),
        (changed("item.0.servicedDate"), "missing-field", "Claim.item[0].servicedDate"),
        (changed("item.0.servicedDate", "2026-06"), "wrong-type", "Claim.item[0].servicedDate"),
        (changed("item.0.servicedDate", "2026-02-30"), "wrong-type", "Claim.item[0].servicedDate"),
        (changed("item.0.servicedDate", "2026-06-15 8:00"), "wrong-type", "Claim.item[0].servicedDate"),
        (changed("item.0.net.value", "1850.00"), "wrong-type", "Claim.item[0].net.value"),
        (changed("item.0.net", {"value": True}), "wrong-type", "Claim.item[0].net.value"),
        (changed("item.0.net.value", 1e12), "wrong-type", "Claim.item[0].net.value"),
        (changed("item.0.net.value", 0.0000001), "wrong-type", "Claim.item[0].net.value"),
        (changed("item.0.sequence", "1"), "wrong-type", "Claim.item[0].sequence"),
        (changed("item.0.sequence", 1.0), "wrong-type", "Claim.item[0].sequence"),
        (changed("item.0", 5), "wrong-type", "Claim.item[0]"),
        (changed("created", 5), "wrong-type", "Claim.created"),
        (changed("identifier.0.value", "x" * 3000), "wrong-type", "Claim.identifier[0].value"),
        (contained(PATIENT, birthDate="1950-13-01"), "wrong-type", "Claim.contained[0].birthDate"),
        (contained(PATIENT, birthDate=1950), "wrong-type", "Claim.contained[0].birthDate"),
        (contained(PATIENT, name={}), "wrong-type", "Claim.contained[0].name"),
        (changed("use", "preauthorization"), "not-a-claim", "Claim.use"),
        (changed("use", "predetermination"), "not-a-claim", "Claim.use"),
        (changed("use", {}), "not-a-claim", "Claim.use"),
    ],
)
def test_what_is_missing_or_wrong_is_named_by_its_fhirpath(tree, code, at):
    if code is None:
        assert len(claims(tree)) == 1
        return
    assert fault(tree) == (code, at)


@pytest.mark.parametrize(
    ("period", "at"),
    [
        ({"end": "2026-06-15"}, "Claim.item[0].servicedPeriod.start"),
        ({"start": "2026"}, "Claim.item[0].servicedPeriod.start"),
        ({"start": "2026-06-15", "end": "x"}, "Claim.item[0].servicedPeriod.end"),
    ],
)
def test_a_period_without_its_days_is_named(period, at):
    tree = changed("item.0.servicedDate")
    tree["item"][0]["servicedPeriod"] = period

    assert fault(tree)[1] == at


def test_a_price_times_quantity_that_is_no_amount_asks_for_net():
    tree = changed("item.0.net")
    tree["item"][0] |= {"unitPrice": {"value": 0.123456}, "quantity": {"value": 0.5}}

    assert fault(tree) == ("missing-field", "Claim.item[0].net")


def test_use_may_be_absent():
    assert len(claims(changed("use"))) == 1


def test_no_rejection_shows_a_value_of_the_claim():
    def leaves(tree, path=""):
        steps = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
        for key, value in steps:
            yield f"{path}{key}"
            yield from leaves(value, f"{path}{key}.")

    for path in leaves(CLAIM):
        for value in (None, 5, "Quackenbush", [], {}, [{}], [None]):
            for item in rejected(changed(path, value)):
                said = item.rejection.message + item.rejection.at
                assert not [word for word in PRIVATE if word in said], said
                assert item.original == encoded(changed(path, value))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b'{"resourceType":"Claim","resourceType":"Claim"}', "duplicate-key"),
        (b'{"resourceType":"Claim","total":{"value":NaN}}', "not-a-number"),
        (b'{"resourceType":"Claim","total":{"value":0e-99999999999999999999}}', "malformed-json"),
        (b'{"resourceType":"Claim","total":{"value":1e99999999999999999999}}', "not-a-number"),
        (b'{"resourceType":"Claim","text":' + b"[" * 64 + b"]" * 64 + b"}", "too-deep"),
        (b'{"resourceType":"Claim","id":"\xff"}', "not-utf8"),
        (b'{"resourceType":"Claim"', "malformed-json"),
    ],
)
def test_json_is_as_strict_as_for_our_own_claims(text, code):
    (item,) = read_record(text)

    assert item.rejection.code == code


def test_a_place_of_strict_json_shows_names_of_fhir():
    (item,) = read_record(b'{"resourceType":"Bundle","entry":[{"resource":{"subscriberId":1,"subscriberId":2}}]}')

    assert item.rejection.at == "/entry/0/resource/subscriberId"


class TestBundles:
    def test_a_claim_among_others_has_an_ordinal_and_the_span_of_the_record(self):
        text = b" \n" + encoded(bundle(*IN_BUNDLE, numbered(1), numbered(2))) + b"\n"
        first, second = read_record(text)

        bare = text.strip()
        assert [item.claim.claim_id for item in (first, second)] == ["PT-1", "PT-2"]
        record_hash = hashlib.sha256(bare).digest()
        assert [first.identity, second.identity] == [(record_hash, b"1"), (record_hash, b"2")]
        assert first.span == second.span == Span(2, 2 + len(bare))
        assert [first.where, second.where] == ["Claim 1 of the Bundle", "Claim 2 of the Bundle"]

    def test_the_only_claim_of_a_bundle_is_known_by_the_record(self):
        text = encoded(bundle(*IN_BUNDLE, numbered(1)))
        (item,) = read_record(text)

        assert (item.identity, item.where) == ((text,), "")

    def test_other_resources_give_nothing(self):
        others = [{"resourceType": kind, "id": kind} for kind in ("ClaimResponse", "ExplanationOfBenefit", "List")]

        assert len(items(bundle(*others, *IN_BUNDLE, numbered(1), *others))) == 1

    def test_a_bad_claim_leaves_its_neighbours_alone(self):
        bad = numbered(2, changed("item.0.productOrService"))
        read = items(bundle(*IN_BUNDLE, numbered(1), bad, numbered(3)))

        assert [type(item) for item in read] == [ReadClaim, Rejected, ReadClaim]
        assert read[1].rejection.at == "Bundle.entry[7].resource.item[0].productOrService"
        assert read[1].where == "Claim 2 of the Bundle"

    @pytest.mark.parametrize(
        "bad",
        [
            changed("item.0.productOrService"),
            changed("total.value", "x"),
            changed("insurance.0.coverage.reference", "#gone"),
            changed("patient.reference", "#broken"),
            changed("use", "preauthorization"),
        ],
    )
    def test_what_is_kept_of_a_bad_claim_gives_the_same_rejection_and_no_other_claim(self, bad):
        broken = {
            "resourceType": "Patient",
            "id": "broken",
            "birthDate": "x",
            "text": {"div": "x", "n": [1.10, {}, []]},
        }
        coverage = referring(contained(COVERAGE, subscriber={"reference": "#broken"})["contained"][1])
        whole = bundle(numbered(1), *IN_BUNDLE, broken, numbered(2, bad), {"resourceType": "List", "id": "x"})
        if bad["patient"]["reference"] == "#broken":
            whole = bundle(
                numbered(1), *(coverage if one["id"] == "cov" else one for one in IN_BUNDLE), broken, numbered(2, bad)
            )
        found = rejected(whole)[-1]
        (again,) = items(found.original)

        assert again.rejection.code == found.rejection.code
        assert again.rejection.message == found.rejection.message
        assert again.rejection.at.rpartition("resource")[2] == found.rejection.at.rpartition("resource")[2]
        kept = json.loads(found.original)
        ids = [entry["resource"]["id"] for entry in kept["entry"]]
        assert ids[0] == "c2"
        assert not {"c1", "x"} & set(ids)
        assert items(found.original)[0].original == found.original

    def test_what_is_kept_can_be_mended_and_sent_alone(self):
        bad = numbered(2, changed("total"))
        (found,) = rejected(bundle(*IN_BUNDLE, numbered(1), bad))
        mended = json.loads(found.original)
        mended["entry"][0]["resource"]["total"] = {"value": 1850.10}

        assert claims(mended) == claims(bundle(*IN_BUNDLE, numbered(2)))

    def test_a_claim_that_needs_no_other_resource_is_kept_without_a_bundle(self):
        alone = changed("total.value", "one ü") | {"id": "c2", "extension": [{"valueDecimal": 1.5}]}
        found = rejected(bundle(CLAIM, alone))[0]

        assert json.loads(found.original) == alone

    def test_numbers_of_what_is_kept_stand_as_they_were_written(self):
        text = encoded(bundle({"resourceType": "Claim", "total": {"value": 1.5}}, CLAIM)).replace(b"1.5}", b"1.50}")

        assert b'"value":1.50}' in rejected(text)[0].original

    @pytest.mark.parametrize("entry", [None, 5, {}, [1, {}, {"resource": 1}, {"resource": {"resourceType": 5}}]])
    def test_a_bundle_without_a_claim_is_no_claim(self, entry):
        assert fault({"resourceType": "Bundle", "entry": entry}) == ("not-a-claim", "/resourceType")

    def test_a_reference_that_may_mean_two_resources_means_none(self):
        other = CLINIC | {"name": "Another"}
        tree = CLAIM | {"provider": {"reference": "Organization/clinic"}}

        assert fault(bundle(CLINIC, other, tree)) == ("missing-field", "Bundle.entry[2].resource.provider")
        assert len(claims(bundle(CLINIC, CLINIC, tree))) == 1

    def test_an_absolute_reference_finds_a_resource_that_has_no_url_of_its_own(self):
        tree = CLAIM | {"provider": {"reference": "https://a.example/fhir/Organization/clinic"}}

        assert len(claims(bundle(CLINIC, tree, urls=False))) == 1
        assert len(rejected(bundle(CLINIC, tree))) == 1

    def test_an_entry_without_an_id_is_found_by_its_url(self):
        tree = CLAIM | {"provider": {"reference": "urn:uuid:1"}}
        clinic = {key: value for key, value in CLINIC.items() if key != "id"}
        entries = [{"fullUrl": "urn:uuid:1", "resource": clinic}, {"resource": tree}]

        assert len(claims({"resourceType": "Bundle", "entry": entries})) == 1


class TestLimits:
    def test_claims_over_the_limit_are_kept_as_one_rest(self, monkeypatch):
        monkeypatch.setattr(record_module, "CLAIMS_PER_RECORD_MAX", 2)
        found = items(bundle(*IN_BUNDLE, *(numbered(number) for number in range(1, 6))))

        assert [type(item) for item in found] == [ReadClaim, ReadClaim, Rejected]
        assert found[2].rejection.code == "too-many-claims"
        rest = items(found[2].original)
        assert [item.claim.claim_id for item in rest[:2]] == ["PT-3", "PT-4"]

    def test_refused_claims_take_a_large_resource_along_only_so_often(self, monkeypatch):
        monkeypatch.setattr(record_module, "_REFUSED_BYTES_MAX", 10_000)
        large = referring(PATIENT) | {"text": "x" * 6000}
        bad = [numbered(number, changed("total")) for number in range(1, 6)]
        found = items(bundle(large, *(one for one in IN_BUNDLE if one["id"] != "pat"), *bad))

        assert [item.rejection.code for item in found] == ["missing-field", "missing-field", "too-many-claims"]
