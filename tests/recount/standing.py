"""Which earlier claims of a person count, told from all of them in order (contract section 5; rules.yaml: replacement,
void, resubmission). Nothing is kept between two questions: each goes through the claims again.
"""

from collections.abc import Sequence
from typing import NamedTuple

from tests.recount.told import Told

REPLACEMENT, VOID = "7", "8"


class Stand(NamedTuple):
    """How a claim stands to those before it.

    `takes_out`: the claims that leave history because of it. `meant_by`: the 7 or 8 that came before this, its
    original. `unresolved`: it is a 7 or 8 that names none or several.
    """

    takes_out: tuple[Told, ...] = ()
    meant_by: Told | None = None
    unresolved: bool = False


class History(NamedTuple):
    """The claims that count, and the 7s and 8s that are remembered for an original that comes later."""

    counting: tuple[Told, ...] = ()
    remembered: tuple[Told, ...] = ()


def history_of(claims: Sequence[Told]) -> History:
    """What these claims come to, in the order of the log."""
    counting: list[Told] = []
    remembered: list[Told] = []
    for claim in claims:
        stand = stand_of(claim, History(tuple(counting), tuple(remembered)))
        # A 7 that itself leaves history is remembered no longer.
        counting = [each for each in counting if each not in stand.takes_out]
        remembered = [each for each in remembered if each not in (*stand.takes_out, stand.meant_by)]
        if stand.meant_by is not None:
            continue  # it enters history as replaced
        if stand.unresolved:
            remembered.append(claim)
        if claim.claim.frequency_code != VOID:
            counting.append(claim)
    return History(tuple(counting), tuple(remembered))


def stand_of(claim: Told, history: History) -> Stand:
    """How a claim stands to those before it."""
    frequency = claim.claim.frequency_code
    if frequency in (REPLACEMENT, VOID):
        named = named_by(claim, history.counting)
        takes_out = tuple(named) if len(named) == 1 else ()
        # A void is nobody's original; nor is a 7 the original of the one it takes out.
        waiting = [] if frequency == VOID else [each for each in history.remembered if each not in takes_out]
        return Stand(takes_out, _meant_by(claim, waiting, history), unresolved=not takes_out)
    meant_by = _meant_by(claim, history.remembered, history)
    if frequency != "1":
        return Stand((), meant_by)
    resubmitted = (each for each in history.counting if each is not meant_by and _resubmits(claim, each))
    return Stand(tuple(resubmitted), meant_by)


def named_by(change: Told, claims: Sequence[Told]) -> list[Told]:
    """The claims that a 7 or 8 may mean: the first of three ways to name one that names any."""
    others = [each for each in claims if each is not change and each.claim.claim_type == change.claim.claim_type]
    original, own = change.claim.original_reference, change.claim.claim_id
    by_original_reference = [each for each in others if original and each.claim.claim_id == original]
    by_own_claim_id = [each for each in others if each.claim.claim_id == own]
    by_biller_and_dates = [each for each in others if _biller(each) == _biller(change) and each.dates == change.dates]
    return by_original_reference or by_own_claim_id or by_biller_and_dates


def _meant_by(claim: Told, remembered: Sequence[Told], history: History) -> Told | None:
    """The first 7 or 8 that waited for an original and has, with this claim, exactly one: this claim."""
    for change in remembered:
        if named_by(change, (*history.counting, claim)) == [claim]:
            return change
    return None


def _resubmits(claim: Told, earlier: Told) -> bool:
    return (
        claim.claim.claim_id == earlier.claim.claim_id
        and claim.claim.claim_type == earlier.claim.claim_type
        and claim.claim.source == earlier.claim.source
        and _biller(claim) == _biller(earlier)
        and bool(claim.dates & earlier.dates)
    )


def _biller(claim: Told) -> str:
    return claim.claim.billing_provider.npi
