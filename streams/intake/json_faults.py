"""Which fault a JSON text has that the fast reader refused, and where, without showing any of its values.

The fast reader stops at the first fault without its pointer; here the text is read again, slowly, to name the place.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

from schemas.rejection import Rejection, RejectionCode

MAX_DEPTH = 64


class _Fault:
    """Stands in the tree where a hook of the parser met a fault, so that its pointer can be found."""

    def __init__(self, code: RejectionCode, key: str = "") -> None:
        self.code = code
        self.key = key


def diagnose(record: bytes, known: Collection[str]) -> Rejection:
    """Say what is wrong with a record that is no JSON of ours; pointers show only `known` keys."""
    try:
        text = record.decode()
    except UnicodeDecodeError as error:
        return _rejection("not-utf8", f"byte {error.start:,} is not UTF-8; send the record as UTF-8", "")
    try:
        tree = json.loads(
            text, object_pairs_hook=_pairs, parse_constant=lambda _name: _Fault("not-a-number"), parse_int=_whole
        )
    except RecursionError:
        return _too_deep_at("")
    except json.JSONDecodeError as error:
        line = f" of line {error.lineno:,}" if "\n" in text else ""
        return _rejection("malformed-json", f"not JSON from character {error.colno:,}{line} on; correct it there", "")
    return first_fault(tree, known) or _rejection("malformed-json", "not JSON; correct the record", "")


def first_fault(tree: Any, known: Collection[str]) -> Rejection | None:
    """The first fault of a parsed tree: nesting, a key twice, a number that is none, half a character."""
    for path, value in walk(tree):
        fault = _fault_of(value, len(path))
        if fault is not None:
            at = "".join(f"/{_shown(key, known)}" for key in path)
            return _in_words(fault, at, known)
    return None


def too_deep(tree: Any) -> bool:
    """Whether arrays and objects are nested over MAX_DEPTH levels."""
    level = [tree]
    for _ in range(MAX_DEPTH):
        # `type` is told faster than `isinstance`, and a parsed tree has no subclasses.
        inside = [inner for value in level for inner in (value.values() if type(value) is dict else value)]
        level = [inner for inner in inside if type(inner) is dict or type(inner) is list]
        if not level:
            return False
    return True


def _pairs(pairs: list[tuple[str, Any]]) -> Any:
    tree = dict(pairs)
    if len(tree) == len(pairs):
        return tree
    counts = Counter(key for key, _ in pairs)
    return _Fault("duplicate-key", next(key for key, count in counts.items() if count > 1))


def _whole(digits: str) -> Any:
    try:
        return int(digits)
    except ValueError:  # more digits than Python reads
        return _Fault("not-a-number")


def _fault_of(value: Any, depth: int) -> _Fault | None:
    if isinstance(value, _Fault):
        return value
    if isinstance(value, dict | list):
        if depth >= MAX_DEPTH:
            return _Fault("too-deep")
        keys = "".join(value) if isinstance(value, dict) else ""
        return None if _encodes(keys) else _Fault("malformed-json")
    if isinstance(value, float):
        return _Fault("not-a-number") if value in (float("inf"), float("-inf")) else None
    return None if not isinstance(value, str) or _encodes(value) else _Fault("malformed-json")


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _in_words(fault: _Fault, at: str, known: Collection[str]) -> Rejection:
    place = at or "the record"
    if fault.code == "too-deep":
        return _too_deep_at(at)
    if fault.code == "duplicate-key":
        twice = f"{at}/{_shown(fault.key, known)}"
        return _rejection("duplicate-key", f"{twice} stands twice in one object; send it once", twice)
    if fault.code == "not-a-number":
        return _rejection(
            "not-a-number", f"{place} is NaN, Infinity or too large; send a number that can be read, or null", at
        )
    return _rejection("malformed-json", f"{place} has half a surrogate pair; send whole characters", at)


def walk(tree: Any) -> Iterator[tuple[list[str | int], Any]]:
    """Every value of a tree in its order with the keys that lead to it, without recursion and without copies.

    The list of keys is the same one each time; a whole number is a place in an array.
    """
    path: list[str | int] = []
    yield path, tree
    open_: list[Iterator[tuple[str | int, Any]]] = [_entries(tree)]
    while open_:
        step = next(open_[-1], None)
        if step is None:
            open_.pop()
            if path:
                path.pop()
            continue
        key, value = step
        path.append(key)
        yield path, value
        open_.append(_entries(value))


def _entries(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return iter(value.items())
    return enumerate(value) if isinstance(value, list) else iter(())


def _shown(key: str | int, known: Collection[str]) -> str:
    """A key as a pointer may show it: a place in an array, or a name of ours; another could be anybody's."""
    return str(key) if isinstance(key, int) or key in known else "*"


def _too_deep_at(at: str) -> Rejection:
    return _rejection("too-deep", f"nested deeper than {MAX_DEPTH} levels; flatten the record", at)


def _rejection(code: RejectionCode, message: str, at: str) -> Rejection:
    return Rejection(code=code, message=message, at=at)
