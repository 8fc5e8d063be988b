"""What practices bill that is no epidural injection: visits, imaging, physical therapy, other injections."""

import random
from collections.abc import Callable
from typing import NamedTuple

from streams.demo.charges import line
from streams.demo.draft import Line

_OFFICE = "11"


class OtherCase(NamedTuple):
    """What was done, and why, by which kind of practice."""

    kind: str
    place: str
    diagnoses: tuple[str, ...]
    lines: tuple[Line, ...]


def _visit(rng: random.Random) -> OtherCase:
    code = rng.choices(("99213", "99214", "99203", "99204"), (50, 30, 12, 8))[0]
    diagnoses = tuple(rng.sample(("I10", "E119", "E785", "K219", "M5450", "J069"), rng.randrange(1, 4)))
    pointers = tuple(range(1, len(diagnoses) + 1))
    return OtherCase("FAMILY MEDICINE", _OFFICE, diagnoses, (line(rng, code, diagnoses=pointers),))


def _imaging(rng: random.Random) -> OtherCase:
    code, diagnosis = rng.choice(
        (("72148", "M5416"), ("72141", "M5412"), ("72100", "M5450"), ("72110", "M5450"), ("73721", "M25561"))
    )
    return OtherCase("IMAGING CENTER", _OFFICE, (diagnosis,), (line(rng, code),))


def _therapy(rng: random.Random) -> OtherCase:
    codes = rng.sample(("97110", "97140", "97530", "97112"), rng.randrange(1, 4))
    lines = tuple(line(rng, code, "GP", units=rng.randrange(1, 3)) for code in codes)
    if rng.random() < 0.2:
        lines = (line(rng, "97161", "GP"), *lines)
    return OtherCase("PHYSICAL THERAPY", _OFFICE, (rng.choice(("M5450", "M542", "M6281", "R262")),), lines)


def _joint(rng: random.Random) -> OtherCase:
    side, diagnosis = rng.choice((("RT", "M1711"), ("LT", "M1712"), ("RT", "M7541"), ("LT", "M7542")))
    lines = (line(rng, "20610", side), line(rng, "J3301", "JZ", units=4))
    return OtherCase("ORTHOPEDICS", _OFFICE, (diagnosis,), lines)


def _trigger_point(rng: random.Random) -> OtherCase:
    return OtherCase("ORTHOPEDICS", _OFFICE, ("M7918",), (line(rng, "20552"),))


def _facet(rng: random.Random) -> OtherCase:
    side = rng.choice(("LT", "RT"))
    lines = (line(rng, "64493", side), line(rng, "64494", side))[: rng.randrange(1, 3)]
    return OtherCase("ORTHOPEDICS", _OFFICE, ("M47816",), lines)


_CASES: dict[Callable[[random.Random], OtherCase], int] = {
    _visit: 42, _therapy: 24, _imaging: 18, _joint: 8, _trigger_point: 4, _facet: 4,
}  # fmt: skip
_BUILDERS, _WEIGHTS = tuple(_CASES), tuple(_CASES.values())


def some_other_case(rng: random.Random) -> OtherCase:
    """A case that is out of scope of the injection rules."""
    return rng.choices(_BUILDERS, _WEIGHTS)[0](rng)
