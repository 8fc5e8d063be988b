"""Claims as JSON objects, to be changed by the test that needs them different."""

import json
from copy import deepcopy
from typing import Any

from streams.intake.items import Item, ReadClaim, Rejected
from streams.intake.reading import read_record

LINE: dict[str, Any] = {
    "line_number": 1,
    "procedure_code": "62323",
    "charge": "1850.00",
    "units": "1",
    "service_date_from": "2026-06-15",
}
SMALLEST: dict[str, Any] = {
    "claim_id": "PT-0001",
    "claim_type": "professional",
    "total_charge": "1850.00",
    "payer": {"id": "MEDICARE"},
    "subscriber": {"member_id": "1EG4TE5MK73"},
    "billing_provider": {"npi": "1234567893"},
    "diagnoses": [{"code": "M54.16"}],
    "service_lines": [LINE],
}
FULL: dict[str, Any] = SMALLEST | {
    "frequency_code": "1",
    "original_reference": None,
    "source": "clearinghouse-a",
    "received_on": "2026-06-20",
    "test": False,
    "place_of_service": "24",
    "type_of_bill": None,
    "payer": {
        "id": "MEDICARE",
        "name": "Zorblatt Medicare",
        "filing_indicator": "MB",
        "line_of_business": "medicare_ffs",
        "sequence": "primary",
    },
    "subscriber": {
        "member_id": "1EG4TE5MK73",
        "relationship": "self",
        "group_number": "GRP-ZULU-9",
        "last_name": "Quackenbush",
        "first_name": "Wilhelmina",
        "birth_date": "1950-02-01",
        "sex": "F",
        "address": {"line1": "77 Larkspur Loop", "city": "Opalocka", "state": "FL", "postal_code": "33054"},
    },
    "patient": {"last_name": "Quackenbush", "first_name": "Ebenezer", "birth_date": "1961-03-04"},
    "billing_provider": {
        "npi": "1234567893",
        "tax_id": "990099001",
        "taxonomy": "207L00000X",
        "name": "Xylophone Pain Clinic",
        "address": {"state": "FL"},
        "organization": True,
    },
    "rendering_provider": {"npi": "1245319599", "taxonomy": "208VP0014X"},
    "service_facility": {"npi": "1245319599", "name": "Mirabelle Surgery", "address": {"state": "FL"}},
    "authorizations": [{"number": "AUTHNO-4711", "kind": "prior_authorization"}],
    "diagnoses": [{"code": "M5416"}, {"code": "M51.17"}],
    "service_lines": [
        LINE
        | {
            "modifiers": ["LT"],
            "unit_type": "UN",
            "service_date_to": None,
            "diagnosis_pointers": [1, 2],
            "rendering_provider": {"npi": "1245319599"},
            "authorization_number": "AUTHNO-4712",
            "drug": {"ndc": "00009028003", "quantity": "1.5", "unit": "ML"},
            "note": "patient Wilhelmina was anxious",
            "control_number": "CTRL-1",
        }
    ],
    "accident": {"state": "GA", "when": [2026, 1.5, True, None]},
    "notes": ["the aunt of Wilhelmina called"],
    "attachments": [{"control": "ATT-55"}],
}
PRIVATE = (
    "Quackenbush",
    "Wilhelmina",
    "Ebenezer",
    "1EG4TE5MK73",
    "GRP-ZULU-9",
    "1950-02-01",
    "1961-03-04",
    "Larkspur",
    "Opalocka",
    "33054",
    "AUTHNO",
    "990099001",
    "anxious",
)
"""What of FULL names a person or is free text: none of it may be seen outside a claim."""


def claim(**changes: Any) -> dict[str, Any]:
    """The smallest claim with some fields changed."""
    return deepcopy(SMALLEST) | changes


def with_line(**changes: Any) -> dict[str, Any]:
    """The smallest claim with fields of its line changed."""
    return claim(service_lines=[LINE | changes])


def encoded(tree: Any) -> bytes:
    return json.dumps(tree).encode()


def read(tree: Any) -> Item:
    """The one item of a record of JSON, given as a tree or as bytes."""
    record = tree if isinstance(tree, bytes) else encoded(tree)
    (item,) = read_record(record)
    return item


def accepted(tree: Any) -> ReadClaim:
    item = read(tree)
    assert isinstance(item, ReadClaim), item
    return item


def refused(tree: Any) -> Rejected:
    item = read(tree)
    assert isinstance(item, Rejected), item
    return item


def fault(tree: Any) -> tuple[str, str]:
    """Code and place of why a record is rejected."""
    rejection = refused(tree).rejection
    return rejection.code, rejection.at
