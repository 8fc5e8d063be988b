"""A FHIR claim with most of what is read of one, to be changed by the test that needs it different."""

import json
from copy import deepcopy
from typing import Any

from schemas.claim import Claim
from streams.intake.items import Item, ReadClaim, Rejected, Warned
from streams.intake.reading import read_record

Tree = dict[str, Any]

CPT = "http://www.ama-assn.org/go/cpt"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
NPI = "http://hl7.org/fhir/sid/us-npi"
NUCC = "http://nucc.org/provider-taxonomy"


def coded(code: str, system: str | None = None) -> Tree:
    return {"coding": [{"system": system, "code": code} if system else {"code": code}]}


PATIENT: Tree = {
    "resourceType": "Patient",
    "id": "pat",
    "identifier": [{"system": "http://hl7.org/fhir/sid/us-mbi", "value": "1EG4TE5MK73"}],
    "name": [{"use": "old", "family": "Maiden"}, {"family": "Quackenbush", "given": ["Wilhelmina", "Q"]}],
    "gender": "female",
    "birthDate": "1950-02-01",
    "address": [{"line": ["77 Larkspur Loop", "Apt 2"], "city": "Opalocka", "state": "FL", "postalCode": "33054"}],
}
COVERAGE: Tree = {
    "resourceType": "Coverage",
    "id": "cov",
    "type": {
        "coding": [{"system": "x", "code": "HIP"}, {"system": "https://codesystem.x12.org/005010/1032", "code": "MB"}]
    },
    "subscriber": {"reference": "#pat"},
    "subscriberId": "1EG4TE5MK73",
    "beneficiary": {"reference": "#pat"},
    "relationship": coded("self", "http://terminology.hl7.org/CodeSystem/subscriber-relationship"),
    "payor": [{"reference": "#payer"}],
    "class": [{"type": coded("plan"), "value": "P"}, {"type": coded("group"), "value": "GRP-9"}],
}
PAYER: Tree = {
    "resourceType": "Organization",
    "id": "payer",
    "identifier": [{"value": "EXMEDICARE"}],
    "name": "Medicare",
}
CLINIC: Tree = {
    "resourceType": "Organization",
    "id": "clinic",
    "identifier": [
        {"system": "urn:oid:2.16.840.1.113883.4.4", "value": "990099001"},
        {"system": NPI, "value": "1234567893"},
    ],
    "type": [coded("207L00000X", NUCC)],
    "name": "Pain Clinic",
    "address": [{"state": "FL", "city": "Miami"}],
}
DOCTOR: Tree = {
    "resourceType": "Practitioner",
    "id": "doc",
    "identifier": [{"system": NPI, "value": "1245319599"}],
    "name": [{"family": "House", "given": ["Gregory"]}],
    "qualification": [{"code": coded("MD")}, {"code": coded("208VP0014X", NUCC)}],
}
SURGERY: Tree = {
    "resourceType": "Location",
    "id": "asc",
    "identifier": [{"system": NPI, "value": "1992999999"}],
    "name": "Surgery",
    "address": {"state": "GA", "city": "Macon"},
}
PARTIES = [PATIENT, COVERAGE, PAYER, CLINIC, DOCTOR, SURGERY]
ITEM: Tree = {
    "sequence": 1,
    "careTeamSequence": [1],
    "diagnosisSequence": [2, 1],
    "productOrService": {
        "coding": [{"system": "http://snomed.info/sct", "code": "1"}, {"system": CPT, "code": "62323"}]
    },
    "modifier": [coded("RT", CPT), coded("KX", HCPCS)],
    "servicedDate": "2026-06-15",
    "locationCodeableConcept": coded(
        "24", "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
    ),
    "quantity": {"value": 1},
    "net": {"value": 1850.10, "currency": "USD"},
}
CLAIM: Tree = {
    "resourceType": "Claim",
    "id": "c",
    "contained": PARTIES,
    "identifier": [{"value": "PT-0001"}],
    "status": "active",
    "type": coded("professional", "http://terminology.hl7.org/CodeSystem/claim-type"),
    "use": "claim",
    "patient": {"reference": "#pat"},
    "created": "2026-06-20T23:30:00-05:00",
    "insurer": {"reference": "#payer"},
    "provider": {"reference": "#clinic"},
    "facility": {"reference": "#asc"},
    "priority": coded("normal"),
    "careTeam": [{"sequence": 1, "provider": {"reference": "#doc"}, "role": coded("rendering")}],
    "diagnosis": [
        {"sequence": 1, "diagnosisCodeableConcept": coded("M54.16", ICD10CM)},
        {"sequence": 2, "diagnosisCodeableConcept": coded("M51.17", ICD10CM)},
    ],
    "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": "#cov"}, "preAuthRef": ["AUTH-1"]}],
    "item": [ITEM],
    "total": {"value": 1850.10, "currency": "USD"},
}


def changed(path: str = "", value: Any = None, tree: Tree | None = None) -> Tree:
    """The claim, or another tree, with the value at a dotted path replaced; None takes the element away."""
    made = deepcopy(CLAIM if tree is None else tree)
    here: Any = made
    *before, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in before:
        here = here[step]
    if value is None:
        del here[last]
    else:
        here[last] = value
    return made


def contained(resource: Tree, **changes: Any) -> Tree:
    """The claim with elements of a contained resource replaced."""
    index = next(index for index, one in enumerate(PARTIES) if one["id"] == resource["id"])
    made = deepcopy(CLAIM)
    made["contained"][index] |= changes
    return made


def bundle(*resources: Tree, urls: bool = True) -> Tree:
    """A Bundle with a full URL for each resource that has an id."""
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            ({"fullUrl": f"urn:uuid:{one['id']}"} if urls and "id" in one else {}) | {"resource": deepcopy(one)}
            for one in resources
        ],
    }


def referring(tree: Any, prefix: str = "urn:uuid:") -> Any:
    """The tree with references to contained resources turned into those of a Bundle, and nothing contained."""
    if isinstance(tree, dict):
        return {
            key: prefix + value[1:] if key == "reference" and isinstance(value, str) else referring(value, prefix)
            for key, value in tree.items()
            if key != "contained"
        }
    return [referring(one, prefix) for one in tree] if isinstance(tree, list) else tree


def encoded(tree: Any) -> bytes:
    return tree if isinstance(tree, bytes) else json.dumps(tree).encode()


def items(tree: Any) -> list[Item]:
    return list(read_record(encoded(tree), "application/fhir+json"))


def claims(tree: Any) -> list[Claim]:
    return [item.claim for item in items(tree) if isinstance(item, ReadClaim)]


def rejected(tree: Any) -> list[Rejected]:
    return [item for item in items(tree) if isinstance(item, Rejected)]


def warnings(tree: Any) -> list[str]:
    return [item.at for item in items(tree) if isinstance(item, Warned)]


def claim(tree: Any) -> Claim:
    found = items(tree)
    assert [] == [item.rejection for item in found if isinstance(item, Rejected)]
    (one,) = [item.claim for item in found if isinstance(item, ReadClaim)]
    return one


def fault(tree: Any) -> tuple[str, str]:
    (item,) = items(tree)
    assert isinstance(item, Rejected), item
    return item.rejection.code, item.rejection.at
