"""A claim: CLM to the end of its last service line (loops 2300 to 2430)."""

from collections.abc import Callable
from typing import Any, ClassVar, Final

from pydantic import ValidationError

from schemas.claim import Claim
from schemas.rejection import Rejection
from streams.intake.items import Warned
from streams.intake.x12.context import Standing
from streams.intake.x12.entities import Entity
from streams.intake.x12.lines import OTHER_PAYER, LineReader
from streams.intake.x12.places import Numbers, fault, missing, read_date, refused_by_model
from streams.intake.x12.tokenizer import Segment

_ICD10: Final = ("ABK", "ABF")
_ICD9: Final = ("BK", "BF")
_DIAGNOSES: Final = _ICD10 + _ICD9
_PROVIDERS: Final = {
    "82": ("rendering_provider", "2310B"),
    "DN": ("referring_provider", "2310A"),
    "77": ("service_facility", "2310C"),
    "DQ": ("supervising_provider", "2310D"),
}
_AUTHORIZATIONS: Final = {"G1": "prior_authorization", "9F": "referral"}


class ClaimReader:
    """Reads the own segments of one claim; made anew for each CLM, so that no claim sees another's state."""

    def __init__(self, segments: list[Segment], component: str) -> None:
        self.warnings: list[Warned] = []
        self._component = component
        self._segments = segments
        self._clm = segments[0]
        self._fields: dict[str, Any] = {}
        self._fault: Rejection | None = None
        self._diagnoses: list[dict[str, str]] = []
        self._entities: dict[str, Entity] = {}
        self._entity: Entity | None = None
        self._line: LineReader | None = None
        self._lines: list[LineReader] = []
        self._authorizations: list[dict[str, str]] = []
        self._notes: list[dict[str, str]] = []
        self._attachments: list[dict[str, str | None]] = []
        self._accident: dict[str, Any] = {}

    def read(self, standing: Standing | Rejection, *, test: bool) -> Claim | Rejection:
        """The claim, or what keeps it from being one; `warnings` holds what did not."""
        self._take_claim(self._clm)
        table = self._OF_CLAIM
        for segment in self._segments[1:]:
            name = segment.elements[0]
            if name == "LX":
                self._take_line(segment)
            elif self._line is not None:
                self._line.take(segment)
            elif name == "SBR":
                # 2320 and 2330 tell of other payers: their names, dates and references are not of this claim.
                table = self._OF_OTHER_PAYER
            elif name in table:
                table[name](self, segment)
        return self._claim(standing, test=test)

    def _claim(self, standing: Standing | Rejection, *, test: bool) -> Claim | Rejection:
        if isinstance(standing, Rejection):
            return standing
        numbers: Numbers = {}
        lines = []
        for index, line in enumerate(self._lines):
            fields = line.fields()
            if isinstance(fields, Rejection):
                return self._lack() or self._fault or fields
            lines.append(fields)
            path = "service_lines", index
            numbers |= {(*path, "charge"): line.sv1, (*path, "units"): line.sv1, (*path, "drug", "quantity"): line.ctp}
            self._authorizations += line.referrals
            self._attachments += map(_attachment, line.attachments)
        rejection = self._lack() or self._fault
        if rejection is not None:
            return rejection
        self._fields |= standing
        self._fields |= {key: entity.provider() for key, entity in self._entities.items()}
        self._fields |= {
            "claim_type": "professional",
            "test": test,
            "service_lines": tuple(lines),
            "diagnoses": tuple(self._diagnoses),
            "authorizations": tuple(self._authorizations),
            "notes": tuple(self._notes),
            "attachments": tuple(self._attachments),
            "accident": self._accident or None,
        }
        try:
            return Claim.model_validate(self._fields)
        except ValidationError as error:
            return refused_by_model(error, numbers, self._clm)

    def _lack(self) -> Rejection | None:
        """The first required thing the claim itself does not say."""
        number = self._clm.number
        if not self._fields["claim_id"]:
            return missing("claim id (CLM01)", "send the patient control number", "2300/CLM/01", number)
        if not self._fields["total_charge"]:
            return missing("total charge (CLM02)", "send the sum of the line charges", "2300/CLM/02", number)
        if not self._diagnoses:
            return missing("diagnosis (HI) of 2300", "send the principal one in HI with ABK", "2300/HI", number)
        if not self._lines and self._fault is None:
            return missing("service line (LX, SV1) of 2400", "send LX and SV1 for each service", "2400/LX", number)
        return None

    def _take_claim(self, clm: Segment) -> None:
        """CLM01 id, CLM02 charge, CLM05 place of service and frequency, CLM11 accident."""
        place = clm.value(5)
        self._read_component(place)
        facility = place.split(self._component)
        self._fields = {
            "claim_id": clm.value(1),
            "total_charge": clm.value(2),
            "place_of_service": facility[0] or None,
        }
        frequency = facility[2].strip() if len(facility) > 2 else ""
        if frequency:
            self._fields["frequency_code"] = frequency
        cause = [part.strip() for part in clm.value(11).split(self._component)]
        if any(cause):
            # CLM11-1 to -3 are causes (AA auto, EM employment, OA other), CLM11-4 the state of an auto accident.
            state = cause[3] if len(cause) > 3 else ""
            self._accident = {"cause": [code for code in cause[:3] if code], "state": state or None, "date": None}

    def _read_component(self, place: str) -> None:
        """Find the component separator the claim really uses.

        Some senders declare one in ISA16 and write another; CLM05 ("11:B:1") shows it, as its three parts are letters
        and digits.
        """
        if self._component in place:
            return
        others = [character for character in place if not character.isalnum() and not character.isspace()]
        if len(others) == 2 and others[0] == others[1]:
            self._component = others[0]
            self._warn("the claim uses another component separator than ISA16 declares; declare it there", "CLM/05")

    def _take_diagnoses(self, segment: Segment) -> None:
        """HI: qualifier and code in each composite; ABK, ABF and, of old, BK, BF are diagnoses."""
        elements = segment.elements
        position = 1
        old = False
        while position < len(elements):
            parts = elements[position].split(self._component)
            qualifier = parts[0].strip().upper()
            position += 1
            if qualifier not in _DIAGNOSES:
                continue
            code = parts[1] if len(parts) > 1 else ""
            if len(parts) == 1 and position < len(elements) and self._stands_alone(elements[position]):
                # Some senders write HI*BK*8901: the code is in the element after its qualifier.
                code = elements[position]
                position += 1
                self._warn(
                    "a diagnosis code stands apart from its qualifier; send them as one composite", "HI", segment
                )
            if code.strip(" ."):
                self._diagnoses.append({"code": code})
                old = old or qualifier in _ICD9
        if old:
            self._warn("BK and BF announce ICD-9 codes, which are read as ICD-10-CM; send ABK and ABF", "HI", segment)

    def _stands_alone(self, element: str) -> bool:
        return bool(element.strip()) and self._component not in element and element.strip().upper() not in _DIAGNOSES

    def _take_reference(self, segment: Segment) -> None:
        """REF*G1 and REF*9F for this payer, REF*F8 the payer's number of the original claim."""
        qualifier, number = segment.value(1), segment.value(2)
        if not number:
            return
        if qualifier == "F8":
            self._fields.setdefault("original_reference", number)
        elif qualifier in _AUTHORIZATIONS and segment.value(4).split(self._component)[0] != OTHER_PAYER:
            self._authorizations.append({"number": number, "kind": _AUTHORIZATIONS[qualifier]})
        elif self._entity is not None:
            self._entity.take(segment)

    def _take_date(self, segment: Segment) -> None:
        """DTP*439, the day of the accident."""
        if segment.value(1) == "439":
            day = read_date(segment.value(3))
            if day is None:
                self._warn("the accident date is no date and is left out; send YYYYMMDD", "DTP/03", segment)
            else:
                self._accident = {"cause": [], "state": None} | self._accident | {"date": day.isoformat()}

    def _take_note(self, segment: Segment) -> None:
        self._notes.append({"code": segment.value(1), "text": segment.value(2)})

    def _take_attachment(self, segment: Segment) -> None:
        self._attachments.append(_attachment(segment))

    def _take_name(self, segment: Segment) -> None:
        """2310A to 2310D; the first of each kind, as P3 (primary care) may follow DN in 2310A."""
        self._entity = None
        field, loop = _PROVIDERS.get(segment.value(1), ("", ""))
        if field and field not in self._entities:
            self._entities[field] = self._entity = Entity(loop, segment)

    def _take_of_provider(self, segment: Segment) -> None:
        if self._entity is not None:
            self._entity.take(segment)

    def _take_line(self, segment: Segment) -> None:
        self._line = LineReader(segment, self._component)
        self._lines.append(self._line)

    def _take_stray_service(self, segment: Segment) -> None:
        what = "service (SV1) stands under no line; send LX before it"
        self._fault = self._fault or fault("misplaced-segment", what, "2400/SV1", segment.number)

    def _warn(self, message: str, place: str, segment: Segment | None = None) -> None:
        number = (segment or self._clm).number
        self.warnings.append(Warned(message, f"2300/{place} segment {number}"))

    _OF_CLAIM: ClassVar[dict[str, Callable[["ClaimReader", Segment], None]]] = {
        "HI": _take_diagnoses,
        "REF": _take_reference,
        "DTP": _take_date,
        "NTE": _take_note,
        "PWK": _take_attachment,
        "NM1": _take_name,
        "N3": _take_of_provider,
        "N4": _take_of_provider,
        "PRV": _take_of_provider,
        "SV1": _take_stray_service,
    }
    _OF_OTHER_PAYER: ClassVar[dict[str, Callable[["ClaimReader", Segment], None]]] = {"SV1": _take_stray_service}


def _attachment(segment: Segment) -> dict[str, str | None]:
    """PWK01 type of report, PWK02 how it is sent, PWK06 its control number."""
    return {
        "type": segment.value(1) or None,
        "transmission": segment.value(2) or None,
        "control_number": segment.value(6) or None,
    }
