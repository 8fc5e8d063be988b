"""Whose policy pays: the focal insurance of a claim, its Coverage, the payer, the subscriber and the patient."""

from typing import Any, Final

from streams.intake.fhir.codes import FILING_INDICATOR, code_of, codes_of, first_identifier, text
from streams.intake.fhir.elements import Reference
from streams.intake.fhir.models import ClaimResource, Coverage, Insurance, Organization
from streams.intake.fhir.parties import PEOPLE, read_person
from streams.intake.fhir.places import missing
from streams.intake.fhir.resources import Place, Resources

_RELATIONSHIPS: Final = ("self", "spouse", "child")
_SEQUENCES: Final = {2: "secondary"}


class Policy:
    """What a claim says of payer and insured. Raises RefusedError where a required part is missing."""

    def __init__(self, resources: Resources, claim: ClaimResource, place: Place) -> None:
        self._resources = resources
        self._claim = claim
        self._place = place
        insurances = claim.insurance or []
        self._index = next((index for index, one in enumerate(insurances) if one.focal), 0)
        self._insurance = insurances[self._index] if insurances else Insurance()
        self._coverage_place = resources.find(self._insurance.coverage, place, ("Coverage",))
        self._coverage = (
            resources.read(self._coverage_place, Coverage) if self._coverage_place is not None else Coverage()
        )

    def fields(self) -> dict[str, Any]:
        """Payer, subscriber, patient and authorizations as `schemas.claim.Claim` has them."""
        numbers = [number for one in self._insurance.pre_auth_ref or () if (number := text(one))]
        return {
            "payer": self._payer(),
            **self._insured(),
            "authorizations": tuple({"number": number, "kind": "prior_authorization"} for number in numbers),
        }

    def _payer(self) -> dict[str, Any]:
        payor = self._coverage.payor[0] if self._coverage.payor else None
        number, name = self._organization(self._claim.insurer, self._place)
        if number is None and self._coverage_place is not None:
            number, name = self._organization(payor, self._coverage_place)
        if number is None:
            fix = "send insurer, or the payor of the Coverage, as an Organization with an identifier"
            raise missing("the payer id", fix, f"{self._place.at}.insurer")
        sequence = self._insurance.sequence or 1
        return {
            "id": number,
            "name": name,
            "filing_indicator": code_of(self._coverage.type, FILING_INDICATOR),
            "sequence": _SEQUENCES.get(sequence, "primary" if sequence < 2 else "tertiary"),
        }

    def _organization(self, reference: Reference | None, holder: Place) -> tuple[str | None, str | None]:
        """Number and name of a payer; a reference may give them itself."""
        if reference is None:
            return None, None
        place = self._resources.find(reference, holder, ("Organization",))
        if place is not None:
            organization = self._resources.read(place, Organization)
            number = first_identifier(organization.identifier)
            if number is not None:
                return number, text(organization.name)
        return first_identifier([reference.identifier] if reference.identifier else ()), text(reference.display)

    def _insured(self) -> dict[str, Any]:
        coverage = self._coverage
        member_id = text(coverage.subscriber_id)
        if member_id is None:
            coverage_at = self._coverage_place.at if self._coverage_place is not None else ""
            at = f"{coverage_at}.subscriberId" if coverage_at else f"{self._place.at}.insurance[{self._index}].coverage"
            fix = "send the Coverage of the focal insurance, contained or in the Bundle, with its subscriberId"
            raise missing("the member id (Coverage.subscriberId)", fix, at)
        subscriber, patient = self._people()
        codes = codes_of(coverage.relationship)
        relationship = next((one for one in _RELATIONSHIPS if one in codes), "other" if codes else None)
        same = subscriber is None or patient is None or subscriber.at == patient.at
        own = relationship == "self" or (relationship is None and same)
        who = (subscriber or patient) if own else subscriber
        return {
            "subscriber": {
                **(read_person(self._resources, who) if who is not None else {}),
                "member_id": member_id,
                "relationship": relationship,
                "group_number": self._group(),
            },
            # A patient nobody describes is still not the subscriber.
            "patient": None if own else read_person(self._resources, patient) if patient is not None else {},
        }

    def _people(self) -> tuple[Place | None, Place | None]:
        """The subscriber and the patient, as far as they are in the record."""
        holder = self._coverage_place or self._place
        subscriber = self._resources.find(self._coverage.subscriber, holder, PEOPLE)
        patient = self._resources.find(self._claim.patient, self._place, PEOPLE)
        return subscriber, patient or self._resources.find(self._coverage.beneficiary, holder, PEOPLE)

    def _group(self) -> str | None:
        groups = (one for one in self._coverage.class_ or () if "group" in codes_of(one.type))
        return next((value for one in groups if (value := text(one.value))), None)
