"""Made-up claims as they come in real feeds: what a spine practice sends, and what everybody else does.

Seeded: the same claims in every run. Most are right; faults stand in about one in four injections, as denials do.
"""

# ruff: noqa: INP001 - as the other scripts here

import json
import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from schemas.claim import Claim

FIRST_DAY = date(2026, 1, 5)
DAYS = 300

_PAYERS = (
    ({"id": "EXMEDICARE", "filing_indicator": "MB", "line_of_business": "medicare_ffs"}, 45),
    ({"id": "EXHUMANA", "filing_indicator": "16", "line_of_business": "medicare_advantage"}, 20),
    ({"id": "EXCIGNA", "filing_indicator": "CI", "line_of_business": "commercial"}, 10),
    ({"id": "EXAETNA", "filing_indicator": "CI", "line_of_business": "commercial"}, 10),
    ({"id": "OTHER", "filing_indicator": "BL", "line_of_business": "commercial"}, 15),
)
_STATES = ("FL", "TX", "OH", "CA", "NY", "IL", "NC")
_PLACES = (("11", 50), ("24", 35), ("22", 15))
_LUMBAR, _CERVICAL = ("M5416", "M5417", "M5116", "M48062"), ("M5412", "M50121")
_SESSIONS = (
    ((("62323",),), _LUMBAR, 40),
    ((("64483", "RT"),), _LUMBAR, 20),
    ((("64483", "LT"), ("64484", "LT")), _LUMBAR, 18),
    ((("64483", "50"),), _LUMBAR, 7),
    ((("62321",),), _CERVICAL, 12),
    ((("64479", "RT"),), _CERVICAL, 3),
)
_DRUGS = (("J1100", "10"), ("J3301", "4"), ("J1010", "40"), ("J0702", "1"))
_OFFICE = ("99213", "99214", "36415", "80053", "93000", "71046", "97110", "90471")
_FAULTS = (
    lambda claim, _: claim["service_lines"].append(_line(9, "77003", claim["service_lines"][0])),
    lambda claim, _: claim["service_lines"][0].update(units="2"),
    lambda claim, _: claim["service_lines"][0]["modifiers"].append("26"),
    lambda claim, rng: claim.update(diagnoses=[{"code": rng.choice(("M5450", "M5136", "M542"))}]),
    lambda claim, _: claim["service_lines"].append(_line(9, "99213", claim["service_lines"][0])),
)


def claims(seed: int, count: int, in_scope_share: float) -> Iterator[Claim]:
    """`count` claims, a share of them with injections."""
    rng = random.Random(seed)  # noqa: S311 - made-up claims keep no secret
    for number in range(count):
        made = _injection(rng, number) if rng.random() < in_scope_share else _office_visit(rng, number)
        yield Claim.model_validate_json(json.dumps(made))


def _injection(rng: random.Random, number: int) -> dict[str, Any]:
    codes, diagnoses, _ = rng.choices(_SESSIONS, [weight for *_, weight in _SESSIONS])[0]
    on = FIRST_DAY + timedelta(days=rng.randrange(DAYS))
    lines = [
        _service(place, code, modifiers, on, charge="1100.00") for place, (code, *modifiers) in enumerate(codes, 1)
    ]
    if rng.random() < 0.6:
        drug, units = rng.choice(_DRUGS)
        lines.append(_service(len(lines) + 1, drug, ["JZ"], on, charge="40.00", units=units))
    claim = _claim(rng, number, on, lines, rng.sample(diagnoses, k=min(len(diagnoses), rng.choice((1, 2)))))
    if rng.random() < 0.25:
        rng.choice(_FAULTS)(claim, rng)
    return claim


def _office_visit(rng: random.Random, number: int) -> dict[str, Any]:
    on = FIRST_DAY + timedelta(days=rng.randrange(DAYS))
    codes = rng.sample(_OFFICE, k=rng.choice((1, 1, 2, 3)))
    lines = [_service(place, code, [], on, charge="90.00") for place, code in enumerate(codes, 1)]
    return _claim(rng, number, on, lines, rng.sample(("I10", "E119", "Z0000", "J069", "M545"), k=1))


def _claim(
    rng: random.Random, number: int, on: date, lines: list[dict[str, Any]], diagnoses: list[str]
) -> dict[str, Any]:
    payer = rng.choices([payer for payer, _ in _PAYERS], [weight for _, weight in _PAYERS])[0]
    state = {"state": rng.choice(_STATES), "postal_code": "33101"}
    return {
        "claim_id": f"B-{number}",
        "claim_type": "professional",
        "frequency_code": "1",
        "received_on": str(on + timedelta(days=rng.randrange(1, 20))),
        "total_charge": f"{sum(float(line['charge']) for line in lines):.2f}",
        "place_of_service": rng.choices([place for place, _ in _PLACES], [weight for _, weight in _PLACES])[0],
        "payer": payer,
        "subscriber": {
            "member_id": f"M{number % 9000}",
            "first_name": "A",
            "birth_date": "1956-03-01",
            "address": state,
        },
        "billing_provider": {"npi": "1234567893", "taxonomy": "207L00000X", "address": state},
        "rendering_provider": {"npi": "1245319599", "taxonomy": "208VP0014X"},
        "authorizations": [{"number": "A123"}] if payer["id"] in ("EXHUMANA", "EXCIGNA") else [],
        "diagnoses": [{"code": code} for code in diagnoses],
        "service_lines": lines,
    }


def _service(
    number: int, code: str, modifiers: list[str], on: date, *, charge: str, units: str = "1"
) -> dict[str, Any]:
    return {
        "line_number": number,
        "procedure_code": code,
        "modifiers": modifiers,
        "charge": charge,
        "units": units,
        "service_date_from": str(on),
        "diagnosis_pointers": [1],
    }


def _line(number: int, code: str, beside: dict[str, Any]) -> dict[str, Any]:
    return beside | {"line_number": number, "procedure_code": code, "modifiers": [], "charge": "0.00"}
