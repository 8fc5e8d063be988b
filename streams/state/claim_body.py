"""A claim as state keeps it to decide it anew: all that rules read, and nothing else that names a person."""

import json
from typing import Any

from schemas.claim import Claim
from streams.codes_only import UNSAID

_STREET = {"line1": True, "line2": True, "city": True}
_PROVIDER: dict[str, Any] = {"name": True, "tax_id": True, "organization": True, "address": _STREET}
_PERSON: dict[str, Any] = {"last_name": True, "first_name": True, "sex": True, "address": _STREET}
_NOT_KEPT: Any = {
    "payer": {"name": True},
    "subscriber": _PERSON | {"member_id": True, "group_number": True, "relationship": True},
    "patient": _PERSON,
    "billing_provider": _PROVIDER,
    "rendering_provider": _PROVIDER,
    "referring_provider": _PROVIDER,
    "supervising_provider": _PROVIDER,
    "service_facility": _PROVIDER,
    "service_lines": {"__all__": {"note": True, "rendering_provider": _PROVIDER}},
    "accident": True,
    "notes": True,
    "attachments": True,
}


def body_of(claim: Claim) -> bytes:
    """The claim as rules read it, as JSON."""
    return claim.model_dump_json(exclude_defaults=True, exclude=_NOT_KEPT).encode()


def claim_of(body: bytes) -> Claim:
    """The claim of a body; decided, it gives what the claim itself gives."""
    fields = json.loads(body)
    fields["subscriber"]["member_id"] = UNSAID
    return Claim.model_validate_json(json.dumps(fields))
