"""Claims as no clearinghouse would send them: everything the models let in, and much of it near the bounds of rules."""

from datetime import date
from decimal import Decimal
from typing import get_args

from hypothesis import strategies as st

from schemas.authorization import Authorization, AuthorizationStatus, AuthorizedService, PatientReference, Program
from schemas.claim import (
    Address,
    AuthorizationKind,
    AuthorizationReference,
    BillingProvider,
    Claim,
    ClaimType,
    Diagnosis,
    LineOfBusiness,
    Payer,
    Provider,
    Sequence,
    ServiceLine,
    Subscriber,
)
from schemas.encounter import Approach, ContrastException, DrugGiven, Encounter, Guidance, Purpose
from tests.validators.building import ruleset
from validators.codes import CISTERNOGRAPHY, ESI, IMAGING, RETIRED_ESI, RETIRED_ULTRASOUND

INJECTIONS = sorted(ESI)
COMPANIONS = [
    "01992", "20553", "27096", "62273", "64493", "72275", "99152", "99155", "99213", "99999", "J1030", "J1100", "J2001",
    "J3301", "P9020", "Q4150", "Q9966",
]  # fmt: skip
OTHER_CODES = [*sorted(IMAGING | RETIRED_ESI | RETIRED_ULTRASOUND), CISTERNOGRAPHY, *COMPANIONS]
MODIFIERS = [
    "25",
    "26",
    "50",
    "51",
    "59",
    "80",
    "JW",
    "JZ",
    "KX",
    "LT",
    "QS",
    "RT",
    "SG",
    "TC",
    "XE",
    "XP",
    "XS",
    "XU",
    "",
]
NPIS = ["1234567893", "1245319599", "not an NPI"]

texts = st.text(max_size=6)
required = st.text(min_size=1, max_size=6).filter(str.strip)
procedure_codes = st.sampled_from(INJECTIONS) | st.sampled_from(OTHER_CODES) | required
days = st.sampled_from(
    [date(2021, 12, 4), date(2021, 12, 5), date(2026, 1, 14), date(2026, 1, 15), date(2031, 12, 31), date(2032, 1, 1)]
) | st.dates(date.min, date.max)
money = st.decimals(Decimal(-1000), Decimal(100000), places=2)
units = st.decimals(Decimal(-3), Decimal(9), places=1)
DIAGNOSES = [
    "M5416",
    "M54.12",
    "M545",
    "M5136",
    "M5431",
    "M5432",
    "M48061",
    "M7138",
    "G800",
    "G8912",
    "Z331",
    "O26.891",
    "R52",
]
diagnosis_codes = st.sampled_from(DIAGNOSES) | required.filter(lambda code: code.replace(".", "").strip() != "")
states = st.sampled_from(["TX", "OH", "FL", "??"]) | st.none()
places = st.sampled_from(["11", "19", "21", "22", "24", "99", ""]) | st.none()
postal_codes = st.sampled_from(["33101", "331010001", "33101-0001", "3310", ""]) | st.none()
addresses = st.builds(Address, state=states, postal_code=postal_codes) | st.none()
taxonomies = st.sampled_from(["261QA1903X", "208VP0014X", "PAIN", ""]) | st.none()
providers = (
    st.builds(Provider, npi=st.sampled_from(NPIS) | st.none(), taxonomy=taxonomies, address=addresses) | st.none()
)


def service_lines(codes: st.SearchStrategy[str] = procedure_codes) -> st.SearchStrategy[ServiceLine]:
    return st.builds(
        ServiceLine,
        line_number=st.integers(-1, 5),
        procedure_code=codes,
        modifiers=st.lists(st.sampled_from(MODIFIERS) | texts, max_size=5).map(tuple),
        charge=money,
        units=units,
        service_date_from=days,
        service_date_to=st.none() | days,
        place_of_service=places,
        diagnosis_pointers=st.lists(st.integers(-2, 14), max_size=5).map(tuple),
        rendering_provider=providers,
        authorization_number=texts | st.none(),
    )


payers = st.builds(
    Payer,
    id=st.sampled_from(sorted(ruleset().payers.by_id)) | required,
    filing_indicator=st.sampled_from(["MB", "16", "CI", "ZZ", ""]) | st.none(),
    line_of_business=st.sampled_from(get_args(LineOfBusiness)) | st.none(),
    sequence=st.sampled_from(get_args(Sequence)),
)
authorizations = st.lists(
    st.builds(
        AuthorizationReference,
        number=st.sampled_from(["A1", "A2"]) | required,
        kind=st.sampled_from(get_args(AuthorizationKind)),
    ),
    max_size=2,
).map(tuple)
claims = st.builds(
    Claim,
    claim_id=st.sampled_from(["EX-1", "EX-2"]) | required,
    claim_type=st.sampled_from(get_args(ClaimType)),
    frequency_code=st.sampled_from(["1", "1", "7", "8", "6", ""]),
    original_reference=st.sampled_from(["EX-1", "EX-2", ""]) | st.none(),
    total_charge=money,
    received_on=st.none() | days,
    place_of_service=places,
    type_of_bill=st.sampled_from(["131", "0111", ""]) | st.none(),
    payer=payers,
    subscriber=st.builds(Subscriber, member_id=st.just("1EG4TE5MK73"), birth_date=st.none() | days, address=addresses),
    billing_provider=st.builds(BillingProvider, npi=st.sampled_from(NPIS), taxonomy=taxonomies, address=addresses),
    rendering_provider=providers,
    referring_provider=providers,
    service_facility=providers,
    authorizations=authorizations,
    diagnoses=st.lists(st.builds(Diagnosis, code=diagnosis_codes), min_size=1, max_size=13).map(tuple),
    service_lines=st.lists(service_lines(), min_size=1, max_size=6).map(tuple),
)

days_near = st.sampled_from([date(2026, 1, 14), date(2026, 1, 15), date(2026, 6, 15)])
patient_references = st.builds(PatientReference, birth_date=st.none() | days_near, first_name=st.none() | texts)
levels = st.sampled_from(["C5-C6", "T12-L1", "L3-L4", "L4-L5", "L5-S1", "S1", "caudal"])


def authorizations_of(payer_ids: st.SearchStrategy[str] = required) -> st.SearchStrategy[Authorization]:
    return st.builds(
        Authorization,
        authorization_number=st.sampled_from(["A1", "A2"]) | required,
        kind=st.sampled_from(get_args(AuthorizationKind)),
        payer_id=payer_ids,
        member_id=st.just("1EG4TE5MK73"),
        patient=st.none() | patient_references,
        status=st.sampled_from(get_args(AuthorizationStatus)),
        decided_on=st.none() | days_near,
        valid_from=st.none() | days,
        valid_to=st.none() | days,
        services=st.lists(
            st.builds(AuthorizedService, procedure_code=procedure_codes, units=st.none() | units), max_size=3
        ).map(tuple),
        visits=st.none() | st.integers(-1, 9),
        program=st.none() | st.sampled_from(get_args(Program)),
        version=st.none() | st.integers(-1, 3),
    )


def encounters_of(payer_ids: st.SearchStrategy[str] = required) -> st.SearchStrategy[Encounter]:
    return st.builds(
        Encounter,
        payer_id=payer_ids,
        member_id=st.just("1EG4TE5MK73"),
        patient=st.none() | patient_references,
        service_date=days,
        procedure_code=st.none() | procedure_codes,
        approach=st.none() | st.sampled_from(get_args(Approach)),
        levels=st.none() | st.lists(levels, max_size=4).map(tuple),
        guidance=st.none() | st.sampled_from(get_args(Guidance)),
        contrast_used=st.none() | st.booleans(),
        contrast_exception=st.none() | st.sampled_from(get_args(ContrastException)),
        purpose=st.none() | st.sampled_from(get_args(Purpose)),
        drugs=st.none() | st.lists(st.builds(DrugGiven, name=texts, milligrams=units), max_size=2).map(tuple),
        not_documented=st.none() | st.just(("guidance",)),
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[Claim, list[Authorization | Encounter]]:
    """A claim with facts of its member, many of them of its own days and numbers."""
    claim = draw(claims)
    on = claim.service_lines[0].service_date_from
    of_payer = st.just(claim.payer.id)
    sessions = encounters_of(of_payer).flatmap(
        lambda one: st.sampled_from([one, one.model_copy(update={"service_date": on, "patient": None})])
    )
    return claim, draw(st.lists(authorizations_of(of_payer) | sessions, max_size=4))
