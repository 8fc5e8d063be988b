"""What a person's earlier claims still say: the fold of replacements, voids and resubmissions (contract section 5).

Kept of a claim are the few facts later rules read. References are tokens, not the numbers of the claim.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal, NamedTuple, get_args

from schemas.claim import ClaimType

REPLACEMENT, VOID = "7", "8"
CHANGES = (REPLACEMENT, VOID)

Role = Literal["professional", "asc-facility", "hospital-facility"]
"""Who bills: the physician, the surgery center, or the hospital, which alone sends institutional claims."""

ROLES: tuple[Role, ...] = get_args(Role)


class PastLine(NamedTuple):
    """A service line of an earlier claim, with what applied to it; `authorization` is a token of its number."""

    procedure_code: str
    modifiers: frozenset[str]
    service_date: date
    rendering_npi: str
    units: Decimal
    authorization: str | None

    @property
    def service(self) -> tuple[str, frozenset[str], date, str]:
        """What makes two lines of one biller and role the same service."""
        return self[:4]


class PastClaim(NamedTuple):
    """An earlier claim of one person; `position` is its offset in the patient's log.

    One out of scope is kept only for what it replaces, voids or resubmits; its lines count for nothing.
    """

    event_id: str
    position: int
    role: Role
    source: str
    billing_npi: str
    claim_ref: str | None
    original_ref: str | None
    frequency_code: str
    in_scope: bool
    lines: tuple[PastLine, ...]

    @property
    def claim_type(self) -> ClaimType:
        """As its role has it."""
        return "institutional" if self.role == "hospital-facility" else "professional"

    @property
    def dates(self) -> frozenset[date]:
        """The service dates of its lines."""
        return frozenset(line.service_date for line in self.lines)


class Relation(NamedTuple):
    """How a claim stands to the claims before it.

    `removes`: event ids that leave history because of it. `replaced_by`: an earlier 7 or 8 that was waiting for it.
    `unresolved`: it is a 7 or 8 that names none or several of them.
    """

    removes: tuple[str, ...] = ()
    replaced_by: str | None = None
    unresolved: bool = False


@dataclass(slots=True)
class History:
    """The claims of one person that count, and the replacements and voids that wait for their original."""

    active: dict[str, PastClaim] = field(default_factory=dict)
    waiting: dict[str, PastClaim] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing came before that anything could stand to."""
        return not (self.active or self.waiting)

    def relate(self, claim: PastClaim) -> Relation:
        """How `claim` would change what counts, were it added now."""
        if claim.frequency_code not in CHANGES:
            replaced_by = self._waiting_for(claim)
            earlier = self.active.values() if claim.frequency_code == "1" else ()
            resubmitted = (past.event_id for past in earlier if _resubmits(claim, past))
            return Relation(tuple(event_id for event_id in resubmitted if event_id != replaced_by), replaced_by)
        candidates = _candidates(claim, self.active.values())
        removes = tuple(past.event_id for past in candidates) if len(candidates) == 1 else ()
        replaced_by = self._waiting_for(claim, besides=removes) if claim.frequency_code == REPLACEMENT else None
        return Relation(removes, replaced_by, unresolved=not removes)

    def _waiting_for(self, claim: PastClaim, besides: Collection[str] = ()) -> str | None:
        """The earlier 7 or 8 that meant this claim and no other; `besides` are those it takes out itself."""
        for change in self.waiting.values():
            if change.event_id in besides:
                continue
            candidates = _candidates(change, (*self.active.values(), claim))
            if len(candidates) == 1 and candidates[0] is claim:
                return change.event_id
        return None

    def add(self, claim: PastClaim) -> None:
        """Enter a claim, in the order of the log."""
        relation = self.relate(claim)
        for event_id in relation.removes:
            del self.active[event_id]
            self.waiting.pop(event_id, None)
        if relation.replaced_by is not None:
            del self.waiting[relation.replaced_by]
            return
        if relation.unresolved:
            self.waiting[claim.event_id] = claim
        if claim.frequency_code != VOID:
            self.active[claim.event_id] = claim

    def lines_seen_by(self, claim: PastClaim, relation: Relation) -> Iterator[tuple[PastClaim, PastLine]]:
        """The lines of earlier claims that `claim` is judged against.

        Left out are the claims it replaces, voids or resubmits, and a replacement that was waiting for it.
        """
        left_out = {*relation.removes, relation.replaced_by, claim.event_id}
        for event_id, past in self.active.items():
            if past.in_scope and event_id not in left_out:
                for line in past.lines:
                    yield past, line


class Consumption(NamedTuple):
    """What has been used of an authorization: dates of service, and units by date and procedure code."""

    dates: frozenset[date]
    units: Mapping[tuple[date, str], Decimal]


def consumption(lines: Iterable[tuple[PastClaim, PastLine]]) -> Consumption:
    """What these lines use of the authorization that all of them cite.

    A date counts once however many claims cite it, such as those of hospital and physician, and so do its units: of
    each procedure and date those of the claim that bills most count (AUTH-12).
    """
    billed: dict[tuple[date, str], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for past, line in lines:
        billed[line.service_date, line.procedure_code][past.event_id] += line.units
    return Consumption(
        frozenset(on for on, _ in billed), {service: max(by_claim.values()) for service, by_claim in billed.items()}
    )


def _candidates(change: PastClaim, others: Iterable[PastClaim]) -> list[PastClaim]:
    """The claims a 7 or 8 may mean: by original reference, else by its own claim id, else by biller and dates."""
    possible = [past for past in others if past.claim_type == change.claim_type and past.event_id != change.event_id]
    if change.original_ref and (named := [past for past in possible if past.claim_ref == change.original_ref]):
        return named
    if same_id := [past for past in possible if past.claim_ref == change.claim_ref]:
        return same_id
    return [past for past in possible if past.billing_npi == change.billing_npi and past.dates == change.dates]


def _resubmits(claim: PastClaim, past: PastClaim) -> bool:
    return (
        past.claim_ref == claim.claim_ref
        and past.claim_type == claim.claim_type
        and past.source == claim.source
        and past.billing_npi == claim.billing_npi
        and past.event_id != claim.event_id
        and not past.dates.isdisjoint(claim.dates)
    )
