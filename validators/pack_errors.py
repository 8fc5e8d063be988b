"""What is wrong with a pack, in one sentence: the file, the key, what stands there and what to write."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from typing import get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from validators.pack import PackError, PackFile

KEY_ITSELF = "[key]"
WRITE = {
    "string_too_short": "write at least a word",
    "too_short": "write at least one",
    "string": "write text, in quotes where it looks like a number or date",
    "bool": "write true or false",
    "int": "write a whole number",
    "date": "write a date, as 2026-01-31",
    "tuple": "write a list",
    "dict": "write keys, each with its value, or {{}}",
    "model": "write keys, each with its value, or {{}}",
    "literal": "write {expected}",
    "greater": "write {ge} or more",
    "less": "write {le} or less",
}
"""What to write instead, by how the type of pydantic's error begins."""
SHOWN_MAX = 60
"""Characters of what stands in the pack."""


def pack_error(pack: str, error: ValidationError) -> PackError:
    """The first thing that is wrong with a pack; a key that is not known before one that is missing: it may be it."""
    first = min(error.errors(include_url=False), key=lambda each: each["type"] != "extra_forbidden")
    keys = ".".join(str(part) for part in first["loc"] if part != KEY_ITSELF)
    return PackError(f"pack {pack}{f', key {keys}' if keys else ''}: {_sentence(first)}")


def _sentence(error: ErrorDetails) -> str:
    *path, last = error["loc"] or (None,)
    match error["type"]:
        case "extra_forbidden":
            known = _fields(path)
            return f"there is no such key here; write one of {', '.join(known)}{perhaps(str(last), known)}"
        case "missing":
            return f"it is missing; add {_fields(path)[str(last)].description}"
        case "value_error":
            return str(error["ctx"]["error"])
        case kind:
            wanted = next((words for begins, words in WRITE.items() if kind.startswith(begins)), "see pack.schema.json")
            return f"{shown(error['input'])} stands here; {wanted.format_map(error.get('ctx', {}))}"


def perhaps(written: str, known: Iterable[str]) -> str:
    """The end of a sentence about a name that is not known: the one that may be meant."""
    in_capitals = {each.upper(): each for each in known}
    close = get_close_matches(written.upper(), in_capitals, n=1)
    return f"; did you mean {in_capitals[close[0]]}?" if close else ""


def shown(value: object) -> str:
    """What stands in a pack, as a message shows it."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case str() if value[:1].isdigit():
            # Text, as its quotes say: without them it may be a number.
            return f'"{value[:SHOWN_MAX]}"'
        case str() | int() | float() | date():
            return str(value)[:SHOWN_MAX] or "empty text"
        case Mapping():
            return "a group of keys" if value else "an empty group of keys"
        case _:
            return "a list" if value else "an empty list"


def _fields(path: Sequence[int | str]) -> dict[str, FieldInfo]:
    """The keys that may stand at a place of a pack."""
    model: type[BaseModel] = PackFile
    parts = iter(path)
    for part in parts:
        annotation = _by_key(model)[str(part)].annotation
        if get_origin(annotation) in (dict, tuple):
            next(parts)
        model = next(each for each in get_args(annotation) if isinstance(each, type) and issubclass(each, BaseModel))
    return _by_key(model)


def _by_key(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}
