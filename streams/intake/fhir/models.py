"""What is read of each FHIR R4 resource."""

from typing import Final

from pydantic import Field

from streams.intake.fhir.elements import (
    Address,
    Amount,
    Concept,
    Counts,
    Element,
    HumanName,
    Identifier,
    Number,
    Period,
    Quantity,
    Reference,
    Word,
    Words,
)


class Patient(Element):
    """A Patient or RelatedPerson."""

    name: list[HumanName] | None = None
    gender: Word | None = None
    birth_date: Word | None = None
    address: list[Address] | None = None


class CoverageClass(Element):
    """Group, plan or the like of a Coverage."""

    type: Concept | None = None
    value: Word | None = None


class Coverage(Element):
    """The policy."""

    type: Concept | None = None
    subscriber: Reference | None = None
    subscriber_id: Word | None = None
    beneficiary: Reference | None = None
    relationship: Concept | None = None
    payor: list[Reference] | None = None
    class_: list[CoverageClass] | None = Field(default=None, alias="class")


class Qualification(Element):
    """What a practitioner is trained in."""

    code: Concept | None = None


class Practitioner(Element):
    """A person who treats or bills."""

    identifier: list[Identifier] | None = None
    name: list[HumanName] | None = None
    address: list[Address] | None = None
    qualification: list[Qualification] | None = None


class PractitionerRole(Element):
    """A practitioner at an organization."""

    identifier: list[Identifier] | None = None
    practitioner: Reference | None = None
    organization: Reference | None = None
    specialty: list[Concept] | None = None


class Organization(Element):
    """A practice, a facility or a payer."""

    identifier: list[Identifier] | None = None
    type: list[Concept] | None = None
    name: Word | None = None
    address: list[Address] | None = None


class Location(Element):
    """Where the service was given."""

    identifier: list[Identifier] | None = None
    name: Word | None = None
    address: Address | None = None


class Condition(Element):
    """A diagnosis kept as a resource of its own."""

    code: Concept | None = None


class ServiceRequest(Element):
    """A referral."""

    identifier: list[Identifier] | None = None


class Diagnosis(Element):
    """One diagnosis of a claim."""

    sequence: int | None = None
    diagnosis_codeable_concept: Concept | None = None
    diagnosis_reference: Reference | None = None
    type: list[Concept] | None = None


class Member(Element):
    """One of the care team."""

    sequence: int | None = None
    provider: Reference | None = None
    role: Concept | None = None
    qualification: Concept | None = None


class Insurance(Element):
    """One of the policies of the patient; `focal` is the one the claim is sent to."""

    sequence: int | None = None
    focal: bool | None = None
    coverage: Reference | None = None
    pre_auth_ref: Words | None = None


class Related(Element):
    """Another claim this one has to do with."""

    claim: Reference | None = None
    relationship: Concept | None = None
    reference: Identifier | None = None


class Attachment(Element):
    """A document by its name; its content is not read."""

    title: Word | None = None
    url: Word | None = None


class SupportingInfo(Element):
    """Notes, attachments and, for institutions, the type of bill."""

    category: Concept | None = None
    code: Concept | None = None
    value_string: str | None = None
    value_attachment: Attachment | None = None


class Accident(Element):
    """The accident behind the claim."""

    date: Word | None = None
    type: Concept | None = None
    location_address: Address | None = None


class Detail(Element):
    """Part of an item: the drug."""

    product_or_service: Concept | None = None
    quantity: Quantity | None = None


class LineItem(Element):
    """One service."""

    sequence: int | None = None
    care_team_sequence: Counts | None = None
    diagnosis_sequence: Counts | None = None
    revenue: Concept | None = None
    product_or_service: Concept | None = None
    modifier: list[Concept] | None = None
    serviced_date: Word | None = None
    serviced_period: Period | None = None
    location_codeable_concept: Concept | None = None
    quantity: Quantity | None = None
    unit_price: Amount | None = None
    factor: Number | None = None
    net: Amount | None = None
    detail: list[Detail] | None = None


class ClaimResource(Element):
    """A Claim."""

    identifier: list[Identifier] | None = None
    type: Concept | None = None
    sub_type: Concept | None = None
    patient: Reference | None = None
    created: Word | None = None
    insurer: Reference | None = None
    provider: Reference | None = None
    facility: Reference | None = None
    referral: Reference | None = None
    related: list[Related] | None = None
    care_team: list[Member] | None = None
    supporting_info: list[SupportingInfo] | None = None
    diagnosis: list[Diagnosis] | None = None
    insurance: list[Insurance] | None = None
    accident: Accident | None = None
    item: list[LineItem] | None = None
    total: Amount | None = None


NAMES: Final = frozenset(
    {
        "resourceType",
        "id",
        "entry",
        "fullUrl",
        "resource",
        "parameter",
        "part",
        "response",
        "outcome",
        "contained",
        "use",
    }
    | {part.alias or name for model in Element.__subclasses__() for name, part in model.model_fields.items()}
)
"""The names of elements that a place in a rejection may show."""
