"""Whom a claim is for, where and when, in words for people: what stands beside its number."""

from schemas.claim import Claim, LineOfBusiness
from streams.deciding import Decided

PAYER_NAMES = {
    "medicare_ffs": "Medicare",
    "humana": "Humana",
    "cigna_evicore": "Cigna",
    "anthem_carelon": "Anthem",
    "aetna": "Aetna",
    "uhc": "UHC",
    "bcbsma": "BCBSMA",
    "credence": "Credence",
    "bcbsms": "BCBSMS",
    "priority_health": "Priority Health",
    "clover": "Clover",
    "bcbssc": "BCBSSC",
    "healthpartners": "HealthPartners",
    "phc": "PHC",
    "default_commercial": "unlisted",
    "default_medicare_advantage": "unlisted",
}
"""By payer key; other keys are those of a site. The payer's name on the claim is not shown: it may hold anything."""

PLAN_WORDS: dict[LineOfBusiness, str] = {
    "medicare_ffs": "FFS",
    "medicare_advantage": "MA",
    "medicaid": "Medicaid",
    "commercial": "commercial",
    "workers_comp": "workers' compensation",
    "auto": "auto",
    "other": "plan",
}


def about(decided: Decided, claim: Claim) -> str:
    """Who is taken for the payer, the state, the days, and what else to know before reading on."""
    context = decided.context
    state = context.service_state or ""
    # What is no two letters could be anybody's name.
    place = state if len(state) == len("FL") else ""
    scope = "" if decided.decision.in_scope else "no epidural injection"
    test = "test" if claim.test else ""
    words = [_payer(context.payer_key, context.line_of_business), place, _days(claim), scope, test]
    return " · ".join(filter(None, words))


def _payer(key: str, line_of_business: LineOfBusiness) -> str:
    return f"{PAYER_NAMES.get(key, key.replace('_', ' '))} {PLAN_WORDS[line_of_business]}"


def _days(claim: Claim) -> str:
    days = {day for line in claim.service_lines for day in (line.service_date_from, line.service_date_to) if day}
    return " … ".join(map(str, sorted({min(days), max(days)})))
