"""Patients and providers: the people, practices and places a claim refers to."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final, TypeVar

from streams.intake.fhir.codes import NPI, TAX_ID, TAXONOMY, code_of, identifier_of, text
from streams.intake.fhir.elements import Address, Concept, HumanName, Identifier, Reference, Words
from streams.intake.fhir.models import Location, Organization, Patient, Practitioner, PractitionerRole
from streams.intake.fhir.places import is_partial_day, not_a_day, read_day
from streams.intake.fhir.resources import Place, Resources

PEOPLE: Final = ("Patient", "RelatedPerson")
_PROVIDERS: Final = ("Practitioner", "PractitionerRole", "Organization", "Location")
_SEX: Final = {"male": "M", "female": "F", "other": "U", "unknown": "U"}
_Used = TypeVar("_Used", HumanName, Address)


def read_person(resources: Resources, place: Place) -> dict[str, Any]:
    """The fields of `schemas.claim.Person`. Raises RefusedError when the birth date is none."""
    person = resources.read(place, Patient)
    name = _current(person.name, "official")
    gender = text(person.gender)
    return {
        "last_name": text(name.family) if name else None,
        "first_name": _first(name.given) if name else None,
        "birth_date": _birth_date(person, place),
        "sex": _SEX.get(gender.lower(), gender) if gender else None,
        "address": _address(_current(person.address, "home")),
    }


def read_provider(resources: Resources, reference: Reference | None, holder: Place) -> dict[str, Any] | None:
    """The fields of `schemas.claim.Provider`; None where the reference says nothing of a provider."""
    place = resources.find(reference, holder, _PROVIDERS)
    if place is None:
        return _by_identifier(reference)
    match place.kind:
        case "Practitioner":
            return _practitioner(resources.read(place, Practitioner))
        case "PractitionerRole":
            return _role(resources, resources.read(place, PractitionerRole), place)
        case "Organization":
            return _organization(resources.read(place, Organization))
        case _:
            location = resources.read(place, Location)
            return _provider(location.identifier, text(location.name), location.address, organization=True)


def _by_identifier(reference: Reference | None) -> dict[str, Any] | None:
    """A provider known by its identifier or name only."""
    if reference is None:
        return None
    identifiers = [reference.identifier] if reference.identifier else []
    npi, name = identifier_of(identifiers, NPI), text(reference.display)
    return {"npi": npi, "name": name} if npi or name else None


def _role(resources: Resources, role: PractitionerRole, place: Place) -> dict[str, Any]:
    """A practitioner at an organization: what the role itself does not say, the one, then the other says."""
    found = [_provider(role.identifier, None, None, organization=None) | {"taxonomy": _taxonomy(role.specialty)}]
    for reference, kind in ((role.practitioner, "Practitioner"), (role.organization, "Organization")):
        inner = resources.find(reference, place, (kind,))
        said = read_provider(resources, reference, place) if inner is not None else _by_identifier(reference)
        if said is not None:
            found.append(said)
    return {key: next((one[key] for one in found if one.get(key) is not None), None) for key in found[0]}


def _practitioner(person: Practitioner) -> dict[str, Any]:
    name = _current(person.name, "official")
    parts = (_first(name.given), text(name.family)) if name else ()
    address = _current(person.address, "work")
    taxonomy = _taxonomy(qualification.code for qualification in person.qualification or ())
    written = " ".join(part for part in parts if part) or None
    return _provider(person.identifier, written, address, organization=False) | {"taxonomy": taxonomy}


def _organization(organization: Organization) -> dict[str, Any]:
    address = _current(organization.address, "work")
    fields = _provider(organization.identifier, text(organization.name), address, organization=True)
    return fields | {"taxonomy": _taxonomy(organization.type)}


def _provider(
    identifiers: list[Identifier] | None, name: str | None, address: Address | None, *, organization: bool | None
) -> dict[str, Any]:
    return {
        "npi": identifier_of(identifiers, NPI),
        "tax_id": identifier_of(identifiers, TAX_ID),
        "taxonomy": None,
        "name": name,
        "address": _address(address),
        "organization": organization,
    }


def _taxonomy(concepts: Iterable[Concept | None] | None) -> str | None:
    return next((code for concept in concepts or () if (code := code_of(concept, TAXONOMY))), None)


def _birth_date(person: Patient, place: Place) -> date | None:
    written = text(person.birth_date)
    if written is None or is_partial_day(written):  # a year alone cannot tell two people apart
        return None
    day = read_day(written)
    if day is None:
        raise not_a_day(f"{place.kind}.birthDate", f"{place.at}.birthDate")
    return day


def _address(address: Address | None) -> dict[str, Any] | None:
    if address is None:
        return None
    lines = [line for written in address.line or () if (line := text(written))]
    return {
        "line1": lines[0] if lines else None,
        "line2": lines[1] if len(lines) > 1 else None,
        "city": text(address.city),
        "state": text(address.state),
        "postal_code": text(address.postal_code),
    }


def _current(several: Sequence[_Used] | None, use: str) -> _Used | None:
    """The one for this use, else the first that is not an old one."""
    found = None
    for one in several or ():
        if one.use == use:
            return one
        if found is None and one.use != "old":
            found = one
    return found


def _first(words: Words | None) -> str | None:
    return next((word for written in words or () if (word := text(written))), None)
