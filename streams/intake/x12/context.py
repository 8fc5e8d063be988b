"""The loops a claim hangs under: billing provider, subscriber with payer, patient (HL levels 20, 22 and 23)."""

from collections.abc import Callable
from typing import Any, ClassVar, Final

from schemas.claim import Relationship, Sequence
from schemas.rejection import Rejection
from streams.intake.x12.entities import Entity
from streams.intake.x12.places import missing
from streams.intake.x12.tokenizer import Segment

BILLING: Final = "20"
SUBSCRIBER: Final = "22"
PATIENT: Final = "23"
_HEADER: Final = ""
_UNKNOWN: Final = "?"

_LOOP_OF: Final = {
    (BILLING, "85"): "2010AA",
    (SUBSCRIBER, "IL"): "2010BA",
    (SUBSCRIBER, "PR"): "2010BB",
    (PATIENT, "QC"): "2010CA",
}
"""Loop by level and NM101. Pay-to address 2010AB and pay-to plan 2010AC (NM1*87, NM1*PE) are none a claim needs."""

_BELOW: Final = {
    BILLING: (SUBSCRIBER, PATIENT, _UNKNOWN),
    SUBSCRIBER: (SUBSCRIBER, PATIENT, _UNKNOWN),
    PATIENT: (PATIENT, _UNKNOWN),
    # A level that cannot be told may be another subscriber: a claim under it must not go to the one before.
    _UNKNOWN: (SUBSCRIBER, PATIENT, _UNKNOWN),
}
"""The levels a new HL ends, beside the level of the same kind."""

_RELATIONSHIPS: Final[dict[str, Relationship]] = {"01": "spouse", "19": "child"}
_SEQUENCES: Final[dict[str, Sequence]] = {"": "primary", "P": "primary", "U": "primary", "S": "secondary"}
"""SBR01; T and A to H (payer four to eleven) are all tertiary. U is "unknown", which leaves the payer first."""

Standing = dict[str, Any]
"""The fields of a claim that its loops give: payer, subscriber, patient, billing_provider."""


class Context:
    """Takes in every segment of a transaction before and between its claims, and says where a claim stands."""

    def __init__(self) -> None:
        self.levels: dict[str, list[Segment]] = {_HEADER: []}
        """The segments of the header (before the first HL) and of each open level, outermost first."""
        self._level = _HEADER
        self._entities: dict[str, Entity] = {}
        self._entity: Entity | None = None
        self._taxonomy = ""
        self._responsibility: Segment | None = None
        self._relation: Segment | None = None
        self._standing: Standing | Rejection | None = None

    @property
    def under_a_subscriber(self) -> bool:
        """Whether a claim may stand here: under an HL 22, or an HL 23 below it."""
        return SUBSCRIBER in self.levels

    @property
    def last(self) -> list[Segment]:
        """The segments of the level (or header) that is open."""
        return self.levels[self._level]

    def take(self, segment: Segment) -> None:
        """Take in the next segment."""
        self._standing = None
        handler = self._HANDLERS.get(segment.elements[0])
        if handler is not None:
            handler(self, segment)
        self.levels[self._level].append(segment)

    def misnested(self, segment: Segment) -> bool:
        """Whether the HL just taken names as its parent (HL02) another level than the one it is read under."""
        above = {SUBSCRIBER: BILLING, PATIENT: SUBSCRIBER}.get(self._level)
        parent = self.levels.get(above) if above else None
        return parent is not None and segment.value(2) != parent[0].value(1)

    def standing(self) -> Standing | Rejection:
        """What the loops say of the claims under them, or what they lack; worked out once for all claims of a level."""
        if self._standing is None:
            self._standing = self._read()
        return self._standing

    def _read(self) -> Standing | Rejection:
        lack = self._lack()
        if lack is not None:
            return lack
        billing = self._entities["2010AA"].provider()
        billing["taxonomy"] = self._taxonomy or billing["taxonomy"]
        subscriber = self._subscriber()
        if isinstance(subscriber, Rejection):
            return subscriber
        patient = None
        if PATIENT in self.levels:
            patient = self._entities["2010CA"].person()
            if isinstance(patient, Rejection):
                return patient
        return {
            "payer": self._payer(),
            "subscriber": subscriber,
            "patient": patient,
            "billing_provider": billing,
        }

    def _lack(self) -> Rejection | None:
        """The first required thing these loops do not say, in the order of the guide."""
        billing = self._entities.get("2010AA")
        if billing is None or not billing.npi:
            at = billing.name if billing else self._first(BILLING)
            place = "2010AA/NM1/09" if billing else "2010AA/NM1"
            return missing("billing provider NPI (NM109) of 2010AA", "send it in NM1*85 with XX", place, at.number)
        for loop, what, fix in (
            ("2010BA", "member id (NM109) of 2010BA", "send the member id in NM1*IL"),
            ("2010BB", "payer identifier (NM109) of 2010BB", "send the payer id in NM1*PR"),
        ):
            entity = self._entities.get(loop)
            if entity is None:
                return missing(what, fix, f"{loop}/NM1", self._first(SUBSCRIBER).number)
            if not entity.identifier:
                return missing(what, fix, f"{loop}/NM1/09", entity.name.number)
        if PATIENT in self.levels and "2010CA" not in self._entities:
            # Without its name the claim would pass for the subscriber's own.
            number = self._first(PATIENT).number
            return missing("patient name (NM1) of 2010CA", "send NM1*QC under the HL 23", "2010CA/NM1", number)
        return None

    def _first(self, level: str) -> Segment:
        found = self.levels.get(level) or self.levels[self._level]
        return found[0]

    def _payer(self) -> dict[str, Any]:
        payer = self._entities["2010BB"]
        sbr = self._responsibility
        return {
            "id": payer.identifier,
            "name": payer.name.value(3) or None,
            "filing_indicator": (sbr.value(9) or None) if sbr else None,
            "sequence": _SEQUENCES.get(sbr.value(1).upper(), "tertiary") if sbr else "primary",
        }

    def _subscriber(self) -> dict[str, Any] | Rejection:
        entity = self._entities["2010BA"]
        fields = entity.person()
        if isinstance(fields, dict):
            sbr = self._responsibility
            fields["member_id"] = entity.identifier
            fields["group_number"] = (sbr.value(3) or None) if sbr else None
            fields["relationship"] = self._relationship()
        return fields

    def _relationship(self) -> Relationship | None:
        """SBR02 when it says self (18), else PAT01 of the patient level."""
        if self._responsibility is not None and self._responsibility.value(2) == "18":
            return "self"
        code = self._relation.value(1) if self._relation is not None else ""
        return _RELATIONSHIPS.get(code, "other") if code else None

    def _open(self, segment: Segment) -> None:
        code = segment.value(3)
        level = code if code in _BELOW else _UNKNOWN
        for below in (level, *_BELOW[level]):
            self.levels.pop(below, None)
        self.levels[level] = []
        self._level = level
        self._entity = None
        self._relation = None
        self._entities.pop("2010CA", None)
        if level != PATIENT:
            self._responsibility = None
            self._entities.pop("2010BA", None)
            self._entities.pop("2010BB", None)
        if level == BILLING:
            self._taxonomy = ""
            self._entities.clear()

    def _named(self, segment: Segment) -> None:
        loop = _LOOP_OF.get((self._level, segment.value(1)))
        self._entity = Entity(loop, segment) if loop and loop not in self._entities else None
        if loop and self._entity is not None:
            self._entities[loop] = self._entity

    def _billing_specialty(self, segment: Segment) -> None:
        if self._level == BILLING and segment.value(1) == "BI":
            self._taxonomy = self._taxonomy or segment.value(3)

    def _payer_order(self, segment: Segment) -> None:
        if self._level == SUBSCRIBER:
            self._responsibility = self._responsibility or segment

    def _relation_to_subscriber(self, segment: Segment) -> None:
        # PAT also stands in 2000B (weight, death date), where PAT01 is not used.
        if self._level == PATIENT:
            self._relation = segment

    def _of_entity(self, segment: Segment) -> None:
        if self._entity is not None:
            self._entity.take(segment)

    _HANDLERS: ClassVar[dict[str, Callable[["Context", Segment], None]]] = {
        "HL": _open,
        "NM1": _named,
        "PRV": _billing_specialty,
        "SBR": _payer_order,
        "PAT": _relation_to_subscriber,
        "N3": _of_entity,
        "N4": _of_entity,
        "DMG": _of_entity,
        "REF": _of_entity,
    }
