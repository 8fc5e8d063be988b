"""State entries as records of the compacted changelog: tokens, codes and dates, nothing that names a person.

The key is the patient token and the event id; the value is JSON of version 1 with one-letter keys.
"""

import json
from datetime import date
from typing import Any

from streams.state.patient import Entry, KnownEvent
from streams.tokens import TOKEN_LENGTH
from validators.facts import AuthorizationFacts, EncounterFacts
from validators.history import PastClaim, PastLine

VERSION = 1


class UnknownEntryError(Exception):
    """A changelog record of a version this worker does not read: run a worker at least as new as its writer."""


def key_of(token: str, event_id: str) -> bytes:
    """The key under which an event's entry is compacted."""
    return f"{token}{event_id}".encode()


def encode(entry: Entry) -> bytes:
    """The value of an entry."""
    known, claim = entry.known, entry.claim
    value: dict[str, Any] = {"v": VERSION, "p": known.position, "r": _day(known.received_on)}
    if claim is not None:
        value |= {
            "o": entry.person,
            "t": claim.claim_type,
            "a": claim.role,
            "s": claim.source,
            "b": claim.billing_npi,
            "c": claim.claim_ref,
            "f": claim.frequency_code,
            "i": claim.in_scope,
            "l": [[x.procedure_code, sorted(x.modifiers), _day(x.service_date), x.rendering_npi] for x in claim.lines],
        }
        if claim.original_ref is not None:
            value["x"] = claim.original_ref
    if entry.authorization is not None:
        value |= {"o": entry.person, "z": _plain(entry.authorization)}
    if entry.encounter is not None:
        value |= {"o": entry.person, "e": _plain(entry.encounter)}
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def decode(key: bytes, value: bytes) -> tuple[str, Entry]:
    """The patient token and entry of a changelog record.

    Raises UnknownEntryError when it was written by a newer version.
    """
    token, event_id = key[:TOKEN_LENGTH].decode(), key[TOKEN_LENGTH:].decode()
    fields = json.loads(value)
    if fields.get("v") != VERSION:
        raise UnknownEntryError(f"a state entry has version {fields.get('v')}; this worker reads version {VERSION}")
    known = KnownEvent(fields["p"], _from_day(fields["r"]))
    return token, Entry(
        event_id,
        known,
        fields.get("o", ""),
        claim=_claim(event_id, fields) if "l" in fields else None,
        authorization=_authorization(fields["z"]) if "z" in fields else None,
        encounter=_encounter(fields["e"]) if "e" in fields else None,
    )


def _plain(facts: AuthorizationFacts | EncounterFacts) -> dict[str, Any]:
    """The fields by name, as JSON has them."""
    return {
        name: _day(value) if isinstance(value, date) else sorted(value) if isinstance(value, frozenset) else value
        for name, value in facts._asdict().items()
    }


def _authorization(fields: dict[str, Any]) -> AuthorizationFacts:
    days = {name: _from_day(fields[name]) for name in ("valid_from", "valid_to")}
    return AuthorizationFacts(**fields | days | {"codes": frozenset(fields["codes"])})


def _encounter(fields: dict[str, Any]) -> EncounterFacts:
    levels = fields["levels"]
    service_date = date.fromisoformat(fields["service_date"])
    return EncounterFacts(
        **fields | {"service_date": service_date, "levels": None if levels is None else tuple(levels)}
    )


def _from_day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _claim(event_id: str, fields: dict[str, Any]) -> PastClaim:
    return PastClaim(
        event_id=event_id,
        position=fields["p"],
        claim_type=fields["t"],
        role=fields["a"],
        source=fields["s"],
        billing_npi=fields["b"],
        claim_ref=fields["c"],
        original_ref=fields.get("x"),
        frequency_code=fields["f"],
        in_scope=fields["i"],
        lines=tuple(
            PastLine(code, frozenset(modifiers), date.fromisoformat(on), npi)
            for code, modifiers, on, npi in fields["l"]
        ),
    )


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
