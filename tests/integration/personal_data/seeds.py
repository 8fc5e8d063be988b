"""Values that identify a person, each unmistakable, and records of every format with them in every place there is."""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from tests.streams.intake.fhir import building as fhir
from tests.streams.intake.x12 import building as x12

VALUES: Mapping[str, str] = {
    "last name": "Zwetschgenbaum",
    "first name": "Wilhelmyna",
    "middle name": "Xanthopoulina",
    "patient last name": "Müßigbrodtová",
    "patient first name": "Żółcisława",
    "name in Chinese": "欧阳娜娜晓梅",
    "member id": "1QX7ZK3MW88",
    "member id as it may be written": "1QX7-ZK3-MW88",
    "member id of another claim": "9VV4HH2TT61",
    "birth date": "1937-11-23",
    "birth date of X12": "19371123",
    "birth date of a letter": "11/23/1937",
    "birth date of the patient": "1969-09-17",
    "birth date of the patient in X12": "19690917",
    "street": "417 Quillfeather Crescent",
    "second line of the address": "Apartment Zyxwood",
    "city": "Opalockaville",
    "postal code": "33054-9178",
    "postal code of X12": "330549178",
    "group number": "GRPX77143KQ",
    "telephone": "5558675309",
    "telephone of a letter": "(555) 867-5309",
    "email": "wil.zwetsch@mailbox.example.org",
    "social security number": "987-65-4329",
    "social security number of X12": "987654329",
    "claim note": "fell in the Quarrelton bakery",
    "line note": "weeps about Ferdinand-Ottokar",
    "accident": "struck by Ignatius Velocipede",
    "attachment": "ATTACHQZ99187",
    "claim id": "ACCTZQ-7781",
    "original reference": "ORIGINAL-ZQ-5512",
    "line control number": "LINE-MORDECHAI-9",
    "authorization number": "PANUM55QX812",
    "holder of the authorization": "Hildegunde Pfefferkorn",
    "control number of the transaction": "PIPERQUIL",
    "control number of the interchange": "GISELHERQ",
    "sender": "PIPPILOTTAQSEND",
    "source header": "Bartholomea Nightingale",
    "source in the claim": "Philippina Wagonwright",
    "record key": "Kunigunde Keyholder",
    "file name": "Theophrastus-Inkhorn",
    "other header": "Ottilie Headervalue",
    "header name": "x-patient-rosamunde",
    "content type": "application/leopoldina",
    "parameter of the content type": "Emerentiana",
    "received-on header": "Ezekiel-Dayheader",
    "event id header": "Scholastica-Eventheader",
    "unknown field": "Nepomuk Keyname",
    "value of an unknown field": "Adalberta Extravalue",
    "field sent twice": "Gwendoletta Twice",
    "employer": "Kruschwitz Conveyor Works",
    "payer id": "SELFINSURED-ZWIEBEL",
    "payer name": "Zwiebelkuchen Family Fund",
    "filing indicator": "FILEDBYQUINTUS",
    "modifier": "MODIFIERZENOBIA",
    "diagnosis": "DIAGNOSISZENOBIA",
    "procedure": "PROCEDUREZENOBIA",
    "place of service": "PLACEZENOBIA",
    "taxonomy": "TAXONOMYZENOBIA",
    "billing NPI": "NPIOFZENOBIA",
    "rendering NPI": "NPIOFTHEODELINDE",
    "state": "STATEZENOBIA",
    "frequency": "FREQUENCYZENOBIA",
    "doctor": "Balthazarius Quill",
    "qualifier": "QUALIFIERZENOBIA",
    "segment": "ZENOBIASEGMENT",
    "transaction set": "SETZENOBIA",
    "procedure of an authorization": "AUTHORIZEDZENOBIA",
    "procedure of an encounter": "ENCOUNTERZENOBIA",
    "pain scale": "scale of Tiberiusina",
    "drug": "Ichthammolia Potion",
    "contraindication": "allergic to Melchiorine",
    "id of a resource": "resource-ignazia",
    "type of a resource": "RessourceIgnazia",
    "narrative": "Euphrosyne was seen",
    "type of bill": "BILLEDZENOBIA",
    "path of the endpoint": "Fulgentia-Path",
    "body sent to the endpoint": "Fulgentius-Body",
    "frozen word": "Petronilla Unreadable",
}
V = VALUES
Tree = dict[str, Any]


@dataclass(frozen=True)
class Sent:
    """A record of `claims.received`, and the fault it has ("" for none)."""

    fault: str
    value: bytes
    headers: list[tuple[str, bytes]] = field(default_factory=lambda: [("cs-source", b"clinic")])
    key: bytes | None = None


def line(number: int = 1, **changes: Any) -> Tree:
    return {
        "line_number": number, "procedure_code": "62323", "charge": "1850.00", "units": "1",
        "service_date_from": "2026-06-15", "modifiers": [], "note": V["line note"],
        "control_number": V["line control number"],
    } | changes  # fmt: skip


def claim(claim_id: str = V["claim id"], **changes: Any) -> Tree:
    """A claim with a value in every field that has any text."""
    address = {
        "line1": V["street"], "line2": V["second line of the address"], "city": V["city"], "state": "FL",
        "postal_code": V["postal code"],
    }  # fmt: skip
    return {
        "claim_id": claim_id, "claim_type": "professional", "received_on": "2026-06-20", "total_charge": "1850.00",
        "original_reference": V["original reference"], "place_of_service": "24", "source": V["source in the claim"],
        "payer": {"id": V["payer id"], "name": V["payer name"], "filing_indicator": "CI"},
        "subscriber": {
            "member_id": V["member id"], "last_name": V["last name"], "first_name": V["first name"],
            "birth_date": V["birth date"], "group_number": V["group number"], "address": address,
            "middle_name": V["middle name"], V["unknown field"]: {V["name in Chinese"]: V["value of an unknown field"]},
            "born": V["birth date of a letter"],
        },
        "patient": {
            "last_name": V["patient last name"], "first_name": V["patient first name"], "address": address,
            "birth_date": V["birth date of the patient"],
        },
        "billing_provider": {"npi": "1234567893", "name": V["doctor"], "address": {"state": "FL"}},
        "authorizations": [{"number": V["authorization number"], "holder": V["holder of the authorization"]}],
        "diagnoses": [{"code": "M54.16"}],
        "service_lines": [line()],
        "accident": {"how": V["accident"], "employer": V["employer"]},
        "notes": [V["claim note"], {"email": V["email"], "ssn": V["social security number"]}],
        "attachments": [V["attachment"], {"telephone": V["telephone"], "at home": V["telephone of a letter"]}],
    } | changes  # fmt: skip


def odd_claim() -> Tree:
    """A claim with a word where each code belongs."""
    provider = {"npi": V["billing NPI"], "taxonomy": V["taxonomy"], "address": {"state": V["state"]}}
    lines = [
        line(modifiers=[V["modifier"]], diagnosis_pointers=[1, 2], place_of_service=V["place of service"]),
        line(2, procedure_code="64484", rendering_provider={"npi": V["rendering NPI"]}),
        line(3, procedure_code=V["procedure"], modifiers=[V["member id"]]),
    ]
    return claim(
        "ACCTZQ-7781-ODD", billing_provider=provider, service_lines=lines, type_of_bill=V["type of bill"],
        diagnoses=[{"code": "M54.16"}, {"code": V["diagnosis"]}], place_of_service=V["place of service"],
        frequency_code=V["frequency"], service_facility=provider,
        payer={"id": V["payer id"], "filing_indicator": V["filing indicator"]},
    )  # fmt: skip


def authorization(**changes: Any) -> Tree:
    return {
        "authorization_number": V["authorization number"], "payer_id": V["payer id"], "member_id": V["member id"],
        "status": "approved", "valid_from": "2026-06-01", "valid_to": "2026-07-01",
        "patient": {"birth_date": V["birth date of the patient"], "first_name": V["patient first name"]},
        "services": [{"procedure_code": V["procedure of an authorization"], "units": "1"}],
        "rendering_npi": V["rendering NPI"], "holder": V["holder of the authorization"],
    } | changes  # fmt: skip


def encounter(**changes: Any) -> Tree:
    return {
        "payer_id": V["payer id"], "member_id": V["member id as it may be written"], "service_date": "2026-06-15",
        "patient": {"birth_date": V["birth date of the patient"], "first_name": V["patient first name"]},
        "procedure_code": V["procedure of an encounter"], "pain_scale": V["pain scale"],
        "drugs": [{"name": V["drug"], "milligrams": "40"}], "contraindications": [V["contraindication"]],
        "guidance": "none", "levels": ["L4-L5"], "imaging": {"kind": V["narrative"]},
        "anticoagulant": {"taken": True, "plan": V["claim note"]}, "not_documented": [V["last name"]],
    } | changes  # fmt: skip


SUBSCRIBER = [
    "HL*2*1*22*0",
    f"SBR*P*18*{V['group number']}*{V['employer']}*****MB",
    f"NM1*IL*1*{V['last name']}*{V['first name']}*{V['middle name']}***MI*{V['member id']}",
    f"N3*{V['street']}*{V['second line of the address']}",
    f"N4*{V['city']}*FL*{V['postal code of X12']}",
    f"DMG*D8*{V['birth date of X12']}*F",
    f"REF*SY*{V['social security number of X12']}",
    f"PER*IC*{V['patient last name']}*TE*{V['telephone']}*EM*{V['email']}",
    f"NM1*PR*2*{V['payer name']}*****PI*{V['payer id']}",
]
CLAIM = [
    f"CLM*{V['claim id']}*1850***24:B:1*Y*A*Y*Y",
    f"DTP*431*D8*{V['birth date of the patient in X12']}",
    f"PWK*OZ*BM***AC*{V['attachment']}",
    f"REF*G1*{V['authorization number']}",
    f"REF*F8*{V['original reference']}",
    f"NTE*ADD*{V['claim note']}",
    "HI*ABK:M5416",
    f"NM1*82*1*{V['doctor']}*****XX*{V['rendering NPI']}",
]
LINE = [
    "LX*1",
    "SV1*HC:62323*1850*UN*1***1",
    "DTP*472*D8*20260615",
    f"REF*6R*{V['line control number']}",
    f"NTE*ADD*{V['line note']}",
]
ISA = x12.ISA.replace("SENDER         ", V["sender"][:15].ljust(15))


def professional(*claims: list[str], subscriber: list[str] = SUBSCRIBER, control: str = "0001") -> bytes:
    body = x12.transaction(x12.HEADER, x12.BILLING, subscriber, *(claims or (CLAIM + LINE,)), control=control)
    return x12.record(x12.interchange(x12.group(body), isa=ISA))


def of_another_kind(kind: str, guide: str, *lines: str) -> bytes:
    body = x12.transaction(x12.HEADER, x12.BILLING, SUBSCRIBER, [*CLAIM, *lines], kind=kind, guide=f"*{guide}")
    return x12.record(x12.interchange(x12.group(body, version=guide), isa=ISA))


def fhir_claim(**changes: Any) -> Tree:
    made = deepcopy(fhir.CLAIM)
    patient, coverage = made["contained"][0], made["contained"][1]
    patient |= {
        "identifier": [{"value": V["member id"]}, {"value": V["social security number"]}],
        "name": [{"family": V["last name"], "given": [V["first name"], V["middle name"]], "text": V["narrative"]}],
        "birthDate": V["birth date"],
        "telecom": [{"value": V["telephone"]}, {"value": V["email"]}],
        "address": [{"line": [V["street"]], "city": V["city"], "state": "FL", "postalCode": V["postal code"]}],
    }
    coverage |= {"subscriberId": V["member id"]}
    made["identifier"] = [{"value": V["claim id"]}]
    made["id"] = V["id of a resource"]
    made["text"] = {"status": "generated", "div": f"<div>{V['narrative']}</div>"}
    made["insurance"][0]["preAuthRef"] = [V["authorization number"]]
    made["supportingInfo"] = [{"sequence": 1, "category": fhir.coded("info"), "valueString": V["claim note"]}]
    return made | changes


def encoded(tree: Any) -> bytes:
    return json.dumps(tree, ensure_ascii=False).encode()


WELL: tuple[Sent, ...] = (
    Sent("", encoded(authorization())),
    Sent("", encoded(encounter())),
    Sent("", encoded(claim())),
    Sent("", encoded(claim("ACCTZQ-7781-2", authorizations=[]))),
    Sent("", encoded(claim("ACCTZQ-7781-3", service_lines=[line(procedure_code="64484")]))),
    Sent("", encoded(claim("ACCTZQ-7781-4", subscriber={"member_id": V["member id of another claim"]}))),
    Sent("", encoded(odd_claim()), key=V["record key"].encode()),
    Sent("", professional()),
    Sent("", encoded(fhir_claim())),
)
