"""What services are said to cost, and the lines made of them."""

import random

from streams.demo.draft import Line

_DOLLARS = {
    "62320": (900, 1400), "62321": (1300, 2100), "62322": (850, 1300), "62323": (1200, 2000),
    "62324": (1100, 1500), "62325": (1400, 2200), "62326": (1050, 1500), "62327": (1350, 2100),
    "64479": (1400, 2200), "64480": (700, 1100), "64483": (1300, 2100), "64484": (650, 1050),
    "77003": (180, 320), "J1100": (10, 30), "J3301": (60, 120), "Q9966": (20, 60),
    "J1030": (15, 40), "J0665": (5, 20), "J2003": (5, 20), "99152": (120, 220),
    "99203": (180, 260), "99204": (260, 380), "99213": (120, 180), "99214": (170, 260),
    "72148": (900, 1800), "72141": (900, 1800), "72100": (90, 160), "72110": (120, 220), "73721": (850, 1600),
    "97110": (60, 110), "97140": (55, 95), "97161": (120, 190), "97530": (65, 115), "97112": (60, 110),
    "20610": (180, 350), "20552": (140, 260), "64493": (900, 1500), "64494": (450, 800), "27096": (800, 1400),
}  # fmt: skip
"""Lowest and highest charge of a unit, in whole dollars."""

# Unit is 1 mg, 10 mg and 1 ml; a vial holds 1 ml of each drug and 10 ml of the contrast medium.
_DRUGS = {"J1100": ("63323016501", 1), "J3301": ("00003049320", 1), "Q9966": ("00407141210", 3)}


def line(rng: random.Random, code: str, *modifiers: str, units: int = 1, diagnoses: tuple[int, ...] = (1,)) -> Line:
    """A line with a charge drawn for its code, in steps of five dollars."""
    lowest, highest = _DOLLARS[code]
    cents = rng.randrange(lowest, highest + 1, 5) * 100 * (units if code[0] in "79" else 1)
    if "50" in modifiers:
        cents = cents * 3 // 200 * 100
    ndc, milliliters = _DRUGS.get(code, (None, 0))
    return Line(code, modifiers, cents, units, diagnoses, ndc, milliliters)
