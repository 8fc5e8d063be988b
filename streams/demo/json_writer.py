"""Claims as JSON of the contract (section 2)."""

import json
from typing import Any

from streams.demo.draft import Address, Draft, Facility, Line, Person

CONTENT_TYPE = "application/vnd.claimstream.claim+json;v=1"


def claim_object(draft: Draft) -> dict[str, Any]:
    """The claim as an object; what a sender does not know is left out or null."""
    practice, clinician, member = draft.practice, draft.clinician, draft.member
    payer, dependent = member.payer, member.dependent
    authorizations = filter(None, [draft.authorization])
    return {
        "claim_id": draft.claim_id,
        "claim_type": "professional",
        "frequency_code": draft.frequency,
        "original_reference": draft.original_reference,
        "received_on": draft.received_on.isoformat(),
        "total_charge": _amount(draft.cents),
        "place_of_service": draft.place,
        "payer": {
            "id": payer.id,
            "name": payer.name,
            "filing_indicator": payer.filing_indicator,
            "line_of_business": payer.line_of_business,
            "sequence": "primary",
        },
        "subscriber": {
            "member_id": member.member_id,
            "relationship": dependent.relationship if dependent else "self",
            "group_number": member.group_number,
            **_person(member.subscriber, member.address),
        },
        "patient": _person(dependent.person, member.address) if dependent else None,
        "billing_provider": {
            "npi": practice.npi,
            "tax_id": practice.tax_id,
            "taxonomy": practice.taxonomy,
            "name": practice.name,
            "address": _address(practice.address),
            "organization": True,
        },
        "rendering_provider": {"npi": clinician.npi, "taxonomy": clinician.taxonomy},
        "service_facility": _facility(draft.facility),
        "authorizations": [{"number": each, "kind": "prior_authorization"} for each in authorizations],
        "diagnoses": [{"code": code} for code in draft.diagnoses],
        "service_lines": [_line(draft, line, number) for number, line in enumerate(draft.lines, 1)],
    }


def json_bytes(claim: dict[str, Any]) -> bytes:
    """A claim object as it is sent."""
    return json.dumps(claim, separators=(",", ":")).encode()


def _facility(facility: Facility | None) -> dict[str, Any] | None:
    return facility and {"npi": facility.npi, "name": facility.name, "address": _address(facility.address)}


def _person(person: Person, address: Address) -> dict[str, Any]:
    return {
        "last_name": person.last_name,
        "first_name": person.first_name,
        "birth_date": person.born_on.isoformat(),
        "sex": person.sex,
        "address": _address(address),
    }


def _address(address: Address) -> dict[str, str]:
    return {
        "line1": address.street,
        "city": address.city,
        "state": address.state,
        "postal_code": address.postal_code,
    }


def _line(draft: Draft, line: Line, number: int) -> dict[str, Any]:
    return {
        "line_number": number,
        "procedure_code": line.code,
        "modifiers": list(line.modifiers),
        "charge": _amount(line.cents),
        "units": str(line.units),
        "unit_type": "UN",
        "service_date_from": draft.served_on.isoformat(),
        "diagnosis_pointers": list(line.diagnoses),
        "drug": {"ndc": line.ndc, "quantity": str(line.milliliters), "unit": "ML"} if line.ndc else None,
        "control_number": f"{draft.claim_id}-{number}",
    }


def _amount(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
