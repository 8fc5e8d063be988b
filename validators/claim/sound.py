"""One look at a claim that tells that the rules of the claim form have nothing to say of it.

Nearly every claim of a feed is out of scope of the injection rules and sound in its form. Asking one rule after another
costs such a claim many times what this look does. It may take a sound claim for an unsound one, which is then judged
rule by rule; the other way round never, and each rule's own vectors would show it.
"""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache

from schemas.claim import Claim, Person, Provider, ServiceLine
from validators.claim.shapes import STATES, is_modifier, is_npi, is_postal_code, is_taxonomy
from validators.codes import ESI
from validators.history import CHANGES
from validators.parameters import Parameter
from validators.reference import Reference

OF_AGE = 18
_ZERO = Decimal(0)


def sound_form(parameters: Mapping[tuple[str, str], Parameter], reference: Reference) -> Callable[[Claim], bool]:
    """The look, under the bounds of these parameters and with the places of service of these tables."""
    diagnoses_max = _least(parameters["CLM-08", "max"])
    pointers_max = _least(parameters["CLM-09", "max"])
    modifiers_max = _least(parameters["CLM-10", "max"])
    table = reference.places_of_service
    places = frozenset((None, "", *(table.assigned if table else ())))

    def is_sound(claim: Claim) -> bool:
        born, received, count = claim.who.birth_date, claim.received_on, len(claim.diagnoses)
        if (
            born is None
            or received is None
            or count > diagnoses_max
            or (count > 1 and len({diagnosis.code for diagnosis in claim.diagnoses}) < count)
            or (claim.frequency_code in CHANGES and not claim.original_reference)
            or claim.place_of_service not in places
            or not _are_sound(claim)
        ):
            return False
        left, number = claim.total_charge, -1
        for line in claim.service_lines:
            if (
                line.line_number <= number
                or line.place_of_service not in places
                or len(line.diagnosis_pointers) > pointers_max
                or len(line.modifiers) > modifiers_max
                or not _is_sound_line(line, count, born, received)
            ):
                return False
            left -= line.charge
            number = line.line_number
        return not left

    return is_sound


def _least(bound: Parameter) -> int:
    """The least a bound is on any date; where it is not known on some, one within which nothing is."""
    return min(-1 if dated.value is None else dated.value for dated in bound.values)


def _is_sound_line(line: ServiceLine, diagnoses: int, born: date, received: date) -> bool:
    first, last = line.service_date_from, line.service_date_to
    for pointer in line.diagnosis_pointers:
        if not 0 < pointer <= diagnoses:
            return False
    return (
        born <= first <= received
        and (last is None or first <= last <= received)
        and line.units > _ZERO
        and (not line.modifiers or _are_modifiers(line.modifiers))
        and (line.rendering_provider is None or _is_sound_provider(line.rendering_provider))
        # Who turns 18 this year may be a child yet.
        and (first.year - born.year > OF_AGE or line.procedure_code not in ESI)
    )


def _are_sound(claim: Claim) -> bool:
    """Whether the persons and providers of a claim are."""
    return (
        _is_sound_person(claim.subscriber)
        and (claim.patient is None or _is_sound_person(claim.patient))
        and _is_sound_provider(claim.billing_provider)
        and (claim.rendering_provider is None or _is_sound_provider(claim.rendering_provider))
        and (claim.referring_provider is None or _is_sound_provider(claim.referring_provider))
        and (claim.supervising_provider is None or _is_sound_provider(claim.supervising_provider))
        and (claim.service_facility is None or _is_sound_provider(claim.service_facility))
    )


def _is_sound_person(person: Person) -> bool:
    address = person.address
    return address is None or _is_sound(None, None, address.state, address.postal_code)


def _is_sound_provider(provider: Provider) -> bool:
    address = provider.address
    if address is None:
        return _is_sound(provider.npi, provider.taxonomy, None, None)
    return _is_sound(provider.npi, provider.taxonomy, address.state, address.postal_code)


@lru_cache(1 << 14)
def _is_sound(npi: str | None, taxonomy: str | None, state: str | None, postal_code: str | None) -> bool:
    # Remembered together: the same providers come again and again.
    return (
        (not npi or is_npi(npi))
        and (not taxonomy or is_taxonomy(taxonomy))
        and (not state or state in STATES)
        and (not postal_code or is_postal_code(postal_code))
    )


@lru_cache(1 << 12)
def _are_modifiers(modifiers: tuple[str, ...]) -> bool:
    return len(set(modifiers)) == len(modifiers) and all(map(is_modifier, modifiers))
