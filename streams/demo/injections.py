"""What is billed for epidural injections: cases as a careful practice bills them, and cases with one defect each.

A case leaves open who it is for; a defect says whose claims show it, and names the rule that finds it.
"""

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from streams.demo import practices as of
from streams.demo.charges import line
from streams.demo.draft import Line, Payer

OFFICE, HOSPITAL, SURGERY_CENTER, NURSING_HOME = "11", "22", "24", "32"
_LUMBAR = ("M5416", "M5417", "M5116", "M48062", "M961")
_CERVICAL = ("M5412", "M50121", "M50122", "M4722")
_LUMBAR_BESIDE = ("M5450", "M47816", "I10", "E119", "E785")
_AFTER_SURGERY, _POST_OPERATIVE = "M961", "G8918"


class Case(NamedTuple):
    """What was done and why; `authorized` whether the number the payer wants is on the claim."""

    place: str
    diagnoses: tuple[str, ...]
    lines: tuple[Line, ...]
    authorized: bool = True


Build = Callable[[random.Random], Case]


class Defect(NamedTuple):
    """A way to bill wrongly: the rule that finds it, how often it is met, and for whose members it is one."""

    rule: str
    weight: int
    build: Build
    payers: Sequence[Payer] = tuple(of.PAYERS)
    wiser_only: bool = False
    expecting: bool = False
    """The patient is pregnant."""
    again: bool = False
    """The claim is right, and comes a second time under a new number."""


def _case(rng: random.Random, region: Sequence[str], *lines: Line, place: str = "", beside: bool = False) -> Case:
    place = place or rng.choices((OFFICE, SURGERY_CENTER, HOSPITAL), (50, 38, 12))[0]
    others = (rng.choice(_LUMBAR_BESIDE),) if beside else ()
    return Case(place, (rng.choice(region), *others), lines)


def _drugs(rng: random.Random, case: Case) -> Case:
    """Steroid and contrast, which only an office bills for itself; every vial was used up (JZ)."""
    if case.place != OFFICE or rng.random() < 0.4:
        return case
    steroid = line(rng, "J1100", "JZ", units=10) if rng.random() < 0.6 else line(rng, "J3301", "JZ", units=4)
    return case._replace(lines=(*case.lines, steroid, line(rng, "Q9966", "JZ", units=3)))


def _side(rng: random.Random) -> str:
    return rng.choice(("LT", "RT"))


def _lumbar_interlaminar(rng: random.Random) -> Case:
    return _drugs(rng, _case(rng, _LUMBAR, line(rng, "62323"), beside=rng.random() < 0.3))


def _cervical_interlaminar(rng: random.Random) -> Case:
    return _drugs(rng, _case(rng, _CERVICAL, line(rng, "62321")))


def _lumbar_root(rng: random.Random) -> Case:
    return _drugs(rng, _case(rng, _LUMBAR, line(rng, "64483", rng.choice(("LT", "RT", "RT", "50")))))


def _two_lumbar_roots(rng: random.Random) -> Case:
    side = _side(rng)
    return _drugs(rng, _case(rng, _LUMBAR, line(rng, "64483", side), line(rng, "64484", side)))


def _cervical_roots(rng: random.Random) -> Case:
    side = _side(rng)
    second = (line(rng, "64480", side),) if rng.random() < 0.4 else ()
    return _case(rng, _CERVICAL, line(rng, "64479", side), *second)


def _catheter(rng: random.Random) -> Case:
    code, region = rng.choice((("62325", _CERVICAL), ("62327", _LUMBAR)))
    return _case(rng, region, line(rng, code), place=HOSPITAL)


def _after_surgery(rng: random.Random) -> Case:
    """For pain after an operation, which is what the codes without imaging are left for."""
    code = rng.choice(("62320", "62322", "62324", "62326", "62323"))
    return Case(HOSPITAL, (_AFTER_SURGERY, _POST_OPERATIVE), (line(rng, code, diagnoses=(1, 2)),))


CLEAN: dict[Build, int] = {
    _lumbar_interlaminar: 34,
    _cervical_interlaminar: 16,
    _lumbar_root: 20,
    _two_lumbar_roots: 18,
    _cervical_roots: 6,
    _catheter: 3,
    _after_surgery: 3,
}
"""Cases nothing is wrong with, and how often each is met."""


def _add_on_alone(rng: random.Random) -> Case:
    return _case(rng, _LUMBAR, line(rng, "64484", _side(rng)))


def _add_on_of_other_region(rng: random.Random) -> Case:
    side = _side(rng)
    return _case(rng, _LUMBAR, line(rng, "64483", side), line(rng, "64480", side))


def _three_levels(rng: random.Random) -> Case:
    side = _side(rng)
    return _case(rng, _LUMBAR, line(rng, "64483", side), line(rng, "64484", side, units=2))


def _two_regions(rng: random.Random) -> Case:
    case = _case(rng, _LUMBAR, line(rng, "62323"), line(rng, "62321", diagnoses=(2,)))
    return case._replace(diagnoses=(*case.diagnoses, rng.choice(_CERVICAL)))


def _two_approaches(rng: random.Random) -> Case:
    return _case(rng, _LUMBAR, line(rng, "62323"), line(rng, "64483", _side(rng)))


def _overlapping(rng: random.Random) -> Case:
    return _case(rng, _CERVICAL, line(rng, "62321"), line(rng, "62320"), place=SURGERY_CENTER)._replace(
        diagnoses=(_POST_OPERATIVE,)
    )


def _imaging_beside(rng: random.Random) -> Case:
    return _case(rng, _LUMBAR, line(rng, "62323"), line(rng, "77003"))


def _bilateral_interlaminar(rng: random.Random) -> Case:
    code, region = rng.choice((("62323", _LUMBAR), ("62321", _CERVICAL)))
    return _case(rng, region, line(rng, code, "50"))


def _visit_beside(rng: random.Random) -> Case:
    return _case(rng, _LUMBAR, line(rng, "62323"), line(rng, rng.choice(("99213", "99214"))))


def _sides_on_two_lines(rng: random.Random) -> Case:
    return _case(rng, _LUMBAR, line(rng, "64483", "RT"), line(rng, "64483", "LT"))


def _in_part(rng: random.Random) -> Case:
    return _case(rng, _LUMBAR, line(rng, "62323", "26"), place=SURGERY_CENTER)


def _two_units(rng: random.Random) -> Case:
    return _case(rng, _CERVICAL, line(rng, "62321", units=2))


def _four_injections(rng: random.Random) -> Case:
    return _case(rng, _LUMBAR, line(rng, "64483", "50"), line(rng, "64484", "50"))


def _unguided(rng: random.Random) -> Case:
    code, region = rng.choice((("62322", _LUMBAR), ("62320", _CERVICAL)))
    return _case(rng, region, line(rng, code))


def _in_a_nursing_home(rng: random.Random) -> Case:
    return _case(rng, _LUMBAR, line(rng, "62323"), place=NURSING_HOME)


def _drugs_of_the_facility(rng: random.Random) -> Case:
    drugs = (line(rng, "J1100", "JZ", units=10), line(rng, "Q9966", "JZ", units=3))
    return _case(rng, _LUMBAR, line(rng, "62323"), *drugs, place=rng.choice((SURGERY_CENTER, HOSPITAL)))


def _unauthorized(rng: random.Random) -> Case:
    build = rng.choice((_lumbar_interlaminar, _cervical_interlaminar, _lumbar_root, _two_lumbar_roots))
    return build(rng)._replace(authorized=False)


def _without_utn(rng: random.Random) -> Case:
    side = _side(rng)
    lines = rng.choice(((line(rng, "62323"),), (line(rng, "64483", side), line(rng, "64484", side))))
    return _case(rng, _LUMBAR, *lines, place=OFFICE)._replace(authorized=False)


def _expecting(rng: random.Random) -> Case:
    case = _case(rng, ("M5416", "M5417", "M5116"), line(rng, "62323"))
    return case._replace(diagnoses=(*case.diagnoses, "Z331"))


def _diagnosed(*diagnoses: str) -> Build:
    """A lumbar injection for one of `diagnoses`."""
    return lambda rng: _case(rng, diagnoses, line(rng, "62323"))


def _beside(*others: str) -> Build:
    """A lumbar injection with one of `others`."""
    return lambda rng: _case(rng, _LUMBAR, line(rng, "62323"), line(rng, rng.choice(others)))


def _two_steroids(rng: random.Random) -> Case:
    drugs = (line(rng, "J1100", "JZ", units=10), line(rng, "J3301", "JZ", units=4))
    return _case(rng, _LUMBAR, line(rng, "62323"), *drugs, place=OFFICE)


def _too_much_steroid(rng: random.Random) -> Case:
    return _case(rng, _LUMBAR, line(rng, "62323"), line(rng, "J1100", "JZ", units=20), place=OFFICE)


_AUTHORIZING = tuple(payer for payer in of.PAYERS if payer.authorizes)
_MEDICARE = (of.MEDICARE, of.HUMANA, of.ADVANTAGE, of.CLOVER)
_LEVELS = (of.MEDICARE, of.HUMANA, of.ADVANTAGE, of.CLOVER, of.CIGNA, of.AETNA, of.ANTHEM)
_BOTH_SIDES = (of.MEDICARE, of.HUMANA, of.ADVANTAGE, of.CLOVER, of.CIGNA, of.ANTHEM)
_REGIONS = (of.MEDICARE, of.HUMANA, of.ADVANTAGE, of.CLOVER, of.ANTHEM, of.PRIORITY)
_GUIDED = (of.MEDICARE, of.HUMANA, of.ADVANTAGE, of.CLOVER, of.CIGNA, of.BLUE_CROSS_MA)
_EXPECTING = (of.AETNA, of.UNITED, of.CIGNA, of.ANTHEM, of.COMMERCE)

DEFECTS = (
    Defect("CODE-03", 8, _add_on_alone),
    Defect("CODE-04", 4, _add_on_of_other_region),
    Defect("CODE-09", 3, _overlapping),
    Defect("CODE-10", 7, _two_approaches),
    Defect("CODE-11", 9, _imaging_beside),
    Defect("CODE-13", 6, _visit_beside),
    Defect("CODE-14", 6, _bilateral_interlaminar),
    Defect("CODE-16", 4, _sides_on_two_lines),
    Defect("CODE-21", 3, _in_part),
    Defect("CODE-23", 3, _two_units),
    Defect("CODE-26", 7, _lumbar_root, again=True),
    Defect("LVL-01", 7, _three_levels, payers=_LEVELS),
    Defect("LVL-03", 4, _two_regions, payers=_REGIONS),
    Defect("LVL-04", 3, _four_injections, payers=_BOTH_SIDES),
    Defect("GUID-02", 7, _unguided, payers=_GUIDED),
    Defect("GUID-09", 6, _expecting, payers=_EXPECTING, expecting=True),
    Defect("AUTH-01", 13, _unauthorized, payers=_AUTHORIZING),
    Defect("AUTH-02", 56, _without_utn, payers=(of.MEDICARE,), wiser_only=True),
    Defect("MED-01", 5, _diagnosed("M5441", "M5126"), payers=_MEDICARE),
    Defect("MED-02", 8, _diagnosed("M5450", "M5459", "M47816")),
    Defect("MED-03", 3, _diagnosed("G9050", "E1142", "M792")),
    Defect("MED-04", 8, _diagnosed("M545", "M5136", "M4806")),
    Defect("MED-05", 4, _diagnosed(*_CERVICAL)),
    Defect("MED-14", 5, _beside("64493", "27096"), payers=(*_MEDICARE, of.CIGNA)),
    Defect("MED-16", 5, _beside("99152"), payers=(*_MEDICARE, of.CIGNA)),
    Defect("MED-20", 4, _diagnosed("M48061"), payers=(of.MEDICARE,)),
    Defect("MED-22", 4, _diagnosed("M5410", "M5430")),
    Defect("DRUG-02", 3, _too_much_steroid, payers=_MEDICARE),
    Defect("DRUG-05", 5, _beside("J1030")),
    Defect("DRUG-09", 5, _beside("J0665", "J2003")),
    Defect("DRUG-11", 3, _two_steroids),
    Defect("SOS-01", 3, _in_a_nursing_home),
    Defect("SOS-02", 6, _drugs_of_the_facility, payers=(of.MEDICARE,)),
)
"""The defects of the feed, each found in a claim alone or in a person's earlier claims."""


def some_clean_case(rng: random.Random) -> Case:
    """A case nothing is wrong with."""
    return rng.choices(_CLEAN_CASES, _CLEAN_WEIGHTS)[0](rng)


_CLEAN_CASES, _CLEAN_WEIGHTS = tuple(CLEAN), tuple(CLEAN.values())
