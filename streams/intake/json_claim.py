"""One JSON record to a claim or a rejection. Strict about JSON itself, silent about no fault, blind to no byte."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import ValidationError

from schemas.authorization import Authorization
from schemas.claim import Claim
from schemas.codec import Kind
from schemas.encounter import Encounter
from schemas.rejection import Rejection, RejectionCode
from streams.intake.exact_json import exact_tree, strict_tree
from streams.intake.fhir import read_fhir
from streams.intake.fhir.models import NAMES
from streams.intake.items import Item, ReadClaim, ReadFact, Rejected, Span
from streams.intake.json_faults import MAX_DEPTH, diagnose, first_fault, too_deep
from streams.intake.shape import shape_of

_EMPTY_OR_ABSENT = frozenset({"missing", "string_too_short", "too_short"})
_MODELS: Mapping[str, type[Claim | Authorization | Encounter]] = {
    "claim": Claim,
    "authorization": Authorization,
    "encounter": Encounter,
}
_FREE_FIELDS = ("accident", "notes", "attachments")
"""The fields of a claim that hold any JSON; a number too large for a float would be read as infinity there."""


def read_json_record(
    bare: bytes,
    record: bytes,
    *,
    likely_fhir: bool = False,
    kind: Kind | None = None,
    first_ordinal: int = 1,
    bundle: bytes = b"",
) -> Iterator[Item]:
    """Everything in a JSON record: the claim of one object, or those of a FHIR resource. Never raises.

    `bare` is the record without white space and byte order mark around it, by which an event is known again. What is
    `likely_fhir` is parsed only once if it is. `kind` is what a content type says the record is. `first_ordinal` and
    `bundle` say which claims of which Bundle these are, as `read_fhir` takes it.
    """
    parsed = _parse(bare, exactly=likely_fhir)
    fhir = likely_fhir
    if not isinstance(parsed, Rejection):
        fhir = isinstance(parsed.get("resourceType"), str)
        if fhir != likely_fhir:
            parsed = _parse(bare, exactly=fhir)
    if fhir and not isinstance(parsed, Rejection):
        yield from read_fhir(parsed, bare, record, first_ordinal=first_ordinal, bundle=bundle)
    else:
        yield _read(parsed, bare, record, kind)


def read_json(bare: bytes, original: bytes | None = None) -> ReadClaim | ReadFact | Rejected:
    """The claim, authorization or encounter of a record that holds one JSON object of ours, else why there is none.

    Never raises, whatever the bytes. `original`, by default the same as `bare`, is what is kept of a rejected one.
    """
    return _read(_parse(bare), bare, bare if original is None else original)


def _read(
    parsed: dict[str, Any] | Rejection, bare: bytes, record: bytes, kind: Kind | None = None
) -> ReadClaim | ReadFact | Rejected:
    start = record.find(bare)
    span = Span(start, start + len(bare))
    if isinstance(parsed, Rejection):
        return Rejected(parsed, (bare,), span, "", record)
    kind = kind or _kind_of(parsed)
    model = _MODELS[kind]
    try:
        content = model.model_validate_json(bare)
    except ValidationError as error:
        return Rejected(_from_validation(error, kind), (bare,), span, "", record)
    unknown = _unknown_fields(parsed, shape_of(model))
    if isinstance(content, Claim):
        return ReadClaim(content, (bare,), span, "", unknown_fields=unknown)
    return ReadFact(content, (bare,), span, unknown_fields=unknown)


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

    return frozenset(name for model in _MODELS.values() for name in names(shape_of(model))) | NAMES


def _unknown_fields(tree: Any, shape: dict[str, Any]) -> int:
    """How many fields of a parsed record no model reads."""
    if isinstance(tree, list):
        return sum(_unknown_fields(inner, shape) for inner in tree)
    if not isinstance(tree, dict) or not shape:
        return 0
    return sum(1 if key not in shape else _unknown_fields(inner, shape[key]) for key, inner in tree.items())


def _kind_of(tree: dict[str, Any]) -> Kind:
    """What an object without a content type is, by the fields only one kind has."""
    if "claim_id" in tree or "service_lines" in tree:
        return "claim"
    if "authorization_number" in tree:
        return "authorization"
    return "encounter" if "service_date" in tree and "member_id" in tree else "claim"


def _from_validation(error: ValidationError, of: Kind) -> Rejection:
    errors = error.errors(include_url=False, include_input=False, include_context=False)
    first = errors[0]
    at = "".join(f"/{part}" for part in first["loc"])
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    kind = first["type"]
    if kind in _EMPTY_OR_ABSENT:
        return _rejection("missing-field", f"{at} is missing or empty{more}; send it: every {of} needs one", at)
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
