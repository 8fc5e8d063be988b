"""Which kind of value a parameter has: the kind of its values in the built-in packs, which are the examples."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from validators.pack import Pack, PackError
from validators.pack_errors import perhaps, shown

CODE = r"[^\s*a-z]"
"""A character of a code: claims have codes in capitals."""


def require_kinds(built_in: Sequence[Pack], packs: Sequence[Pack]) -> None:
    """Values of parameters are of the kind of the built-in ones: rules break on others, or find nothing.

    Null, a value that is not known, is of any kind. Raises PackError.
    """
    examples: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for pack in built_in:
        for of, _, value in _known(pack):
            examples[of].append(value)
    for pack in packs:
        for of, starts_on, value in _known(pack):
            for inner, fault in _faults(value, examples[of]):
                key = ".".join(("rules", of[0], "parameters", of[1], *inner))
                raise PackError(f"pack {pack.name}, key {key}, value from {starts_on}: {fault}")


def _known(pack: Pack) -> Iterator[tuple[tuple[str, str], str, Any]]:
    """The values that are known, each behind its rule and parameter, and its first day."""
    for rule_id, rule in pack.file.rules.items():
        for name, parameter in rule.parameters.items():
            for dated in parameter.values:
                if dated.value is not None:
                    yield (rule_id, name), str(dated.starts_on or "null"), dated.value


def _faults(value: Any, examples: Sequence[Any], inner: Sequence[str] = ()) -> Iterator[tuple[Sequence[str], str]]:
    """What of a value is not as the examples are, each behind its keys inside the value."""
    match next(iter(examples), None), value:
        case (None, _) | (str(), str()) | (bool(), bool() | None):
            # A null inside a group says of a yes or no that it is not known, as a null for the whole group would.
            return
        case dict(), dict():
            yield from _faults_inside(value, [each for each in examples if isinstance(each, dict)], inner)
        case list(), list():
            yield from ((inner, fault) for fault in _no_codes(value, _codes(examples)))
        case _ if not _is_number_as(value, examples):
            yield inner, f"{shown(value)} stands here; write {_wanted(examples)}"


def _is_number_as(value: Any, examples: Sequence[Any]) -> bool:
    """Whether a number stands where numbers do; a decimal one only where a built-in one is."""
    numbers = (int, float) if _are_decimal(examples) else (int,)
    return type(examples[0]) in (int, float) and type(value) in numbers and value >= 0


def _are_decimal(examples: Sequence[Any]) -> bool:
    return any(isinstance(each, float) for each in examples)


def _wanted(examples: Sequence[Any]) -> str:
    match examples[0]:
        case dict() as group:
            return f"the keys {', '.join(group)}, each with its value"
        case list():
            return f"a list of codes{_as(_codes(examples), '[{}]')}"
        case bool():
            return "true or false"
        case str():
            return f"text{_as(examples)}"
        case number:
            return f"a {'number' if _are_decimal(examples) else 'whole number'}, as {number}"


def _faults_inside(
    value: Mapping[str, Any], examples: Sequence[Mapping[str, Any]], inner: Sequence[str]
) -> Iterator[tuple[Sequence[str], str]]:
    names = list(dict.fromkeys(name for each in examples for name in each))
    # A group of which a built-in pack leaves keys out, as `required: false`, may leave them out elsewhere.
    may_leave_out = any(
        each.keys() == value.keys() and all(value[name] in (None, each[name]) for name in each) for each in examples
    )
    for name in value:
        if name not in names:
            yield (
                (*inner, str(name)),
                f"there is no such key here; write one of {', '.join(names)}{perhaps(str(name), names)}",
            )
    for name in names:
        if name in value:
            yield from _faults(
                value[name], [each[name] for each in examples if each.get(name) is not None], (*inner, name)
            )
        elif not may_leave_out:
            yield (*inner, name), f"it is missing; write all of {', '.join(names)}"


def _no_codes(listed: Sequence[Any], examples: Sequence[str]) -> Iterator[str]:
    """What of a list is no code, or none of the length that all examples have."""
    lengths = {len(code) for code in examples}
    if len(lengths) == 1 and not any(code.endswith("*") for code in examples):
        (length,) = lengths
        shape, words = f"{CODE}{{{length}}}", f", of {length} characters"
    else:
        shape, words = rf"{CODE}+|{CODE}*\*", ""
    for code in listed:
        if not isinstance(code, str) or not re.fullmatch(shape, code):
            yield f"{shown(code)} stands here; write each code in quotes and capitals{words}{_as(examples)}"


def _codes(examples: Sequence[Any]) -> list[str]:
    listed = (code for each in examples if isinstance(each, list) for code in each)
    return [code for code in listed if isinstance(code, str)]


def _as(examples: Sequence[str], form: str = "{}") -> str:
    return ", as " + form.format(f'"{examples[0]}"') if examples else ""
