"""A code is what has the shape of one; what else stands in its place could be anybody's name.

Rules quote codes in decisions and state keeps them, so both see a token of anything else: equal where it is equal,
within one member, and nothing that could be read.
"""

import hashlib
import re
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from schemas.authorization import Authorization
from schemas.claim import Claim, Provider, ServiceLine
from schemas.encounter import Encounter

_Shape = Callable[[str | None], bool]
_P = TypeVar("_P", bound=Provider)


def _shape(pattern: str) -> _Shape:
    """Whether a text has a shape; nothing at all has every shape. Remembered, for most codes come again and again."""
    compiled = re.compile(pattern)
    return lru_cache(1 << 14)(lambda text: not text or compiled.fullmatch(text) is not None)


# Wider than the code sets: a code with a digit too few or of an older set is for billing staff to see.
_is_procedure = _shape("(?=.*[0-9])[0-9A-Z]{1,6}")
_is_diagnosis = _shape("(?=.*[0-9])[0-9A-Z]{1,7}")
_is_modifier = _shape("[0-9A-Z]{1,2}|(?=.*[0-9])[0-9A-Z]{3}")
_is_frequency = _shape("[0-9A-Z]")
_is_npi = _shape("[12][0-9]{9}")

UNSAID = "-"
"""Stands for a member where a record must name one."""

_WORDS = frozenset(Encounter.model_fields) | {
    *("nrs", "vas", "odi", "pdq", "mri", "ct", "myelogram", "x-ray"),
    *("triamcinolone", "methylprednisolone", "betamethasone", "dexamethasone"),
    *("lidocaine", "bupivacaine", "ropivacaine", "iohexol", "iopamidol", "gadolinium", "saline"),
    *("physical therapy", "home exercise", "chiropractic", "nsaids", "oral steroids", "medication"),
    *("local_infection", "systemic_infection", "cord_compression", "cauda_compression", "suspected_malignancy"),
    *("allergy_to_injectate", "steroid_contraindicated", "bleeding_disorder"),
}
"""What rules or people who look at a decision know by name; nobody is called so."""


def _is_word(text: str | None) -> bool:
    return text in _WORDS


def codes_only_claim(claim: Claim, patient_token: str) -> Claim:
    """The claim with nothing but codes where rules and state take one; itself when there is nothing else."""
    if _has_only_codes(claim):
        return claim
    diagnoses = (
        diagnosis.model_copy(update={"code": _code(_is_diagnosis, diagnosis.code, patient_token)})
        for diagnosis in claim.diagnoses
    )
    changes = {
        "frequency_code": _code(_is_frequency, claim.frequency_code, patient_token),
        "billing_provider": _provider(claim.billing_provider, patient_token),
        "rendering_provider": claim.rendering_provider and _provider(claim.rendering_provider, patient_token),
        "diagnoses": tuple(diagnoses),
        "service_lines": tuple(_line(line, patient_token) for line in claim.service_lines),
    }
    return claim.model_copy(update=changes)


def codes_only_fact(fact: Authorization | Encounter, patient_token: str) -> Authorization | Encounter:
    """An authorization or encounter, as a claim, and without its member."""
    nobody = {"payer_id": UNSAID, "member_id": UNSAID, "patient": None}
    changes = _session_codes(fact, patient_token) if isinstance(fact, Encounter) else _grant_codes(fact, patient_token)
    return fact.model_copy(update=nobody | changes)


def _grant_codes(record: Authorization, patient_token: str) -> dict[str, object]:
    services = (
        service.model_copy(update={"procedure_code": _code(_is_procedure, service.procedure_code, patient_token)})
        for service in record.services
    )
    return {
        "services": tuple(services),
        "rendering_npi": _code(_is_npi, record.rendering_npi, patient_token),
        "facility_npi": _code(_is_npi, record.facility_npi, patient_token),
    }


def _session_codes(session: Encounter, patient_token: str) -> dict[str, object]:
    """What of an encounter may be free text, as words rules know or tokens of anything else."""

    def word(text: str | None) -> str | None:
        return _code(_is_word, text.lower(), patient_token) if text else text

    def words(texts: tuple[str, ...] | None) -> tuple[str | None, ...] | None:
        return None if texts is None else tuple(word(text) for text in texts)

    drugs, care, study, thinner = session.drugs, session.conservative_care, session.imaging, session.anticoagulant
    return {
        "procedure_code": _code(_is_procedure, session.procedure_code, patient_token),
        "pain_scale": word(session.pain_scale),
        "follow_up_scale": word(session.follow_up_scale),
        "contraindications": words(session.contraindications),
        "not_documented": words(session.not_documented),
        "drugs": drugs and tuple(drug.model_copy(update={"name": word(drug.name)}) for drug in drugs),
        "conservative_care": care
        and care.model_copy(update={"kinds": words(care.kinds), "exception": word(care.exception)}),
        "imaging": study and study.model_copy(update={"kind": word(study.kind)}),
        "anticoagulant": thinner and thinner.model_copy(update={"plan": word(thinner.plan)}),
    }


def _has_only_codes(claim: Claim) -> bool:
    rendering = claim.rendering_provider
    return (
        _is_frequency(claim.frequency_code)
        and _is_npi(claim.billing_provider.npi)
        and (rendering is None or _is_npi(rendering.npi))
        and all(_is_diagnosis(diagnosis.code) for diagnosis in claim.diagnoses)
        and all(_line_has_only_codes(line) for line in claim.service_lines)
    )


def _line_has_only_codes(line: ServiceLine) -> bool:
    rendering = line.rendering_provider
    return (
        _is_procedure(line.procedure_code)
        and (rendering is None or _is_npi(rendering.npi))
        and all(_is_modifier(modifier) for modifier in line.modifiers)
    )


def _line(line: ServiceLine, patient_token: str) -> ServiceLine:
    changes = {
        "procedure_code": _code(_is_procedure, line.procedure_code, patient_token),
        "modifiers": tuple(_code(_is_modifier, modifier, patient_token) for modifier in line.modifiers),
        "rendering_provider": line.rendering_provider and _provider(line.rendering_provider, patient_token),
    }
    return line.model_copy(update=changes)


def _provider(provider: _P, patient_token: str) -> _P:
    return provider.model_copy(update={"npi": _code(_is_npi, provider.npi, patient_token)})


def _code(has_shape: _Shape, text: str | None, patient_token: str) -> str | None:
    if text is None or has_shape(text):
        return text
    # In capitals, as codes are read: what state gives back must be what was judged at first.
    return "~" + hashlib.sha256(f"{patient_token}\0{text}".encode()).hexdigest()[:16].upper()
