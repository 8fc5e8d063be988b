"""One JSON record to a claim or a rejection. Strict about JSON itself, silent about no fault, blind to no byte."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, get_args

import jiter
from pydantic import BaseModel, ValidationError

from schemas.claim import Claim
from schemas.rejection import Rejection, RejectionCode
from streams.intake.items import ReadClaim, Rejected, Span
from streams.intake.json_faults import MAX_DEPTH, diagnose, first_fault, too_deep

_EMPTY_OR_ABSENT = frozenset({"missing", "string_too_short", "too_short"})
_FREE_FIELDS = ("accident", "notes", "attachments")
"""The fields of a claim that hold any JSON; a number too large for a float would be read as infinity there."""


def read_json(bare: bytes, original: bytes | None = None) -> ReadClaim | Rejected:
    """The claim of a record that holds one JSON object, else why there is none.

    Never raises, whatever the bytes. `bare` is the record without white space and byte order mark around it, by which
    an event is known again; `original`, by default the same, is what is kept of a rejected one.
    """
    record = bare if original is None else original
    start = record.find(bare)
    span = Span(start, start + len(bare))
    parsed = _parse(bare)
    rejection = parsed if isinstance(parsed, Rejection) else _other_kind(parsed)
    if rejection is None:
        try:
            claim = Claim.model_validate_json(bare)
        except ValidationError as error:
            rejection = _from_validation(error)
        else:
            return ReadClaim(claim, (bare,), span, "", unknown_fields=_unknown_fields(parsed, _shape(Claim)))
    return Rejected(rejection, (bare,), span, "", record)


def _parse(record: bytes) -> dict[str, Any] | Rejection:
    try:
        parsed = jiter.from_json(record, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="keys")
    except ValueError:
        return diagnose(record, _known_keys())
    # A record with so few brackets cannot be nested too deep; most claims are such.
    if record.count(b"{") + record.count(b"[") > MAX_DEPTH and too_deep(parsed):
        return diagnose(record, _known_keys())
    if not isinstance(parsed, dict):
        what = "the record is not a JSON object; send each claim as one object, several of them one a line"
        return _rejection("wrong-type", what, "")
    free = {name: parsed[name] for name in _FREE_FIELDS if name in parsed}
    return (first_fault(free, _known_keys()) if free else None) or parsed


@cache
def _known_keys() -> frozenset[str]:
    """The names a pointer may show."""

    def names(shape: Mapping[str, Any]) -> Iterator[str]:
        for name, inner in shape.items():
            yield name
            yield from names(inner)

    return frozenset(names(_shape(Claim)))


@cache
def _shape(model: type[BaseModel]) -> dict[str, Any]:
    """The fields of a model, each with the fields of the model inside it (none: {})."""

    def inside(annotation: Any) -> type[BaseModel] | None:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return annotation
        return next((found for part in get_args(annotation) if (found := inside(part))), None)

    fields = {name: inside(field.annotation) for name, field in model.model_fields.items()}
    return {name: _shape(inner) if inner else {} for name, inner in fields.items()}


def _unknown_fields(tree: Any, shape: dict[str, Any]) -> int:
    """How many fields of a parsed record no model reads."""
    if isinstance(tree, list):
        return sum(_unknown_fields(inner, shape) for inner in tree)
    if not isinstance(tree, dict) or not shape:
        return 0
    return sum(1 if key not in shape else _unknown_fields(inner, shape[key]) for key, inner in tree.items())


def _other_kind(tree: dict[str, Any]) -> Rejection | None:
    """Why a readable object is no claim of ours: FHIR, an authorization, an encounter."""
    if isinstance(tree.get("resourceType"), str):
        return _fhir(tree)
    if "claim_id" in tree or "service_lines" in tree:
        return None
    if "authorization_number" in tree:
        return _rejection("not-a-claim", "this is an authorization; give its file with --authorizations", "")
    if "service_date" in tree and "member_id" in tree:
        return _rejection("not-a-claim", "this is an encounter; give its file with --encounters", "")
    return None


def _fhir(resource: dict[str, Any]) -> Rejection:
    """FHIR is known, not read: a claim is told from what could never be one."""
    inside = list(_resources(resource))
    kinds = [one.get("resourceType") for one in inside]
    claims = [one for one in inside if one.get("resourceType") == "Claim"]
    if any(claim.get("use", "claim") == "claim" for claim in claims):
        return _rejection("unsupported-format", "FHIR claims are not read yet; send 837P or JSON", "/resourceType")
    if claims:
        what = "this FHIR Claim asks for an authorization or an estimate; send Claim resources whose use is claim"
        return _rejection("not-a-claim", what, "/use" if resource is claims[0] else "/entry")
    if "ClaimResponse" in kinds:
        what = "this FHIR ClaimResponse is an answer, no claim; give an authorization's file with --authorizations"
    elif "Bundle" in kinds:
        what = "this FHIR Bundle has no Claim in it; send Claim resources"
    else:
        what = "this FHIR resource is no Claim; send Claim resources"
    return _rejection("not-a-claim", what, "/resourceType")


def _resources(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A FHIR resource and those of its entries, as far as they are such."""
    yield resource
    entries = resource.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
            yield entry["resource"]


def _from_validation(error: ValidationError) -> Rejection:
    errors = error.errors(include_url=False, include_input=False, include_context=False)
    first = errors[0]
    at = "".join(f"/{part}" for part in first["loc"])
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    kind = first["type"]
    if kind in _EMPTY_OR_ABSENT:
        return _rejection("missing-field", f"{at} is missing or empty{more}; send it: every claim needs one", at)
    if kind == "literal_error":
        return _rejection("unknown-value", f"{at} is none of its values{more}; {_lower(first['msg'])}", at)
    if kind.startswith("date"):
        return _rejection("wrong-type", f"{at} is no calendar day{more}; write it as YYYY-MM-DD", at)
    return _rejection("wrong-type", f"{at} has the wrong type{more}; {_lower(first['msg'])}", at)


def _lower(sentence: str) -> str:
    """A sentence of pydantic's as the second half of ours."""
    return f"it{sentence.removeprefix('Input')}" if sentence.startswith("Input ") else sentence


def _rejection(code: RejectionCode, message: str, at: str) -> Rejection:
    return Rejection(code=code, message=message, at=at)
