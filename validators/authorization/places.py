"""Where a service was done, by place of service or type of bill: the WISeR model and the outpatient list ask."""

from collections.abc import Collection

from schemas.claim import Claim
from validators.authorization.answers import Answer
from validators.lines import Line


def done_in(line: Line, claim: Claim, *, places: Collection[str], bills: Collection[str]) -> Answer:
    """Whether the line has one of `places`, or its claim a type of bill that begins with one of `bills`."""
    bill = claim.type_of_bill
    if bill and any(bill.lstrip("0").startswith(first) for first in bills):
        return True
    if line.place_of_service is None:
        return False if bill else "claim.place_of_service"
    return line.place_of_service in places
