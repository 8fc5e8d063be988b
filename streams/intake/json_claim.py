"""One JSON record to a claim or a rejection. Strict about JSON itself, silent about no fault, blind to no byte."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from schemas.claim import Claim
from schemas.rejection import Rejection, RejectionCode
from streams.intake.fhir import read_fhir
from streams.intake.fhir.exact_json import exact_tree, strict_tree
from streams.intake.fhir.models import NAMES
from streams.intake.items import Item, ReadClaim, Rejected, Span
from streams.intake.json_faults import MAX_DEPTH, diagnose, first_fault, too_deep

_EMPTY_OR_ABSENT = frozenset({"missing", "string_too_short", "too_short"})
_FREE_FIELDS = ("accident", "notes", "attachments")
"""The fields of a claim that hold any JSON; a number too large for a float would be read as infinity there."""


def read_json_record(bare: bytes, record: bytes, *, likely_fhir: bool = False) -> Iterator[Item]:
    """Everything in a JSON record: the claim of one object, or those of a FHIR resource. Never raises.

    `bare` is the record without white space and byte order mark around it, by which an event is known again. What is
    `likely_fhir` is parsed only once if it is.
    """
    parsed = _parse(bare, exactly=likely_fhir)
    fhir = likely_fhir
    if not isinstance(parsed, Rejection):
        fhir = isinstance(parsed.get("resourceType"), str)
        if fhir != likely_fhir:
            parsed = _parse(bare, exactly=fhir)
    if fhir and not isinstance(parsed, Rejection):
        yield from read_fhir(parsed, bare, record)
    else:
        yield _read(parsed, bare, record)


def read_json(bare: bytes, original: bytes | None = None) -> ReadClaim | Rejected:
    """The claim of a record that holds one JSON object of ours, else why there is none.

    Never raises, whatever the bytes. `original`, by default the same as `bare`, is what is kept of a rejected one.
    """
    return _read(_parse(bare), bare, bare if original is None else original)


def _read(parsed: dict[str, Any] | Rejection, bare: bytes, record: bytes) -> ReadClaim | Rejected:
    start = record.find(bare)
    span = Span(start, start + len(bare))
    rejection = parsed if isinstance(parsed, Rejection) else _other_kind(parsed)
    if rejection is None:
        try:
            claim = Claim.model_validate_json(bare)
        except ValidationError as error:
            rejection = _from_validation(error)
        else:
            return ReadClaim(claim, (bare,), span, "", unknown_fields=_unknown_fields(parsed, _shape(Claim)))
    return Rejected(rejection, (bare,), span, "", record)


def _parse(record: bytes, *, exactly: bool = False) -> dict[str, Any] | Rejection:
    """The object of a record, its fractions as Decimal where they are to be read `exactly`."""
    try:
        parsed = exact_tree(record) if exactly else strict_tree(record)
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

    return frozenset(names(_shape(Claim))) | NAMES


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
    """Why a readable object is no claim of ours: an authorization, an encounter."""
    if "claim_id" in tree or "service_lines" in tree:
        return None
    if "authorization_number" in tree:
        return _rejection("not-a-claim", "this is an authorization; give its file with --authorizations", "")
    if "service_date" in tree and "member_id" in tree:
        return _rejection("not-a-claim", "this is an encounter; give its file with --encounters", "")
    return None


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
