import hashlib
import json

import pytest

from streams.intake.fhir import record as record_module
from streams.intake.items import ReadClaim, Rejected
from streams.intake.reading import read_record
from tests.streams.intake.fhir.building import (
    CLAIM,
    PARTIES,
    bundle,
    changed,
    claim,
    claims,
    encoded,
    fault,
    items,
    referring,
    rejected,
    warnings,
)

IN_BUNDLE = [referring(one) for one in PARTIES]
BAD = changed("total")


def numbered(number, tree=CLAIM):
    return tree | {"id": f"c{number}", "identifier": [{"value": f"PT-{number}"}]}


def referred(number, tree=CLAIM):
    return referring(numbered(number, tree))


def clinic(state):
    """The resources a claim refers to, its clinic in this state."""
    return [one | {"address": [{"state": state}]} if one["id"] == "clinic" else one for one in IN_BUNDLE]


def parameters(*resources):
    return {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": one} for one in resources]}


def organization(**inside):
    return {"resourceType": "Organization", "id": "o", **inside}


def numbers(tree):
    return [one.claim_id for one in claims(tree)]


class TestBundlesInBundles:
    def test_every_claim_is_read_in_order_and_known_by_the_record_and_its_number_there(self):
        inner = bundle(numbered(2), bundle(numbered(3)), numbered(4))
        text = encoded(bundle(numbered(1), inner, bundle(), bundle(numbered(5)), numbered(6)))
        found = list(read_record(text))

        assert [f"PT-{number}" for number in range(1, 7)] == [item.claim.claim_id for item in found]
        whole = hashlib.sha256(text).digest()
        assert [(whole, b"%d" % number) for number in range(1, 7)] == [item.identity for item in found]
        assert "Claim 4 of the Bundle" == found[3].where

    def test_the_only_claim_is_known_by_the_record(self):
        text = encoded(bundle(bundle(bundle(*IN_BUNDLE), bundle(*IN_BUNDLE, referred(1)))))
        (found,) = read_record(text)

        assert ((text,), "") == (found.identity, found.where)

    def test_they_may_be_nested_as_deep_as_json_may(self):
        tree = CLAIM
        for _ in range(18):
            tree = bundle(tree)

        assert claim(CLAIM) == claim(tree)
        assert ("too-deep", "/entry/0/resource" * 21 + "/entry") == fault(bundle(bundle(bundle(bundle(tree)))))

    def test_a_bad_claim_is_named_by_its_fhirpath_and_leaves_its_neighbours_alone(self):
        first = bundle(*IN_BUNDLE, referred(1), referred(2, changed("item.0.net")))
        read = items(bundle({"resourceType": "List"}, first, bundle(*IN_BUNDLE, referred(3))))

        assert [ReadClaim, Rejected, ReadClaim] == [type(item) for item in read]
        assert "Bundle.entry[1].resource.entry[7].resource.item[0].net" == read[1].rejection.at

    def test_an_answer_in_one_is_told_as_an_answer(self):
        (found,) = items(bundle(bundle({"resourceType": "ClaimResponse", "use": "preauthorization"})))

        assert "not-a-claim" == found.rejection.code
        assert "--authorizations" in found.rejection.message


class TestReferences:
    def test_each_bundle_has_resources_of_its_own(self):
        florida, texas = bundle(*clinic("FL"), referred(1)), bundle(referred(2), *clinic("TX"))
        read = claims(bundle(*clinic("GA"), florida, texas, referred(3)))

        assert ["FL", "TX", "GA"] == [one.billing_provider.address.state for one in read]

    def test_what_a_bundle_has_not_is_looked_for_in_those_around_it(self):
        shared, own = IN_BUNDLE[:3], IN_BUNDLE[3:]

        assert claim(CLAIM) == claim(bundle(*shared, bundle(*own, bundle(referring(CLAIM)))))

    def test_a_bundle_around_knows_nothing_of_what_is_inside(self):
        inner, outer = bundle(*clinic("FL")), [one for one in IN_BUNDLE if one["id"] != "clinic"]

        assert ("missing-field", "Bundle.entry[6].resource.provider") == fault(bundle(*outer, inner, referred(1)))

    def test_a_resource_refers_to_what_is_around_itself_not_around_the_claim(self):
        coverage = IN_BUNDLE[1] | {"payor": [{"reference": "urn:uuid:payer"}]}
        other = IN_BUNDLE[2] | {"name": "Another", "identifier": [{"value": "OTHER"}]}
        outer = [coverage if one["id"] == "cov" else one for one in IN_BUNDLE]
        (read,) = claims(bundle(*outer, bundle(other, referred(1, changed("insurer")))))

        assert "EXMEDICARE" == read.payer.id

    def test_a_bundle_that_is_not_sure_asks_no_other(self):
        unsure = [clinic("FL")[3], clinic("TX")[3]]

        assert ("missing-field", "Bundle.entry[6].resource.entry[2].resource.provider") == fault(
            bundle(*IN_BUNDLE, bundle(*unsure, referred(1)))
        )


class TestWhatIsKept:
    @pytest.mark.parametrize("bad", [BAD, changed("item.0.net.value", "much"), changed("diagnosis")])
    def test_a_refused_claim_is_kept_with_what_it_refers_to_in_each_bundle(self, bad):
        own = [one for one in clinic("TX") if one["id"] in ("clinic", "cov")]
        payer = IN_BUNDLE[2] | {"identifier": [{"value": "OTHER"}]}
        whole = bundle(*clinic("FL"), referred(1), bundle(bundle(*own, payer, referred(2, bad)), referred(3)))
        (found,) = rejected(whole)
        (again,) = read_record(found.original, first_ordinal=found.first_ordinal, bundle=found.bundle)

        assert (found.identity, found.rejection.code) == (again.identity, again.rejection.code)
        assert b"PT-1" not in found.original
        assert b"PT-3" not in found.original
        good = json.loads(found.original)
        good["entry"][-1]["resource"]["entry"][0]["resource"] |= referred(2)
        assert claims(good) == [claims(bundle(*clinic("FL"), bundle(*own, payer, referred(2))))[0]]
        assert "OTHER" == claims(good)[0].payer.id

    def test_a_refused_claim_that_needs_no_other_resource_is_kept_by_itself(self):
        (found,) = rejected(bundle(bundle(CLAIM), bundle(BAD)))

        assert BAD == json.loads(found.original)

    def test_the_rest_of_too_many_claims_goes_on_in_their_order_with_their_places_and_resources(self, monkeypatch):
        whole = bundle(
            *clinic("FL"), referred(1), bundle(referred(2), *clinic("TX"), referred(3), referred(4)), referred(5)
        )
        read = items(whole)
        monkeypatch.setattr(record_module, "CLAIMS_PER_RECORD_MAX", 2)
        first, second, rest = items(whole)
        third, fourth, last = read_record(rest.original, first_ordinal=rest.first_ordinal, bundle=rest.bundle)
        monkeypatch.undo()
        (fifth,) = read_record(last.original, first_ordinal=last.first_ordinal, bundle=last.bundle)

        assert ["too-many-claims", "Bundle.entry[7].resource.entry[7].resource"] == [
            rest.rejection.code,
            rest.rejection.at,
        ]
        assert [(item.claim, item.identity) for item in read] == [
            (item.claim, item.identity) for item in (first, second, third, fourth, fifth)
        ]


class TestParameters:
    def test_claims_and_bundles_of_an_operation_are_read(self):
        part = {"name": "x", "part": [{"name": "y"}, {"name": "z", "part": [{"name": "r", "resource": numbered(3)}]}]}
        tree = parameters(numbered(1), bundle(*IN_BUNDLE, referred(2)))
        tree["parameter"].append(part)

        assert ["PT-1", "PT-2", "PT-3"] == numbers(tree)

    def test_its_only_claim_is_known_by_the_record_and_its_faults_by_their_fhirpath(self):
        (read,) = items(parameters(bundle(CLAIM)))

        assert (encoded(parameters(bundle(CLAIM))),) == read.identity
        assert ("missing-field", "Parameters.parameter[0].resource.entry[0].resource.total") == fault(
            parameters(bundle(BAD))
        )

    def test_a_request_for_an_authorization_is_refused_as_elsewhere(self):
        asked = parameters(bundle(changed("use", "preauthorization")))

        assert ("not-a-claim", "Parameters.parameter[0].resource.entry[0].resource.use") == fault(asked)

    @pytest.mark.parametrize("parameter", [None, 5, {}, [1, {"resource": 1}, {"part": 1}], [{"valueString": "x"}]])
    def test_without_a_claim_it_is_none(self, parameter):
        assert ("not-a-claim", "/resourceType") == fault({"resourceType": "Parameters", "parameter": parameter})


class TestClaimsWhereNoneIsRead:
    STRAYS = (
        (organization(contained=[{}, numbered(9)]), "resource.contained[1]"),
        (organization(contained=[bundle(numbered(9))]), "resource.contained[0].entry[0].resource"),
        (organization(Quackenbush=[{"Wilhelmina": numbered(9)}]), "resource.*[0].*"),
        ({"resourceType": "Bundle", "entry": {"resource": numbered(9)}}, "resource.entry.resource"),
        ({"resourceType": "Bundle", "entry": [[{"resource": numbered(9)}]]}, "resource.entry[0][0].resource"),
        ({"resourceType": "Parameters", "parameter": {"resource": numbered(9)}}, "resource.parameter.resource"),
        ([numbered(9)], "resource[0]"),
    )

    @pytest.mark.parametrize(("stray", "path"), STRAYS)
    @pytest.mark.parametrize("others", [[], [CLAIM], [CLAIM, BAD, bundle(CLAIM)]])
    def test_one_is_refused_and_the_claims_around_it_are_read_as_ever(self, stray, path, others):
        whole = bundle(*others)
        whole["entry"].append({"resource": stray})
        *before, last = items(whole)

        assert [item.claim for item in items(bundle(*others)) if isinstance(item, ReadClaim)] == [
            item.claim for item in before if isinstance(item, ReadClaim)
        ]
        assert ("not-a-claim", f"Bundle.entry[{len(others)}].{path}") == (last.rejection.code, last.rejection.at)
        (again,) = read_record(last.original, first_ordinal=last.first_ordinal, bundle=last.bundle)
        assert (last.identity, last.rejection, last.original) == (again.identity, again.rejection, again.original)
        assert b"PT-0001" not in last.original

    def test_an_answer_to_an_entry_is_no_place_for_one(self):
        tree = {"resourceType": "Bundle", "entry": [{"response": {"outcome": CLAIM}}]}

        assert ("not-a-claim", "Bundle.entry[0].response.outcome") == fault(tree)

    def test_one_in_a_resource_of_another_kind_is_named_without_that_kind(self):
        tree = {"resourceType": "Quackenbush", "contained": [CLAIM]}

        assert ("not-a-claim", "Resource.contained[0]") == fault(tree)

    def test_several_are_one_rejection_that_counts_them(self):
        (found,) = items(bundle(organization(contained=[CLAIM, CLAIM]), organization(contained=[CLAIM])))

        assert "a Claim stands where none is read (2 more)" in found.rejection.message

    def test_one_that_a_refused_claim_takes_along_stays_the_same_event(self):
        clinics = [one | {"contained": [CLAIM]} if one["id"] == "clinic" else one for one in IN_BUNDLE]
        refused, stray = rejected(bundle(*clinics, referred(1), referred(2, BAD), referred(3)))
        again = list(read_record(refused.original, first_ordinal=refused.first_ordinal, bundle=refused.bundle))

        assert [refused.identity, stray.identity] == [item.identity for item in again]

    def test_the_rest_of_too_many_claims_has_it_still(self, monkeypatch):
        whole = bundle(CLAIM, organization(contained=[CLAIM]), CLAIM)
        stray = items(whole)[-1]
        monkeypatch.setattr(record_module, "CLAIMS_PER_RECORD_MAX", 1)
        rest = items(whole)[-1]
        again = list(read_record(rest.original, first_ordinal=rest.first_ordinal, bundle=rest.bundle))[-1]

        assert (stray.identity, stray.rejection) == (again.identity, again.rejection)

    def test_one_within_a_claim_that_is_read_is_a_part_of_that_and_a_warning(self):
        related = [{"claim": {"reference": "#c0"}}]
        tree = CLAIM | {"contained": [*PARTIES, numbered(0, {"resourceType": "Claim"})], "related": related}

        assert ["Claim.contained[6]"] == warnings(tree)
        assert claim(CLAIM) == claims(tree)[0]
        assert ["Bundle.entry[1].resource.entry[0].resource.contained[6]"] == warnings(bundle(CLAIM, bundle(tree)))
        assert [(encoded(tree),)] == [item.identity for item in items(tree) if isinstance(item, ReadClaim)]
