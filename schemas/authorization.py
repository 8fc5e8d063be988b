"""A prior authorization or referral as a payer decided it (contract section 3)."""

from typing import Annotated, Literal

from schemas.base import Code, Day, NullIs, Record, Required, RequiredCode, Text, Units
from schemas.claim import AuthorizationKind

AuthorizationStatus = Literal["approved", "denied", "pended", "voided", "partial"]
Program = Literal["wiser", "opd", "plan"]


class PatientReference(Record):
    """Tells the persons of one member apart; absent it means any of them."""

    birth_date: Day | None = None
    first_name: Text | None = None


class AuthorizedService(Record):
    """A procedure the authorization covers, and how many units of it."""

    procedure_code: RequiredCode
    units: Units | None = None


class Authorization(Record):
    """One version of an authorization; dates are calendar days, both ends inside.

    A later `version` of the same payer and number replaces the earlier one; without versions the later record does.
    """

    authorization_number: Required
    kind: Annotated[AuthorizationKind, NullIs("prior_authorization")] = "prior_authorization"
    payer_id: Required
    member_id: Required
    patient: PatientReference | None = None
    status: AuthorizationStatus
    decided_on: Day | None = None
    valid_from: Day | None = None
    valid_to: Day | None = None
    services: Annotated[tuple[AuthorizedService, ...], NullIs(())] = ()
    rendering_npi: Code | None = None
    facility_npi: Code | None = None
    visits: int | None = None
    program: Program | None = None
    version: int | None = None
