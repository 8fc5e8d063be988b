"""A service line: `Claim.item`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Context, Decimal
from typing import Any, Final

from streams.intake.fhir.care_team import CareTeam
from streams.intake.fhir.codes import (
    NDC,
    PLACE_OF_SERVICE,
    PROCEDURES,
    REVENUE,
    code_of,
    code_of_any,
    text,
)
from streams.intake.fhir.elements import Quantity
from streams.intake.fhir.models import LineItem
from streams.intake.fhir.places import RefusedError, missing, not_a_day, read_day

_ONE: Final = Decimal(1)
_WIDE: Final = Context(prec=60)
"""Room for the product of three numbers of 18 digits: charges are never rounded."""

_SERVICE_UNITS: Final = {"UN": "UN", "MJ": "MJ", "MIN": "MJ"}
_DRUG_UNITS: Final = {"G": "GR", "MG": "ME", "IU": "F2", "[IU]": "F2"}


@dataclass(slots=True)
class Pointers:
    """The place of each diagnosis.sequence among the `count` diagnoses of a claim, from 1."""

    count: int = 0
    _places: dict[int, int] = field(default_factory=dict)

    def add(self, sequence: int | None) -> None:
        """The next diagnosis has this sequence."""
        self.count += 1
        if sequence is not None:
            self._places.setdefault(sequence, self.count)

    def to(self, sequence: int) -> int:
        """The place of a diagnosis; of one that is not there, a number that is none, so that a rule can find it."""
        return self._places.get(sequence) or (sequence if sequence > self.count else 0)


def read_line(item: LineItem, name: str, claim_at: str, pointers: Pointers, team: CareTeam) -> dict[str, Any]:
    """The fields of `schemas.claim.ServiceLine`; `name` is that of the item, as `item[0]`.

    Raises RefusedError when a required one is missing.
    """
    at = f"{claim_at}.{name}"
    if item.sequence is None:
        raise missing(f"{name}.sequence", "number the items 1, 2, 3", f"{at}.sequence")
    procedure = code_of(item.product_or_service, PROCEDURES)
    if procedure is None:
        fix = "send it with system http://www.ama-assn.org/go/cpt or that of HCPCS"
        raise missing(f"the CPT or HCPCS code of {name}", fix, f"{at}.productOrService")
    first_day, last_day = _days(item, name, at)
    return {
        "line_number": item.sequence,
        "procedure_code": procedure,
        "modifiers": tuple(code for one in item.modifier or () if (code := code_of_any(one, PROCEDURES))),
        "charge": _charge(item, name, at),
        "units": _count(item.quantity),
        "unit_type": _unit(item.quantity, _SERVICE_UNITS),
        "service_date_from": first_day,
        "service_date_to": last_day,
        "place_of_service": code_of_any(item.location_codeable_concept, PLACE_OF_SERVICE),
        "diagnosis_pointers": tuple(
            pointers.to(sequence) for sequence in item.diagnosis_sequence or () if sequence is not None
        ),
        "rendering_provider": team.of_line(item.care_team_sequence or ()),
        "drug": _drug(item),
        "revenue_code": code_of_any(item.revenue, REVENUE),
    }


def _days(item: LineItem, name: str, at: str) -> tuple[date, date | None]:
    period = item.serviced_period
    if written := text(item.serviced_date):
        return _day(written, f"{name}.servicedDate", f"{at}.servicedDate"), None
    if period is None:
        fix = "send the day, or servicedPeriod with its start"
        raise missing(f"{name}.servicedDate", fix, f"{at}.servicedDate")
    start, end = text(period.start), text(period.end)
    if start is None:
        raise missing(f"{name}.servicedPeriod.start", "send the first day", f"{at}.servicedPeriod.start")
    first_day = _day(start, f"{name}.servicedPeriod.start", f"{at}.servicedPeriod.start")
    return first_day, _day(end, f"{name}.servicedPeriod.end", f"{at}.servicedPeriod.end") if end else None


def _day(written: str, name: str, at: str) -> date:
    day = read_day(written)
    if day is None:
        raise not_a_day(name, at)
    return day


def _charge(item: LineItem, name: str, at: str) -> Decimal:
    if item.net is not None and item.net.value is not None:
        return item.net.value
    price = item.unit_price.value if item.unit_price is not None else None
    if price is None:
        fix = "send the charge of the line, or its unitPrice and quantity"
        raise missing(f"{name}.net", fix, f"{at}.net")
    factor = _ONE if item.factor is None else item.factor
    charge = _WIDE.multiply(_WIDE.multiply(price, _count(item.quantity)), factor)
    exponent = charge.as_tuple().exponent
    if charge.adjusted() >= 12 or not isinstance(exponent, int) or exponent < -6:
        what = f"{name}.net is missing, and unitPrice times quantity has more than twelve digits or six decimals"
        raise RefusedError("missing-field", f"{what}; send net", f"{at}.net")
    return charge


def _drug(item: LineItem) -> dict[str, Any] | None:
    for detail in item.detail or ():
        ndc = code_of(detail.product_or_service, NDC)
        if ndc is not None:
            unit = _unit(detail.quantity, _DRUG_UNITS) or _unit_as_sent(detail.quantity)
            return {
                "ndc": ndc,
                "quantity": detail.quantity.value if detail.quantity is not None else None,
                "unit": unit,
            }
    ndc = code_of(item.product_or_service, NDC)
    return {"ndc": ndc} if ndc is not None else None


def _count(quantity: Quantity | None) -> Decimal:
    return _ONE if quantity is None or quantity.value is None else quantity.value


def _unit(quantity: Quantity | None, known: Mapping[str, str]) -> str | None:
    sent = _unit_as_sent(quantity)
    return known.get(sent.upper()) if sent else None


def _unit_as_sent(quantity: Quantity | None) -> str | None:
    return (text(quantity.code) or text(quantity.unit)) if quantity is not None else None
