"""One JSON record to a claim or a rejection. Strict about JSON itself, silent about no fault, blind to no byte."""

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any, get_args

import jiter
from pydantic import BaseModel, ValidationError

from schemas.claim import Claim
from schemas.rejection import Rejection, RejectionCode
from streams.intake.items import ReadClaim, Rejected, Span

MAX_DEPTH = 64
_EMPTY_OR_ABSENT = frozenset({"missing", "string_too_short", "too_short"})


def read_json(record: bytes) -> ReadClaim | Rejected:
    """The claim of a record that holds one JSON object, else why there is none.

    Never raises, whatever the bytes. `record` has no white space around it.
    """
    span = Span(0, len(record))
    parsed = _parse(record)
    rejection = parsed if isinstance(parsed, Rejection) else _other_kind(parsed)
    if rejection is None:
        try:
            claim = Claim.model_validate_json(record)
        except ValidationError as error:
            rejection = _from_validation(error)
        else:
            return ReadClaim(claim, (record,), span, "", unknown_fields=_unknown_fields(parsed, _shape(Claim)))
    return Rejected(rejection, (record,), span, "", record)


def _parse(record: bytes) -> dict[str, Any] | Rejection:
    try:
        # A record with so few brackets cannot be nested too deep; most claims are such.
        parsed = jiter.from_json(record, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="keys")
        deep = record.count(b"{") + record.count(b"[") > MAX_DEPTH and _too_deep(parsed)
    except ValueError:
        return _diagnose(record)
    if deep:
        return _diagnose(record)
    if not isinstance(parsed, dict):
        return _rejection("wrong-type", "the record is not a JSON object; send one claim as one object", "")
    return parsed


class _Fault:
    """Stands in the tree where a hook of the parser met a fault, so that its pointer can be found."""

    def __init__(self, code: RejectionCode, key: str = "") -> None:
        self.code = code
        self.key = key


def _pairs(pairs: list[tuple[str, Any]]) -> Any:
    tree = dict(pairs)
    if len(tree) == len(pairs):
        return tree
    counts = Counter(key for key, _ in pairs)
    return _Fault("duplicate-key", next(key for key, count in counts.items() if count > 1))


def _diagnose(record: bytes) -> Rejection:
    """Say which fault a record has that the fast reader refused, and where."""
    try:
        text = record.decode()
    except UnicodeDecodeError as error:
        return _rejection("not-utf8", f"byte {error.start} is not UTF-8; send the record as UTF-8", "")
    try:
        tree = json.loads(text, object_pairs_hook=_pairs, parse_constant=lambda _name: _Fault("not-a-number"))
    except RecursionError:
        return _rejection("too-deep", f"nested deeper than {MAX_DEPTH} levels; flatten the record", "")
    except ValueError as error:
        position = getattr(error, "pos", 0)
        return _rejection("malformed-json", f"not JSON at character {position}; correct the record there", "")
    return _first_fault(tree) or _rejection("malformed-json", "not JSON; correct the record", "")


def _first_fault(tree: Any) -> Rejection | None:
    for at, value, depth in _walk(tree):
        if depth > MAX_DEPTH:
            return _rejection("too-deep", f"nested deeper than {MAX_DEPTH} levels; flatten the record", at)
        if isinstance(value, _Fault) and value.code == "duplicate-key":
            place = f"{at}/{_shown(value.key)}"
            return _rejection("duplicate-key", f"{place} stands twice in one object; send it once", place)
        if isinstance(value, _Fault):
            return _rejection("not-a-number", f"{at} is NaN or Infinity; send a number or null", at)
    return None


def _walk(tree: Any) -> Iterator[tuple[str, Any, int]]:
    """Every value of a tree with its JSON pointer and nesting depth, without recursion."""
    todo: list[tuple[str, Any, int]] = [("", tree, 1)]
    while todo:
        at, value, depth = todo.pop()
        yield at, value, depth
        if isinstance(value, dict):
            todo += [(f"{at}/{_shown(key)}", inner, depth + 1) for key, inner in reversed(value.items())]
        elif isinstance(value, list):
            todo += [(f"{at}/{index}", inner, depth + 1) for index, inner in reversed(list(enumerate(value)))]


def _too_deep(tree: Any) -> bool:
    return any(depth > MAX_DEPTH for _, value, depth in _walk(tree) if isinstance(value, dict | list))


def _shown(key: str) -> str:
    """A key as a pointer may show it: an unknown one could be anybody's name."""
    return key if key in _known_keys() else "*"


@cache
def _known_keys() -> frozenset[str]:
    def names(shape: dict[str, Any]) -> Iterator[str]:
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
    if isinstance(resource := tree.get("resourceType"), str):
        if resource in ("Claim", "Bundle"):
            return _rejection(
                "unsupported-format", f"FHIR {resource} is not read yet; send 837P or JSON", "/resourceType"
            )
        return _rejection("not-a-claim", "this FHIR resource is no Claim; send Claim resources", "/resourceType")
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
        return _rejection("missing-field", f"{at} is missing or empty; every claim needs it{more}", at)
    if kind == "literal_error":
        return _rejection("unknown-value", f"{at} is not one of its values: {first['msg']}{more}", at)
    if kind.startswith("date"):
        return _rejection("wrong-type", f"{at} is not a calendar day; write it as YYYY-MM-DD{more}", at)
    return _rejection("wrong-type", f"{at} has the wrong type: {first['msg']}{more}", at)


def _rejection(code: RejectionCode, message: str, at: str) -> Rejection:
    return Rejection(code=code, message=message, at=at)
