"""One `Claim` resource, with what it refers to, becomes the claim of the contract."""

from datetime import date
from typing import Any, Final

from pydantic import ValidationError

from schemas.claim import Claim
from schemas.rejection import Rejection
from streams.intake.fhir.care_team import CareTeam
from streams.intake.fhir.codes import (
    ICD10CM,
    OTHER_ICD,
    TYPE_OF_BILL,
    code_of,
    code_of_any,
    codes_of,
    first_identifier,
    text,
)
from streams.intake.fhir.elements import Concept, Reference
from streams.intake.fhir.lines import Pointers, read_line
from streams.intake.fhir.models import ClaimResource, Condition, Diagnosis, ServiceRequest
from streams.intake.fhir.parties import read_provider
from streams.intake.fhir.places import RefusedError, missing, read_day, refused_by_model
from streams.intake.fhir.policy import Policy
from streams.intake.fhir.resources import Place, Resources
from streams.intake.items import Warned

_TYPES: Final = ("professional", "institutional")
_REPLACES: Final = frozenset({"prior", "replaces"})


class ClaimReader:
    """Reads the claim at `place`; made anew for each, so that no claim sees another's state."""

    def __init__(self, resources: Resources, place: Place) -> None:
        self.warnings: list[Warned] = []
        self.created_on: date | None = None
        self._resources = resources
        self._place = place
        self._claim = ClaimResource()
        self._pointers = Pointers()

    def read(self) -> Claim | Rejection:
        """The claim, or what keeps it from being one; `warnings` holds what did not."""
        try:
            self._of_use()
            self._claim = self._resources.read(self._place, ClaimResource)
            return Claim.model_validate(self._fields())
        except RefusedError as refused:
            return refused.rejection
        except ValidationError as error:
            # Nothing is known that gets here; a claim the model refuses must not stop the others.
            return refused_by_model(error, "the claim read from it: ", self._place.at).rejection

    def _of_use(self) -> None:
        if self._place.tree.get("use") not in (None, "claim"):
            what = "this FHIR Claim asks for an authorization or an estimate; send Claim resources whose use is claim"
            raise RefusedError("not-a-claim", what, f"{self._place.at}.use")

    def _fields(self) -> dict[str, Any]:
        claim, at = self._claim, self._place.at
        self.created_on = self._created()
        claim_id = first_identifier(claim.identifier)
        if claim_id is None:
            raise missing("identifier[0].value", "send the claim's own number", f"{at}.identifier[0].value")
        total = claim.total.value if claim.total is not None else None
        fields: dict[str, Any] = {
            "claim_id": claim_id,
            "claim_type": self._type(),
            "type_of_bill": self._type_of_bill(),
        }
        fields |= self._original() | Policy(self._resources, claim, self._place).fields()
        fields["authorizations"] += self._referral()
        fields["billing_provider"] = self._billing()
        fields["service_facility"] = read_provider(self._resources, claim.facility, self._place)
        fields["diagnoses"] = self._diagnoses()
        if total is None:
            raise missing("total.value", "send the sum of the charges as a JSON number", f"{at}.total")
        team = CareTeam(self._resources, claim.care_team or [], self._place)
        if not claim.item:
            raise missing("item", "send an item for each service", f"{at}.item")
        fields["service_lines"] = tuple(
            read_line(item, f"item[{index}]", at, self._pointers, team) for index, item in enumerate(claim.item)
        )
        return fields | team.of_claim() | {"total_charge": total, "accident": self._accident()} | self._documents()

    def _created(self) -> date | None:
        written = text(self._claim.created)
        day = read_day(written) if written else None
        if written and day is None:
            self._warn("created is no date and is left out; write it as YYYY-MM-DD", "created")
        return day

    def _type(self) -> str:
        codes = codes_of(self._claim.type)
        for name in _TYPES:
            if name in codes:
                return name
        at = f"{self._place.at}.type"
        if not codes:
            raise missing("type", f"send {' or '.join(_TYPES)}", at)
        raise RefusedError("unknown-value", f"type is none of its values; send {' or '.join(_TYPES)}", at)

    def _type_of_bill(self) -> str | None:
        written = code_of(self._claim.sub_type, TYPE_OF_BILL)
        several = (one for one in self._claim.supporting_info or () if "typeofbill" in codes_of(one.category))
        return written or next((code for one in several if (code := code_of(one.code, TYPE_OF_BILL))), None)

    def _original(self) -> dict[str, Any]:
        """A claim that replaces another names it by the payer's number."""
        for related in self._claim.related or ():
            if _REPLACES & codes_of(related.relationship):
                claim = related.claim
                identifiers = [one for one in (claim.identifier if claim else None, related.reference) if one]
                return {"frequency_code": "7", "original_reference": first_identifier(identifiers)}
        return {}

    def _referral(self) -> tuple[dict[str, str], ...]:
        referral = self._claim.referral
        number = first_identifier([referral.identifier] if referral and referral.identifier else ())
        if number is None:
            place = self._resources.find(referral, self._place, ("ServiceRequest",))
            if place is not None:
                number = first_identifier(self._resources.read(place, ServiceRequest).identifier)
        return ({"number": number, "kind": "referral"},) if number else ()

    def _billing(self) -> dict[str, Any]:
        provider = read_provider(self._resources, self._claim.provider, self._place)
        if provider is None or provider["npi"] is None:
            fix = "send provider, contained or in the Bundle, with an identifier of http://hl7.org/fhir/sid/us-npi"
            raise missing("the NPI of provider", fix, f"{self._place.at}.provider")
        return provider

    def _diagnoses(self) -> tuple[dict[str, str], ...]:
        """The diagnoses, the principal one first, then by sequence."""
        several = list(enumerate(self._claim.diagnosis or ()))
        last = len(several) + 1
        several.sort(key=lambda entry: ("principal" not in codes_of(entry[1].type), entry[1].sequence or last))
        found: list[dict[str, str]] = []
        for index, diagnosis in several:
            code = self._diagnosis(diagnosis, f"diagnosis[{index}]")
            if code is not None:
                found.append({"code": code})
                self._pointers.add(diagnosis.sequence)
        if not found:
            fix = "send a diagnosis with system http://hl7.org/fhir/sid/icd-10-cm"
            raise missing("an ICD-10-CM diagnosis", fix, f"{self._place.at}.diagnosis")
        return tuple(found)

    def _diagnosis(self, diagnosis: Diagnosis, path: str) -> str | None:
        concept = diagnosis.diagnosis_codeable_concept or self._condition(diagnosis.diagnosis_reference)
        code = code_of(concept, ICD10CM)
        if code is None:
            code = code_of(concept, OTHER_ICD)
            if code is not None:
                what = (
                    "its system is not that of ICD-10-CM, as which it is read; send http://hl7.org/fhir/sid/icd-10-cm"
                )
                self._warn(f"{path}: {what}", path)
        if code is None or not code.strip(" ."):
            what = "it has no ICD-10-CM code and is left out; send one of http://hl7.org/fhir/sid/icd-10-cm"
            self._warn(f"{path}: {what}", path)
            return None
        return code

    def _condition(self, reference: Reference | None) -> Concept | None:
        place = self._resources.find(reference, self._place, ("Condition",))
        return self._resources.read(place, Condition).code if place is not None else None

    def _accident(self) -> dict[str, Any] | None:
        accident = self._claim.accident
        if accident is None:
            return None
        cause = code_of_any(accident.type)
        day = read_day(text(accident.date) or "")
        return {
            "cause": [cause] if cause else [],
            "state": text(accident.location_address.state) if accident.location_address else None,
            "date": day.isoformat() if day else None,
        }

    def _documents(self) -> dict[str, tuple[dict[str, str | None], ...]]:
        """Notes and the names of attachments."""
        notes: list[dict[str, str | None]] = []
        attachments: list[dict[str, str | None]] = []
        for one in self._claim.supporting_info or ():
            kind = code_of_any(one.code) or code_of_any(one.category)
            if written := text(one.value_string):
                notes.append({"code": kind, "text": written})
            if one.value_attachment is not None:
                name = text(one.value_attachment.title) or text(one.value_attachment.url)
                attachments.append({"type": kind, "transmission": None, "control_number": name})
        return {"notes": tuple(notes), "attachments": tuple(attachments)}

    def _warn(self, message: str, path: str) -> None:
        self.warnings.append(Warned(message, f"{self._place.at}.{path}"))
