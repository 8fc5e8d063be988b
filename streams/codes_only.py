"""A code is what has the shape of one; what else stands in its place could be anybody's name.

Rules quote codes in decisions and state keeps them, so both see a token of anything else: equal where it is equal,
within one member, and nothing that could be read.
"""

import hashlib
import re
from collections.abc import Sequence

from schemas.authorization import Authorization
from schemas.claim import Claim, Diagnosis, Provider, ServiceLine
from schemas.encounter import Encounter

_PROCEDURE = re.compile("[0-9]{4}[0-9A-Z]|[A-Z][0-9]{4}")
_DIAGNOSIS = re.compile("[A-Z][0-9][0-9A-Z]{1,5}")
_MODIFIER = re.compile("[0-9A-Z]{2}")
_FREQUENCY = re.compile("[0-9A-Z]")
_NPI = re.compile("[12][0-9]{9}")


def codes_only_claim(claim: Claim, patient_token: str) -> Claim:
    """The claim with nothing but codes where rules and state take one; itself when there is nothing else."""
    changes: dict[str, object] = {}
    frequency = _code(_FREQUENCY, claim.frequency_code, patient_token)
    if frequency is not claim.frequency_code:
        changes["frequency_code"] = frequency
    for name, provider in (
        ("billing_provider", claim.billing_provider),
        ("rendering_provider", claim.rendering_provider),
    ):
        plain = _provider(provider, patient_token)
        if plain is not provider:
            changes[name] = plain
    diagnoses = tuple(_diagnosis(diagnosis, patient_token) for diagnosis in claim.diagnoses)
    if any(plain is not diagnosis for plain, diagnosis in zip(diagnoses, claim.diagnoses, strict=True)):
        changes["diagnoses"] = diagnoses
    lines = tuple(_line(line, patient_token) for line in claim.service_lines)
    if any(plain is not line for plain, line in zip(lines, claim.service_lines, strict=True)):
        changes["service_lines"] = lines
    return claim.model_copy(update=changes) if changes else claim


def codes_only_fact(fact: Authorization | Encounter, patient_token: str) -> Authorization | Encounter:
    """An authorization or encounter, as a claim."""
    if isinstance(fact, Encounter):
        return fact.model_copy(update={"procedure_code": _code(_PROCEDURE, fact.procedure_code, patient_token)})
    services = tuple(
        service.model_copy(update={"procedure_code": _code(_PROCEDURE, service.procedure_code, patient_token)})
        for service in fact.services
    )
    return fact.model_copy(update={"services": services})


def _diagnosis(diagnosis: Diagnosis, patient_token: str) -> Diagnosis:
    code = _code(_DIAGNOSIS, diagnosis.code, patient_token)
    return diagnosis if code is diagnosis.code else diagnosis.model_copy(update={"code": code})


def _line(line: ServiceLine, patient_token: str) -> ServiceLine:
    code = _code(_PROCEDURE, line.procedure_code, patient_token)
    modifiers = _codes(_MODIFIER, line.modifiers, patient_token)
    rendering = _provider(line.rendering_provider, patient_token)
    if code is line.procedure_code and modifiers is line.modifiers and rendering is line.rendering_provider:
        return line
    changes = {"procedure_code": code, "modifiers": modifiers, "rendering_provider": rendering}
    return line.model_copy(update=changes)


def _provider(provider: Provider | None, patient_token: str) -> Provider | None:
    if provider is None:
        return None
    npi = _code(_NPI, provider.npi, patient_token)
    return provider if npi is provider.npi else provider.model_copy(update={"npi": npi})


def _codes(shape: re.Pattern[str], texts: tuple[str, ...], patient_token: str) -> Sequence[str]:
    codes = tuple(_code(shape, text, patient_token) or "" for text in texts)
    return texts if codes == texts else codes


def _code(shape: re.Pattern[str], text: str | None, patient_token: str) -> str | None:
    if not text or shape.fullmatch(text):
        return text
    return "~" + hashlib.sha256(f"{patient_token}\0{text}".encode()).hexdigest()[:16]
