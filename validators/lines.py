"""A service line with the values that apply to it, as rules read it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, get_args

from schemas.claim import Claim
from validators.codes import REGION, SIDE_MODIFIERS, Region

Side = Literal["right", "left", "unknown"]
SIDES: tuple[Side, ...] = get_args(Side)
BOTH_SIDES: frozenset[Side] = frozenset({"right", "left"})
_SIDES_NAMED: Mapping[frozenset[str], frozenset[Side]] = {
    frozenset(): frozenset({"unknown"}),
    frozenset({"RT"}): frozenset({"right"}),
    frozenset({"LT"}): frozenset({"left"}),
}
"""By the modifiers of sides on a line; whatever else they are, they name both."""


@dataclass(slots=True, eq=False)  # not frozen: making a frozen one costs three times as much
class Line:
    """A service line with the values that apply to it (definitions: effective values).

    `diagnoses` are the pointed ones, all of the claim when the line has no pointer. A pointer to nowhere is left out: a
    line that has no other points to none.
    """

    index: int
    number: int
    code: str
    modifiers: frozenset[str]
    units: Decimal
    charge: Decimal
    service_date: date
    place_of_service: str | None
    rendering_npi: str
    authorization_number: str | None
    diagnoses: tuple[str, ...]

    @property
    def region(self) -> Region:
        """The spinal region of an injection code."""
        return REGION[self.code]

    def at(self, name: str) -> str:
        """Where a field of it stands in the claim."""
        return f"/service_lines/{self.index}/{name}"

    @property
    def sides(self) -> frozenset[Side]:
        """The sides it is for (definitions: sides of a line); an unknown side is one of its own."""
        return _SIDES_NAMED.get(self.modifiers & SIDE_MODIFIERS, BOTH_SIDES)


def services(lines: Iterable[Line]) -> Mapping[tuple[str, date], Sequence[Line]]:
    """The lines of each procedure code and date of service, in their order."""
    found: dict[tuple[str, date], list[Line]] = {}
    for line in lines:
        found.setdefault((line.code, line.service_date), []).append(line)
    return found


def lines_of(claim: Claim, diagnoses: tuple[str, ...]) -> Iterator[Line]:
    """The service lines of a claim with these diagnoses, in its order."""
    claim_rendering = claim.rendering_provider.npi if claim.rendering_provider else None
    numbers = (a.number for a in claim.authorizations if a.kind == "prior_authorization")
    claim_number = next(numbers, None)
    for index, line in enumerate(claim.service_lines):
        line_rendering = line.rendering_provider.npi if line.rendering_provider else None
        yield Line(
            index=index,
            number=line.line_number,
            code=line.procedure_code,
            modifiers=frozenset(line.modifiers),
            units=line.units,
            charge=line.charge,
            service_date=line.service_date_from,
            place_of_service=line.place_of_service or claim.place_of_service or None,
            rendering_npi=line_rendering or claim_rendering or claim.billing_provider.npi,
            authorization_number=line.authorization_number or claim_number,
            diagnoses=_pointed(line.diagnosis_pointers, diagnoses),
        )


def _pointed(pointers: Sequence[int], diagnoses: tuple[str, ...]) -> tuple[str, ...]:
    if not pointers:
        return diagnoses
    named = [diagnoses[pointer - 1] for pointer in pointers if 1 <= pointer <= len(diagnoses)]
    return tuple(dict.fromkeys(named))
