"""State entries as version 1 wrote them: JSON with one-letter keys, without arrival days and what a revision needs."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

from schemas.authorization import Authorization, AuthorizedService
from schemas.encounter import Encounter
from streams.codes_only import UNSAID
from streams.state.entry import Entry, Moment
from validators.history import PastClaim, PastLine

LAST_WRITTEN = date(2026, 11, 28)


def is_one(value: bytes) -> bool:
    """Whether a value is of this version."""
    return value.startswith(b"{")


def decode(event_id: str, value: bytes) -> Entry:
    """The entry of a value. When it arrived was not kept: it counts as one of the last, so that nothing goes early."""
    fields = json.loads(value)
    return Entry(
        event_id,
        Moment(fields["p"], LAST_WRITTEN),
        _day(fields["r"]),
        fields.get("o", ""),
        claim=_claim(event_id, fields) if "l" in fields else None,
        authorization=_authorization(fields["z"]) if "z" in fields else None,
        encounter=_encounter(fields["e"]) if "e" in fields else None,
    )


def _authorization(fields: dict[str, Any]) -> Authorization:
    return Authorization(
        authorization_number=fields["number"],
        kind=fields["kind"],
        payer_id=UNSAID,
        member_id=UNSAID,
        status=fields["status"],
        valid_from=_day(fields["valid_from"]),
        valid_to=_day(fields["valid_to"]),
        services=tuple(AuthorizedService(procedure_code=code) for code in fields["codes"]),
        version=fields["version"],
    )


def _encounter(fields: dict[str, Any]) -> Encounter:
    return Encounter.model_validate_json(json.dumps(fields | {"payer_id": UNSAID, "member_id": UNSAID}))


def _claim(event_id: str, fields: dict[str, Any]) -> PastClaim:
    return PastClaim(
        event_id=event_id,
        position=fields["p"],
        role=fields["a"],
        source=fields["s"],
        billing_npi=fields["b"],
        claim_ref=fields["c"],
        original_ref=fields.get("x"),
        frequency_code=fields["f"],
        in_scope=fields["i"],
        lines=tuple(
            PastLine(code, frozenset(modifiers), date.fromisoformat(on), npi, Decimal(1), None)
            for code, modifiers, on, npi in fields["l"]
        ),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
