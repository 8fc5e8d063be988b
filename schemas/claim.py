"""A medical claim as every input format is read into it (contract section 2).

What a rule judges is read as it is: zero units, thirteen diagnoses, an odd modifier or an unknown state are findings
of a rule, never errors here. Only a missing required field or a wrong type is one.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, JsonValue

from schemas.base import Code, Day, Money, NullIs, Record, Required, RequiredCode, Text, Units

ClaimType = Literal["professional", "institutional"]
Relationship = Literal["self", "spouse", "child", "other"]
LineOfBusiness = Literal[
    "medicare_ffs", "medicare_advantage", "medicaid", "commercial", "workers_comp", "auto", "other"
]
Sequence = Literal["primary", "secondary", "tertiary"]
AuthorizationKind = Literal["prior_authorization", "referral"]


def _without_dot(code: Any) -> Any:
    return code.replace(".", "") if isinstance(code, str) else code


def _numbered(given: Any) -> Any:
    """Without the entries whose number was left empty: nobody can cite them."""
    if not isinstance(given, list | tuple):
        return given
    return tuple(each for each in given if not (isinstance(each, dict) and _is_empty(each.get("number", each))))


def _is_empty(number: Any) -> bool:
    return number is None or (isinstance(number, str) and not number.strip())


DiagnosisCode = Annotated[RequiredCode, BeforeValidator(_without_dot)]
"""An ICD-10-CM code without its dot."""


class Address(Record):
    """A postal address; the state is the two-letter code as sent."""

    line1: Text | None = None
    line2: Text | None = None
    city: Text | None = None
    state: Code | None = None
    postal_code: Text | None = None


class Payer(Record):
    """Who is asked to pay, and in which order among several payers."""

    id: Required
    name: Text | None = None
    filing_indicator: Code | None = None
    line_of_business: LineOfBusiness | None = None
    sequence: Annotated[Sequence, NullIs("primary")] = "primary"


class Person(Record):
    """A patient who is not the subscriber."""

    last_name: Text | None = None
    first_name: Text | None = None
    birth_date: Day | None = None
    sex: Code | None = None
    address: Address | None = None


class Subscriber(Person):
    """The member whose policy it is."""

    member_id: Required
    relationship: Relationship | None = None
    group_number: Text | None = None


class Provider(Record):
    """A provider named on the claim or on a line; the NPI may be absent."""

    npi: Text | None = None
    tax_id: Text | None = None
    taxonomy: Code | None = None
    name: Text | None = None
    address: Address | None = None
    organization: bool | None = None


class BillingProvider(Provider):
    """The provider that bills; its NPI is required."""

    npi: Required


class AuthorizationReference(Record):
    """An authorization or referral number written on the claim."""

    number: Required
    kind: Annotated[AuthorizationKind, NullIs("prior_authorization")] = "prior_authorization"


class Diagnosis(Record):
    """One ICD-10-CM diagnosis, in the order of the claim."""

    code: DiagnosisCode


class Drug(Record):
    """The drug of a line: NDC, quantity, unit (F2, GR, ME, ML, UN)."""

    ndc: Text | None = None
    quantity: Units | None = None
    unit: Code | None = None


class ServiceLine(Record):
    """One billed service. `service_date_to` null means the same day."""

    line_number: int
    procedure_code: RequiredCode
    modifiers: Annotated[tuple[Code, ...], NullIs(())] = ()
    charge: Money
    units: Units
    unit_type: Code | None = None
    service_date_from: Day
    service_date_to: Day | None = None
    place_of_service: Code | None = None
    diagnosis_pointers: Annotated[tuple[int, ...], NullIs(())] = ()
    rendering_provider: Provider | None = None
    authorization_number: Text | None = None
    drug: Drug | None = None
    revenue_code: Text | None = None
    note: Text | None = None
    control_number: Text | None = None


class Claim(Record):
    """A claim in canonical form; money in US dollars, dates as calendar days."""

    claim_id: Required
    claim_type: ClaimType
    frequency_code: Annotated[Code, NullIs("1")] = "1"
    original_reference: Text | None = None
    source: Annotated[Text, NullIs("default")] = "default"
    received_on: Day | None = None
    test: Annotated[bool, NullIs(default=False)] = False
    total_charge: Money
    place_of_service: Code | None = None
    type_of_bill: Code | None = None
    payer: Payer
    subscriber: Subscriber
    patient: Person | None = None
    billing_provider: BillingProvider
    rendering_provider: Provider | None = None
    referring_provider: Provider | None = None
    supervising_provider: Provider | None = None
    service_facility: Provider | None = None
    authorizations: Annotated[tuple[AuthorizationReference, ...], BeforeValidator(_numbered), NullIs(())] = ()
    diagnoses: Annotated[tuple[Diagnosis, ...], Field(min_length=1)]
    service_lines: Annotated[tuple[ServiceLine, ...], Field(min_length=1)]
    accident: JsonValue | None = None
    notes: Annotated[tuple[JsonValue, ...], NullIs(())] = ()
    attachments: Annotated[tuple[JsonValue, ...], NullIs(())] = ()

    @property
    def who(self) -> Person:
        """The person treated: the patient, else the subscriber."""
        return self.patient or self.subscriber
