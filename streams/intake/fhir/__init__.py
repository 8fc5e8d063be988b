"""FHIR R4 `Claim`, alone or in a Bundle, read claim by claim from JSON, leniently, without ever raising."""

from streams.intake.fhir.record import CLAIMS_PER_RECORD_MAX, read_fhir

__all__ = ["CLAIMS_PER_RECORD_MAX", "read_fhir"]
