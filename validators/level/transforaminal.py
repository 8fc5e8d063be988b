"""Counting transforaminal levels of a session (definitions: sides of a line, transforaminal levels)."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from schemas.encounter import Encounter
from validators.codes import ADD_ON
from validators.lines import SIDES, Line

_ONE = Decimal(1)


def level_count(lines: Sequence[Line]) -> Decimal:
    """Levels of the transforaminal lines of one region and date: the largest count over the sides.

    A side counts 1 for the primary code plus the units of the add-on lines on it.
    """
    if len(lines) == 1 and lines[0].code not in ADD_ON:
        return _ONE
    counts: dict[str, Decimal] = {}
    for side in SIDES:
        here = [line for line in lines if side in line.sides]
        primary = _ONE if any(line.code not in ADD_ON for line in here) else Decimal(0)
        counts[side] = primary + sum(line.units for line in here if line.code in ADD_ON)
    return max(counts.values())


def documented_levels(facts: Encounter | None, bound: int) -> int | str:
    """Levels of one region in the record of a session, 0 for another approach; else the fact that is missing.

    The approach is asked only when there are more levels than `bound`. The region is that of the upper vertebra:
    T12-L1 is cervical or thoracic.
    """
    if facts is not None and facts.approach not in (None, "transforaminal"):
        return 0
    if facts is None or facts.levels is None:
        return "encounter.levels"
    regions = Counter(level[0] in "CT" for level in set(facts.levels))  # cervical and thoracic, and the others
    count = max(regions.values(), default=0)
    return "encounter.approach" if count > bound and facts.approach is None else count
