"""The clinical facts of a session that a claim form cannot carry (contract section 4)."""

from typing import Annotated, Literal

from pydantic import AfterValidator, StringConstraints

from schemas.authorization import PatientReference
from schemas.base import Code, Day, Record, Required, Text, Units

Approach = Literal["interlaminar", "caudal", "transforaminal"]
Guidance = Literal["fluoroscopy", "ct", "ultrasound", "none"]
ContrastException = Literal["allergy", "pregnancy"]
Purpose = Literal["therapeutic", "diagnostic", "pump_trial", "postoperative"]
Side = Literal["right", "left", "both", "midline"]
CAUDAL = "caudal"


def _written_alike(level: str) -> str:
    return CAUDAL if level.lower() == CAUDAL else level.upper()


Level = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, pattern=r"^(?:[CTLSctls][0-9]{1,2}(?:-[CTLSctls]?[0-9]{1,2})?|[Cc][Aa][Uu][Dd][Aa][Ll])$"
    ),
    AfterValidator(_written_alike),
]
"""A spinal level such as `L4-L5`, `T12-L1`, `S1`, or `caudal`; upper case but for that word."""


class DrugGiven(Record):
    """A drug of the injectate and its dose."""

    name: Text | None = None
    milligrams: Units | None = None


class ConservativeCare(Record):
    """What was tried before the injection, and for how long."""

    weeks: int | None = None
    kinds: tuple[Text, ...] | None = None
    exception: Text | None = None


class ImagingStudy(Record):
    """The study the injection stands on."""

    kind: Text | None = None
    performed_on: Day | None = None
    concordant: bool | None = None


class Anticoagulant(Record):
    """Whether the patient takes one, and what is planned for it."""

    taken: bool | None = None
    plan: Text | None = None


class Encounter(Record):
    """What the record of one session says; a fact that is absent is not checked, never assumed.

    `not_documented` names the fields a reviewer looked for and did not find.
    """

    payer_id: Required
    member_id: Required
    patient: PatientReference | None = None
    service_date: Day
    procedure_code: Code | None = None
    approach: Approach | None = None
    levels: tuple[Level, ...] | None = None
    sides: tuple[Side, ...] | None = None
    guidance: Guidance | None = None
    contrast_used: bool | None = None
    contrast_exception: ContrastException | None = None
    image_views: int | None = None
    needle_position_documented: bool | None = None
    drugs: tuple[DrugGiven, ...] | None = None
    purpose: Purpose | None = None
    conservative_care: ConservativeCare | None = None
    pain_duration_weeks: int | None = None
    pain_scale: Text | None = None
    pain_before: int | None = None
    pain_after: int | None = None
    follow_up_scale: Text | None = None
    prior_relief_percent: int | None = None
    prior_relief_weeks: int | None = None
    imaging: ImagingStudy | None = None
    exam_documented: bool | None = None
    rehab_program: bool | None = None
    contraindications: tuple[Text, ...] | None = None
    anticoagulant: Anticoagulant | None = None
    signed: bool | None = None
    consent: bool | None = None
    series_planned: bool | None = None
    failed_first_path: bool | None = None
    long_term_justified: bool | None = None
    not_documented: tuple[Text, ...] | None = None
