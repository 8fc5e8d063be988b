"""A service line with the values that apply to it, as rules read it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from schemas.claim import Claim
from validators.codes import REGION, Region


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
            place_of_service=line.place_of_service or claim.place_of_service,
            rendering_npi=line_rendering or claim_rendering or claim.billing_provider.npi,
            authorization_number=line.authorization_number or claim_number,
            diagnoses=_pointed(line.diagnosis_pointers, diagnoses),
        )


def _pointed(pointers: Sequence[int], diagnoses: tuple[str, ...]) -> tuple[str, ...]:
    if not pointers:
        return diagnoses
    return tuple(diagnoses[pointer - 1] for pointer in pointers if 1 <= pointer <= len(diagnoses))
