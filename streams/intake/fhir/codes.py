"""Code systems and how one code is chosen among several codings of a concept."""

from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Final

from streams.intake.fhir.elements import Coding, Concept, Identifier

# Addresses stand without their scheme, as senders write both http and https; OIDs are those HL7 registered for them.
PROCEDURES: Final = frozenset(
    {
        "www.ama-assn.org/go/cpt",
        "urn:oid:2.16.840.1.113883.6.12",
        "www.cms.gov/medicare/coding/hcpcsreleasecodesets",
        "www.cms.gov/medicare/coding/medhcpcsgeninfo",
        "terminology.hl7.org/codesystem/hcpcs",
        "urn:oid:2.16.840.1.113883.6.14",
        "urn:oid:2.16.840.1.113883.6.285",
    }
)
"""CPT and HCPCS level II."""

ICD10CM: Final = frozenset({"hl7.org/fhir/sid/icd-10-cm", "urn:oid:2.16.840.1.113883.6.90"})
OTHER_ICD: Final = frozenset({"hl7.org/fhir/sid/icd-10", "hl7.org/fhir/sid/icd-9-cm"})
NPI: Final = frozenset({"hl7.org/fhir/sid/us-npi", "urn:oid:2.16.840.1.113883.4.6"})
TAX_ID: Final = frozenset({"urn:oid:2.16.840.1.113883.4.4", "hl7.org/fhir/sid/us-ein"})
TAXONOMY: Final = frozenset({"nucc.org/provider-taxonomy", "urn:oid:2.16.840.1.113883.6.101"})
NDC: Final = frozenset({"hl7.org/fhir/sid/ndc", "urn:oid:2.16.840.1.113883.6.69"})
FILING_INDICATOR: Final = frozenset({"codesystem.x12.org/005010/1032"})
PLACE_OF_SERVICE: Final = frozenset(
    {
        "www.cms.gov/medicare/coding/place-of-service-codes/place_of_service_code_set",
        "www.cms.gov/medicare/coding/place-of-service-codes/place_of_service_code_set.html",
    }
)
TYPE_OF_BILL: Final = frozenset({"www.cms.gov/codes/billtype", "www.nubc.org/codesystem/typeofbill"})
REVENUE: Final = frozenset({"www.nubc.org/codesystem/revenuecodes"})


@lru_cache(maxsize=1024)
def system_key(system: str) -> str:
    """The address of a code system without what senders write in more than one way."""
    bare = system.strip().lower()
    return bare.removeprefix("https://").removeprefix("http://").rstrip("/")


def code_of(concept: Concept | None, systems: Collection[str]) -> str | None:
    """The first code of one of these systems."""
    return next((code for coding in _codings(concept) if _is_of(coding, systems) and (code := _code(coding))), None)


def code_of_any(concept: Concept | None, systems: Collection[str] = ()) -> str | None:
    """The first code of one of these systems, else the first one: what a rule judges is read as it is."""
    known = code_of(concept, systems) if systems else None
    return known or next((code for coding in _codings(concept) if (code := _code(coding))), None)


def codes_of(concepts: Iterable[Concept] | Concept | None) -> frozenset[str]:
    """All codes, in lower case, of concepts from small lists that differ by guide but share no word."""
    several = (concepts,) if isinstance(concepts, Concept) else concepts or ()
    return frozenset(_code(coding).lower() for concept in several for coding in _codings(concept))


def identifier_of(identifiers: Iterable[Identifier] | None, systems: Collection[str]) -> str | None:
    """The first identifier of one of these systems."""
    return next(
        (
            value
            for identifier in identifiers or ()
            if system_key(identifier.system or "") in systems and (value := text(identifier.value))
        ),
        None,
    )


def first_identifier(identifiers: Iterable[Identifier] | None) -> str | None:
    """The first identifier that has a value."""
    return next((value for identifier in identifiers or () if (value := text(identifier.value))), None)


def text(value: str | None) -> str | None:
    """A text without white space around it; None where nothing is left."""
    return (value.strip() or None) if value else None


def _codings(concept: Concept | None) -> Iterable[Coding]:
    return concept.coding or () if concept is not None else ()


def _is_of(coding: Coding, systems: Collection[str]) -> bool:
    return system_key(coding.system or "") in systems


def _code(coding: Coding) -> str:
    return (coding.code or "").strip()
