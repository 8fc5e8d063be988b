"""Keys no model reads: of a received claim they are ignored, of a vector they are a slip that would prove nothing."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from streams.intake.shape import shape_of


def unread_key(model: type[BaseModel], given: Any, at: str) -> str | None:
    """The first key at any depth of `given` that the model does not read, in a sentence; None when it reads all."""
    return next(_unread(given, shape_of(model), at), None)


def _unread(given: Any, shape: Mapping[str, Any], at: str) -> Iterator[str]:
    if isinstance(given, list | tuple):
        for place, each in enumerate(given):
            yield from _unread(each, shape, f"{at}.{place}")
    elif isinstance(given, Mapping) and shape:
        for key, inner in given.items():
            if key in shape:
                yield from _unread(inner, shape[key], f"{at}.{key}")
            else:
                yield f"key {at}.{key}: there is no such key; {_instead(key, shape)}"


def _instead(key: Any, shape: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(str(key), shape)
    return f"did you mean {' or '.join(near)}?" if near else f"write one of {', '.join(shape)}"
