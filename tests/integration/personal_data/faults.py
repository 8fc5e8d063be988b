"""Records with the values of `seeds` in every kind of fault."""

import base64
import random
from typing import Any

from schemas.codec import content_type
from streams.intake.reading import MAX_RECORD_BYTES
from tests.integration.personal_data.seeds import (
    CLAIM,
    SUBSCRIBER,
    Sent,
    claim,
    encoded,
    fhir_claim,
    line,
    of_another_kind,
    professional,
)
from tests.integration.personal_data.seeds import VALUES as V
from tests.streams.intake.fhir import building as fhir

WORD, MEMBER = V["frozen word"].encode(), V["member id"].encode()


def _json_faults() -> list[Sent]:
    whole = encoded(claim())
    twice = b'{"%b": 1, "%b": 2}' % ((V["field sent twice"].encode(),) * 2)
    deep: Any = V["frozen word"]
    for _ in range(80):
        deep = {V["unknown field"]: deep}
    wrong = claim()
    wrong["subscriber"]["last_name"] = {V["last name"]: 19371123}
    return [
        Sent("no bytes of any format", b"\x00\x01\xfe " + WORD),
        Sent("JSON that breaks off within a name", whole[: whole.index(V["first name"].encode()) + 5]),
        Sent("JSON with a name that is not quoted", whole.replace(b'"Wilhelmyna"', b"Wilhelmyna")),
        Sent("not UTF-8 within a name", whole.replace(b"Wilhelmyna", b"Wilhelmyna\xff\xfe")),
        Sent("a wrong type where the name belongs", encoded(wrong)),
        Sent("a number for the member id", encoded(claim(subscriber={"member_id": 19371123}))),
        Sent("a name for an enumeration", encoded(claim(claim_type=V["last name"]))),
        Sent("a name for a charge", encoded(claim(total_charge=V["last name"]))),
        Sent("a name for a day", encoded(claim(received_on=V["birth date of a letter"]))),
        Sent("a name for a list", encoded(claim(service_lines=V["last name"]))),
        Sent("a field twice, with a name for its name", twice),
        Sent("nested too deep below names", encoded(claim(accident=deep))),
        Sent("half a character beside a name", encoded(claim(notes=["@"])).replace(b"@", WORD + rb"\ud800")),
        Sent("no number in a free field", encoded(claim(accident={V["unknown field"]: "@"})).replace(b'"@"', b"NaN")),
        Sent("a list of names", encoded([V["last name"], V["member id"]])),
        Sent("a record over the size limit", encoded(claim(notes=[V["claim note"] * (MAX_RECORD_BYTES // 20)]))),
        Sent("a table of names", f"{V['last name']},{V['first name']},{V['member id']},{V['birth date']}\n".encode()),
        Sent("nothing required", encoded({V["unknown field"]: V["last name"]})),
    ]  # fmt: skip


def _x12_faults() -> list[Sent]:
    whole = professional()
    return [
        Sent("X12 that ends within NM1", whole[: whole.index(V["first name"].encode()) + 4]),
        Sent("X12 with an unknown qualifier", whole.replace(b"NM1*IL", b"NM1*" + V["qualifier"].encode())),
        Sent("X12 with an unknown segment", whole.replace(b"DMG*D8", V["segment"].encode() + b"*D8")),
        Sent("X12 with a name for a day", whole.replace(V["birth date of X12"].encode(), V["last name"].encode())),
        Sent("X12 with a name for a charge", whole.replace(b"*1850*UN", b"*" + V["last name"].encode() + b"*UN")),
        Sent("X12 without diagnosis", whole.replace(b"HI*ABK:M5416~", b"")),
        Sent("X12 without member id", whole.replace(b"MI*" + MEMBER, b"MI")),
        Sent("X12 with a member id in another place", whole.replace(b"*UN*1*", b"*UN*" + MEMBER + b"*")),
        Sent("X12 of an unknown transaction set", whole.replace(b"ST*837", b"ST*" + V["transaction set"].encode())),
        Sent("X12 of an unknown guide", whole.replace(b"005010X222A1", WORD)),
        Sent("X12 with names for control numbers", professional(control=V["control number of the transaction"])
             .replace(b"000000042", V["control number of the interchange"].encode(), 1)),
        Sent("X12 with wrong counts", whole.replace(b"SE*", b"SE*" + WORD)),
        Sent("X12 without an envelope", b"ST*837*0001~" + b"~".join(each.encode() for each in SUBSCRIBER)),
        Sent("X12 that is 837I", of_another_kind("837", "005010X223A2", "LX*1", "SV2*0490*HC:62323*1850*UN*1")),
        Sent("X12 that is 278", of_another_kind("278", "005010X217", f"HCR*A1*{V['authorization number']}")),
        Sent("X12 with a service before its line", professional([*CLAIM, "SV1*HC:62323*1850*UN*1***1"])),
    ]  # fmt: skip


def _fhir_faults() -> list[Sent]:
    response = {
        "resourceType": "ClaimResponse", "id": V["id of a resource"], "use": "preauthorization", "outcome": "complete",
        "preAuthRef": V["authorization number"], "disposition": f"for {V['holder of the authorization']}",
        "patient": {"display": V["last name"]},
    }  # fmt: skip
    outcome = {"severity": "error", "code": "invalid", "diagnostics": f"{V['last name']} {V['member id']}"}
    unresolved = fhir_claim(patient={"reference": f"Patient/{V['id of a resource']}"})
    nameless = fhir_claim()
    nameless["contained"][0]["birthDate"] = V["last name"]
    shared = [{"resource": each} for each in (fhir_claim(use=V["last name"]), response, fhir_claim(item=[]))]
    return [
        Sent("FHIR with a wrong type", encoded(fhir_claim(identifier=V["last name"], item=V["last name"]))),
        Sent("FHIR with a name for a day", encoded(nameless)),
        Sent("FHIR with a patient who is elsewhere", encoded(unresolved)),
        Sent("FHIR with an unknown code", encoded(fhir_claim(type=fhir.coded(V["last name"])))),
        Sent("FHIR that is an OperationOutcome", encoded({"resourceType": "OperationOutcome", "issue": [outcome]})),
        Sent("FHIR that is a ClaimResponse", encoded(response)),
        Sent("FHIR of an unknown type", encoded({"resourceType": V["type of a resource"], "name": V["last name"]})),
        Sent("a FHIR Bundle with bad claims", encoded({"resourceType": "Bundle", "type": "batch", "entry": shared})),
    ]  # fmt: skip


def _header_faults() -> list[Sent]:
    names: list[tuple[str, bytes]] = [
        ("cs-source", V["source header"].encode()),
        ("cs-received-on", V["received-on header"].encode()),
        ("cs-event-id", V["event id header"].encode()),
        ("cs-first-claim", MEMBER),
        ("dlt-original-timestamp", MEMBER),
        (V["header name"], V["other header"].encode()),
    ]
    types = [
        V["content type"],
        f"application/json;patient={V['parameter of the content type']}",
        f"application/vnd.claimstream.{V['last name']}+json;v=1",
        f"application/vnd.claimstream.claim+json;v={V['last name']}",
        f"application/fhir+json;{V['parameter of the content type']}",
    ]
    typed = [
        Sent("a name for a content type", value, [*names, ("content-type", text.encode())], V["record key"].encode())
        for text in types
        for value in (encoded(claim()), b"\x00" + WORD)
    ]
    bad = b"{" + WORD
    return [Sent("headers and key that are names", bad, names, V["record key"].encode()), *typed]


FAULTY: tuple[Sent, ...] = (*_json_faults(), *_x12_faults(), *_fhir_faults(), *_header_faults())


def _not_of_intake() -> tuple[Sent, ...]:
    """Records of the patient log that intake did not write."""
    token = b"0" * 32
    headers = [
        ("content-type", content_type("claim").encode()), ("cs-event-id", b"1" * 64), ("cs-person", token),
        ("cs-arrived-ms", b"1"), (V["header name"], V["other header"].encode()),
    ]  # fmt: skip
    canonical = encoded(claim())
    return (
        Sent("no canonical form", canonical.replace(b'"professional"', V["last name"].encode()), headers, token),
        Sent("not one of the claim's types", encoded(claim(claim_type=V["last name"])), headers, token),
        Sent("a name for a token", canonical, headers, V["record key"].encode()),
        Sent("a name for a person", canonical, [*headers, ("cs-person", V["first name"].encode())], token),
        Sent("a name for a content type", canonical, [("content-type", V["content type"].encode())], token),
    )


NOT_OF_INTAKE = _not_of_intake()
# Over the limit even compressed.
ENDLESS = base64.b64encode(random.Random(7).randbytes(3 << 20)).decode()
TOO_LARGE_TO_DECIDE = Sent("a decision over the limit", encoded(claim(V["claim id"] + ENDLESS)))


def broken(where: str) -> Sent:
    """A claim on which our own code fails there; one that is denied, and so judged by the rule that fails."""
    lines = [line(procedure_code="64484")]
    return Sent(f"our own code fails: {where}", encoded(claim(f"BROKEN-{where}", service_lines=lines)))


def many(when: str) -> list[Sent]:
    """Claims enough to be under way when something happens."""
    return [Sent("", encoded(claim(f"{V['claim id']} {when} {number}"))) for number in range(200)]
