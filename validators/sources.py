"""The documents findings cite, each written once."""

from datetime import date

from schemas.decision import Citation, Confidence

ADD_ON_EDITS = Citation(
    document="NCCI add-on code edits",
    effective=date(2024, 7, 1),
    vintage="2024Q3",
    confidence="found",
)
NCCI_PRACTITIONER = Citation(
    document="NCCI procedure-to-procedure edits, practitioner table", effective=date(2024, 7, 1), confidence="found"
)
MEDICALLY_UNLIKELY = Citation(
    document="NCCI medically unlikely edits, practitioner table",
    effective=date(2024, 7, 1),
    vintage="2024Q3",
    confidence="found",
)
FEE_SCHEDULE = Citation(
    document="Medicare physician fee schedule indicators", effective=date(2024, 7, 1), confidence="found"
)
CPT_DEFINITIONS = Citation(document="CPT code definitions, paraphrased", confidence="memory-high")
MULTI_MAC_LCD = Citation(
    document=(
        "Multi-MAC LCD text on epidural steroid injections (L33906, L36920, L38994, L39015, L39036, L39054, L39240)"
    ),
    effective=date(2021, 12, 5),
    confidence="second-hand",
)
WISER = Citation(
    document="CMS WISeR model guide, Appendix A, and MAC WISeR pages",
    section="choice: prior authorization or pre-payment review",
    effective=date(2026, 1, 15),
    confidence="found",
)
UTN_FIELD = Citation(
    document="MAC page on UTN field requirements (Part A)",
    section="2 alphanumerics, A or H, 11 digits",
    confidence="found",
)
OUTPATIENT_LIST = Citation(document="42 CFR 419.80-419.83 list", confidence="second-hand")
AUTHORIZATION_QUALIFIERS = Citation(
    document="837P 005010X222A1 guide, REF G1/9F; X12 request for interpretation 2459", confidence="found"
)
PAYER_TABLES = Citation(document="Payer prior-authorization tables (payers.yaml)", confidence="found")
ICD10CM = Citation(document="ICD-10-CM tabular list", effective=date(2026, 4, 1), confidence="memory-high")
DIAGNOSIS_LIMITS = Citation(
    document="MAC billing article A58993 (L39240) and its siblings",
    section="diagnosis limits lifted",
    effective=date(2022, 6, 19),
    confidence="found",
)
CLAIM_GUIDE = Citation(document="837P 005010X222A1 guide and claim practice", confidence="found")
PLACES_OF_SERVICE = Citation(document="CMS place-of-service code set", effective=date(2024, 6, 28), confidence="found")
CATALOGUE = Citation(document="Design of this catalogue", confidence="found")


def section(citation: Citation, name: str, confidence: Confidence | None = None) -> Citation:
    """The same document, at one of its sections; known as surely as the document unless `confidence` says how."""
    return citation.model_copy(update={"section": name, "confidence": confidence or citation.confidence})
