"""Where in a claim a fault stands and how it is said: loop/segment/element and the fix, never a value."""

from datetime import date

from pydantic import ValidationError

from schemas.rejection import Rejection, RejectionCode
from streams.intake.x12.tokenizer import Segment

Numbers = dict[tuple[str | int, ...], int]
"""Segment number of what the model may refuse, by the path of the field."""

_REFUSED: dict[tuple[str, ...], tuple[str, str, str]] = {
    ("total_charge",): ("2300/CLM/02", "total charge (CLM02)", "1250.00"),
    ("service_lines", "charge"): ("2400/SV1/02", "line charge (SV102)", "1250.00"),
    ("service_lines", "units"): ("2400/SV1/04", "units (SV104)", "1"),
    ("service_lines", "drug", "quantity"): ("2410/CTP/04", "drug quantity (CTP04)", "1.5"),
}


def fault(code: RejectionCode, message: str, place: str, number: int) -> Rejection:
    """A rejection at `place` ("2010BB/NM1/09") of the segment with that number in its transaction."""
    return Rejection(code=code, message=message, at=f"{place} segment {number}")


def missing(what: str, fix: str, place: str, number: int) -> Rejection:
    """A rejection for something required that was not sent."""
    return fault("missing-field", f"{what} is missing; {fix}", place, number)


def unreadable_date(what: str, place: str, number: int) -> Rejection:
    """A rejection for a date that is none."""
    return fault("wrong-type", f"{what} is no date; send a day of the calendar as YYYYMMDD", place, number)


def refused_by_model(error: ValidationError, numbers: Numbers, claim: Segment) -> Rejection:
    """The first thing the claim model refuses, said at its X12 place."""
    path = error.errors(include_url=False, include_context=False, include_input=False)[0]["loc"]
    known = _REFUSED.get(tuple(step for step in path if isinstance(step, str)))
    if known is None:
        return fault(
            "wrong-type",
            "a value of the claim is not of the type it must be; compare the claim with the 837P guide",
            "2300/CLM",
            claim.number,
        )
    place, what, example = known
    message = (
        f"{what} is no number; send digits with at most one decimal point, twelve before it and six after, as {example}"
    )
    return fault("wrong-type", message, place, numbers.get(path, claim.number))


def read_date(text: str) -> date | None:
    """The day of an X12 D8 value, YYYYMMDD; None when it is none."""
    if len(text) != len("YYYYMMDD") or not (text.isascii() and text.isdigit()):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def read_whole_number(text: str) -> int | None:
    """A count such as LX01 or a pointer of SV107; "1.00" is 1, as some senders write it. None when it is none."""
    digits, _, decimals = text.partition(".")
    if 0 < len(digits) <= len("999999") and digits.isascii() and digits.isdigit() and not decimals.strip("0"):
        return int(digits)
    return None
