"""Whom an NM1 names, with the N3, N4, REF, PRV and DMG that follow it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from schemas.rejection import Rejection
from streams.intake.x12.places import read_date, unreadable_date
from streams.intake.x12.tokenizer import Segment

_NPI: Final = ("XX", "")
_TAX_ID: Final = ("24", "34")  # NM108 of 4010 habits: employer number, social security number
_TAX_REFERENCES: Final = ("EI", "SY")


@dataclass(slots=True)
class Entity:
    """A person or organization of a loop such as 2010AA, as its segments name it; texts are as sent."""

    loop: str
    name: Segment
    street: Segment | None = None
    city: Segment | None = None
    birth: Segment | None = None
    tax_id: str = ""
    taxonomy: str = ""

    def take(self, segment: Segment) -> None:
        """Take in an N3, N4, DMG, REF or PRV of this entity's loop; the first of each is the one that counts."""
        _TAKE[segment.elements[0]](self, segment)

    @property
    def identifier(self) -> str:
        """NM109."""
        return self.name.value(9)

    @property
    def npi(self) -> str | None:
        """NM109 where NM108 says, or does not deny, that it is an NPI."""
        return self.identifier or None if self.name.value(8) in _NPI else None

    def address(self) -> dict[str, Any] | None:
        """N3 and N4; None when neither was sent."""
        if self.street is None and self.city is None:
            return None
        address: dict[str, Any] = {}
        if self.street is not None:
            address["line1"] = self.street.value(1) or None
            address["line2"] = self.street.value(2) or None
        if self.city is not None:
            address["city"] = self.city.value(1) or None
            address["state"] = self.city.value(2) or None
            address["postal_code"] = self.city.value(3) or None
        return address

    def provider(self) -> dict[str, Any]:
        """The fields of `schemas.claim.Provider`."""
        kind = self.name.value(2)
        tax_id = self.tax_id or (self.identifier if self.name.value(8) in _TAX_ID else "")
        return {
            "npi": self.npi,
            "tax_id": tax_id or None,
            "taxonomy": self.taxonomy or None,
            # Last or organization name NM103, first name NM104.
            "name": f"{self.name.value(4)} {self.name.value(3)}".strip() or None,
            "address": self.address(),
            "organization": None if kind not in ("1", "2") else kind == "2",
        }

    def person(self) -> dict[str, Any] | Rejection:
        """The fields of `schemas.claim.Person`; a rejection when the birth date (DMG02) is none."""
        born = None
        sex = None
        if self.birth is not None:
            born = read_date(self.birth.value(2))
            if born is None and self.birth.value(2):
                return unreadable_date("birth date (DMG02)", f"{self.loop}/DMG/02", self.birth.number)
            sex = self.birth.value(3) or None
        return {
            "last_name": self.name.value(3) or None,
            "first_name": self.name.value(4) or None,
            "birth_date": born,
            "sex": sex,
            "address": self.address(),
        }


def _street(entity: Entity, segment: Segment) -> None:
    entity.street = entity.street or segment


def _city(entity: Entity, segment: Segment) -> None:
    entity.city = entity.city or segment


def _birth(entity: Entity, segment: Segment) -> None:
    entity.birth = entity.birth or segment


def _reference(entity: Entity, segment: Segment) -> None:
    if segment.value(1) in _TAX_REFERENCES:
        entity.tax_id = entity.tax_id or segment.value(2)


def _specialty(entity: Entity, segment: Segment) -> None:
    entity.taxonomy = entity.taxonomy or segment.value(3)


_TAKE: Final[dict[str, Callable[[Entity, Segment], None]]] = {
    "N3": _street,
    "N4": _city,
    "DMG": _birth,
    "REF": _reference,
    "PRV": _specialty,
}
