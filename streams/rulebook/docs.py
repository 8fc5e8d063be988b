"""The catalogue as people read it: rules by family, and what the module of each says of it, by headings."""

import re
from collections.abc import Iterable
from functools import cache
from types import ModuleType
from typing import NamedTuple

from validators import catalogue
from validators.rule import FAMILIES, Rule

_HEADING = re.compile(r"^(Why|Fires|Not|Source): ", re.MULTILINE)


class RuleDoc(NamedTuple):
    """What is wrong, why that matters, when the rule fires and when it does not, and where that stands."""

    what: str
    why: str
    fires: str
    but_not: str
    source: str


def in_catalogue_order(rules: Iterable[Rule]) -> list[Rule]:
    """By family, then by id: as the catalogue lists them, not as they are evaluated."""
    families = [*FAMILIES.values()]
    return sorted(rules, key=lambda rule: (families.index(rule.family), rule.id))


def doc_of(rule: Rule) -> RuleDoc:
    """The docstring of the rule's module; what it does not say is empty."""
    text = modules()[rule.id].__doc__ or ""
    first, *rest = _HEADING.split(text)
    said = dict(zip(rest[::2], rest[1::2], strict=True))
    what = _line(first.removeprefix(f"{rule.id} {rule.name}: "))
    headed = (_line(said.get(heading, "")) for heading in ("Why", "Fires", "Not", "Source"))
    return RuleDoc(what[:1].upper() + what[1:], *headed)


@cache
def modules() -> dict[str, ModuleType]:
    """The module of each rule of the catalogue, by rule id."""
    known = (each for each in vars(catalogue).values() if isinstance(each, ModuleType) and hasattr(each, "RULE"))
    return {module.RULE.id: module for module in known}


def _line(text: str) -> str:
    """Text that was folded, in one line."""
    return " ".join(text.split())
