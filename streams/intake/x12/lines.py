"""A service line: LX, SV1 and the loops below them (2400, 2410, 2420A)."""

from collections.abc import Callable
from typing import Any, ClassVar

from schemas.rejection import Rejection
from streams.intake.x12.entities import Entity
from streams.intake.x12.places import fault, missing, read_date, read_whole_number, unreadable_date
from streams.intake.x12.tokenizer import Segment

OTHER_PAYER = "2U"
"""REF04-1 of an authorization that holds for another payer of the claim than the one it is sent to."""


class LineReader:
    """Takes in the segments of one LX and gives the fields of `schemas.claim.ServiceLine`."""

    def __init__(self, lx: Segment, component: str) -> None:
        self._component = component
        self._lx = lx
        self._fault: Rejection | None = None
        self._fields: dict[str, Any] = {}
        self._service: Segment | None = None
        self._entity: Entity | None = None
        self._rendering: Entity | None = None
        self._drug: dict[str, Any] | None = None
        self._notes: list[str] = []
        self.referrals: list[dict[str, str]] = []
        """Those of the line are the claim's: its own model has no place for them."""
        self.attachments: list[Segment] = []
        self.sv1 = lx.number
        """The number of the SV1 segment, for what the model refuses of it; so `ctp`."""
        self.ctp = lx.number

    def take(self, segment: Segment) -> None:
        """Take in the next segment; those a claim does not need are passed over."""
        handler = self._HANDLERS.get(segment.elements[0])
        if handler is not None:
            handler(self, segment)

    def fields(self) -> dict[str, Any] | Rejection:
        """The line; a rejection when something required is not there or a value has the wrong type."""
        line_number = read_whole_number(self._lx.value(1))
        rejection = self._lack() or self._fault
        if rejection is not None:
            return rejection
        if line_number is None:
            what = "line number (LX01) is no count; send 1, 2, 3 in order"
            return fault("wrong-type", what, "2400/LX/01", self._lx.number)
        fields = self._fields
        fields["line_number"] = line_number
        if self._rendering is not None:
            fields["rendering_provider"] = self._rendering.provider()
        if self._drug is not None:
            fields["drug"] = self._drug
        if self._notes:
            fields["note"] = " ".join(self._notes)
        return fields

    def _lack(self) -> Rejection | None:
        """The first required thing the line does not say."""
        number = self._lx.number
        if not self._lx.value(1):
            return missing("line number (LX01)", "send LX*1, LX*2 in order", "2400/LX/01", number)
        if self._service is None:
            return missing("service (SV1) of the line", "send one SV1 after LX", "2400/SV1", number)
        for field, what, fix, place in (
            (
                "procedure_code",
                "procedure code (SV101-2)",
                "send it after HC and the component separator",
                "2400/SV1/01",
            ),
            ("charge", "line charge (SV102)", "send the charge, 0 included", "2400/SV1/02"),
            ("units", "units (SV104)", "send the count of units or minutes", "2400/SV1/04"),
        ):
            if not self._fields[field]:
                return missing(what, fix, place, self.sv1)
        if "service_date_from" not in self._fields and self._fault is None:
            return missing("service date (DTP*472) of the line", "send DTP*472*D8 after SV1", "2400/DTP", number)
        return None

    def _take_service(self, segment: Segment) -> None:
        """SV101 HC:code:modifiers, charge, unit, units, place of service, pointers (SV107)."""
        if self._service is not None:
            what = "a second service (SV1) stands under one LX; send an LX before each SV1"
            self._refuse(fault("misplaced-segment", what, "2400/SV1", segment.number))
            return
        self._service = segment
        self.sv1 = segment.number
        procedure = segment.value(1).split(self._component)
        self._fields |= {
            "procedure_code": procedure[1].strip() if len(procedure) > 1 else "",
            "modifiers": tuple(modifier for modifier in procedure[2:6] if modifier.strip()),
            "charge": segment.value(2),
            "unit_type": segment.value(3) or None,
            "units": segment.value(4),
            "place_of_service": segment.value(5) or None,
        }
        pointers = [
            read_whole_number(pointer) for pointer in segment.value(7).split(self._component) if pointer.strip()
        ]
        numbers = tuple(pointer for pointer in pointers if pointer is not None)
        if len(numbers) < len(pointers):
            what = "diagnosis pointer (SV107) is no count; send positions of HI such as 1 or 2"
            self._refuse(fault("wrong-type", what, "2400/SV1/07", segment.number))
        self._fields["diagnosis_pointers"] = numbers

    def _take_date(self, segment: Segment) -> None:
        """DTP*472 as D8 or RD8; told apart by its shape because the qualifier is often the wrong one."""
        if segment.value(1) != "472" or "service_date_from" in self._fields or not segment.value(3):
            return
        first, dash, last = segment.value(3).partition("-")
        start = read_date(first.strip())
        end = read_date(last.strip()) if dash else None
        if start is None or (dash and end is None):
            self._refuse(unreadable_date("service date (DTP03)", "2400/DTP/03", segment.number))
            return
        self._fields["service_date_from"] = start
        self._fields["service_date_to"] = end

    def _take_reference(self, segment: Segment) -> None:
        """REF*6R line control number, REF*G1 authorization, REF*9F referral.

        Of several authorizations the first is the line's. The others are no number of other lines, so not the claim's.
        """
        qualifier, number = segment.value(1), segment.value(2)
        if not number:
            return
        if qualifier == "6R":
            self._fields.setdefault("control_number", number)
        elif qualifier in ("G1", "9F") and segment.value(4).split(self._component)[0] != OTHER_PAYER:
            if qualifier == "G1":
                self._fields.setdefault("authorization_number", number)
            else:
                self.referrals.append({"number": number, "kind": "referral"})

    def _take_note(self, segment: Segment) -> None:
        if segment.value(2):
            self._notes.append(segment.value(2))

    def _take_attachment(self, segment: Segment) -> None:
        self.attachments.append(segment)

    def _take_drug(self, segment: Segment) -> None:
        if segment.value(2) == "N4" and self._drug is None:
            self._drug = {"ndc": segment.value(3) or None}

    def _take_drug_quantity(self, segment: Segment) -> None:
        # CTP04 quantity, CTP05-1 unit; CTP stands after its LIN, and one without LIN names no drug.
        if self._drug is not None and "unit" not in self._drug:
            self.ctp = segment.number
            self._drug["quantity"] = segment.value(4) or None
            self._drug["unit"] = segment.value(5).split(self._component)[0] or None

    def _take_name(self, segment: Segment) -> None:
        self._entity = None
        if segment.value(1) == "82" and self._rendering is None:
            self._rendering = self._entity = Entity("2420A", segment)

    def _take_specialty(self, segment: Segment) -> None:
        if self._entity is not None:
            self._entity.take(segment)

    def _take_adjudication(self, _segment: Segment) -> None:
        # SVD opens 2430, what another payer decided of the line; its dates and amounts are not of this claim.
        self._entity = None

    def _refuse(self, rejection: Rejection) -> None:
        self._fault = self._fault or rejection

    _HANDLERS: ClassVar[dict[str, Callable[["LineReader", Segment], None]]] = {
        "SV1": _take_service,
        "DTP": _take_date,
        "REF": _take_reference,
        "NTE": _take_note,
        "PWK": _take_attachment,
        "LIN": _take_drug,
        "CTP": _take_drug_quantity,
        "NM1": _take_name,
        "PRV": _take_specialty,
        "SVD": _take_adjudication,
    }
