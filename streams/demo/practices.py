"""Who sends and who pays: the sources of the feed, the practices behind them, and the payers of the example packs."""

import random
from collections.abc import Sequence

from streams.demo.draft import Payer, Practice
from streams.demo.people import some_address, some_clinician, some_facility, some_npi

X12_SOURCES = ("clearinghouse-a", "clearinghouse-b")
JSON_SOURCES = ("health-system", "pain-network")
SOURCES = (*X12_SOURCES, *JSON_SOURCES)
"""What CLAIMSTREAM_SOURCES lists for the demo's worker."""

MEDICARE = Payer("EXMEDICARE", "MEDICARE PART B", "MB", "medicare_ffs")
HUMANA = Payer("EXHUMANA", "HUMANA MEDICARE ADVANTAGE", "16", "medicare_advantage", authorizes=True)
CIGNA = Payer("EXCIGNA", "CIGNA", "CI", "commercial", authorizes=True)
ANTHEM = Payer("EXANTHEM", "ANTHEM BLUE CROSS", "BL", "commercial", authorizes=True)
HUMANA_COMMERCIAL = Payer("EXHUMANACOM", "HUMANA", "CI", "commercial", authorizes=True)
ADVANTAGE = Payer("EXMAPLAN", "EXAMPLE ADVANTAGE PLAN", "16", "medicare_advantage")
CLOVER = Payer("EXCLOVER", "CLOVER HEALTH", "16", "medicare_advantage", authorizes=True)
AETNA = Payer("EXAETNA", "AETNA", "CI", "commercial")
UNITED = Payer("EXUHC", "UNITEDHEALTHCARE", "CI", "commercial")
BLUE_CROSS_MA = Payer("EXBCBSMA", "BLUE CROSS OF MASSACHUSETTS", "BL", "commercial")
PRIORITY = Payer("EXPRIORITY", "PRIORITY HEALTH", "HM", "commercial")
COMMERCE = Payer("EXCOMMERCE", "EXAMPLE COMMERCIAL PLAN", "CI", "commercial")
MEDICAID = Payer("EXPHC", "PARTNERSHIP HEALTHPLAN", "MC", "medicaid")

PAYERS: dict[Payer, int] = {
    MEDICARE: 44, HUMANA: 9, ADVANTAGE: 7, CLOVER: 3, CIGNA: 7, ANTHEM: 7, AETNA: 6, UNITED: 6, BLUE_CROSS_MA: 3,
    HUMANA_COMMERCIAL: 2, COMMERCE: 3, PRIORITY: 1, MEDICAID: 2,
}  # fmt: skip
"""Every payer of the feed with its weight in it."""

WISER_STATES = frozenset({"AZ", "NJ", "OH", "OK", "TX", "WA"})
_PAIN_STATES = ("FL", "TX", "OH", "GA", "AZ", "NC", "NJ", "CA", "WA", "PA", "OK", "IL", "FL", "NY", "TX", "GA")
_PAIN_TAXONOMIES = ("208VP0014X", "207LP2900X", "2081P2900X", "207L00000X")
_OTHERS = (
    ("FAMILY MEDICINE", "207Q00000X", ("FL", "OH", "TX", "NJ")),
    ("IMAGING CENTER", "2085R0202X", ("FL", "GA", "CA", "WA")),
    ("PHYSICAL THERAPY", "225100000X", ("TX", "NC", "PA", "AZ")),
    ("ORTHOPEDICS", "207X00000X", ("FL", "NY", "IL", "MA")),
)


def pain_practices(rng: random.Random) -> tuple[Practice, ...]:
    """Practices that inject, in turn over all sources."""
    practices = []
    for number, state in enumerate(_PAIN_STATES):
        taxonomies = [rng.choice(_PAIN_TAXONOMIES) for _ in range(3)]
        practices.append(_practice(rng, number, state, "PAIN GROUP", taxonomies))
    return tuple(practices)


def other_practices(rng: random.Random) -> dict[str, tuple[Practice, ...]]:
    """Practices that do anything else, by what they do."""
    first = len(_PAIN_STATES)
    practices = {}
    for kind, taxonomy, states in _OTHERS:
        practices[kind] = tuple(
            _practice(rng, first + number, state, kind, [taxonomy] * 2) for number, state in enumerate(states)
        )
        first += len(states)
    return practices


def _practice(rng: random.Random, number: int, state: str, kind: str, taxonomies: Sequence[str]) -> Practice:
    address = some_address(rng, state)
    return Practice(
        code=f"{state}{number:02d}",
        npi=some_npi(rng),
        tax_id=f"{rng.randrange(10**8, 10**9)}",
        taxonomy=taxonomies[0],
        name=f"{address.city} {kind}",
        address=address,
        clinicians=tuple(some_clinician(rng, taxonomy) for taxonomy in taxonomies),
        surgery_center=some_facility(rng, state, "SURGERY CENTER"),
        hospital=some_facility(rng, state, "REGIONAL HOSPITAL"),
        # A practice uses one source: the claims of its patients stay in order.
        source=SOURCES[number % len(SOURCES)],
    )
