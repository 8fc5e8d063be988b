"""JSON to a tree and back without a number ever becoming a float: a charge is what was written, to the cent."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import jiter


def strict_tree(text: bytes) -> Any:
    """A JSON text as a tree. Raises ValueError for a key that stands twice, NaN, bad UTF-8 and what is no JSON."""
    return jiter.from_json(text, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="keys")


def exact_tree(text: bytes) -> Any:
    """As `strict_tree`, with fractions as Decimal, all their digits as they were written."""
    return jiter.from_json(
        text, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="keys", float_mode="decimal"
    )


def exact_json(tree: Any) -> bytes:
    """A tree of `exact_tree` as JSON again, nested no deeper than the record it came from."""
    return "".join(_pieces(tree)).encode()


def _pieces(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        before = "{"
        for key, value in tree.items():
            yield f"{before}{json.dumps(key, ensure_ascii=False)}:"
            yield from _pieces(value)
            before = ","
        yield "}" if tree else "{}"
    elif isinstance(tree, list):
        before = "["
        for value in tree:
            yield before
            yield from _pieces(value)
            before = ","
        yield "]" if tree else "[]"
    else:
        yield _fraction(tree) if isinstance(tree, Decimal) else json.dumps(tree, ensure_ascii=False)


def _fraction(number: Decimal) -> str:
    """With all its digits, and never as an integer: 1.25e2 is 125, and yet was written as no integer."""
    text = str(number)
    return text if "." in text or "E" in text else f"{text}e0"
