"""Which kind of transaction an ST opens, and in words why one other than 837P 005010 is not read."""

import re
from typing import Final

from schemas.rejection import Rejection
from streams.intake.x12.places import fault
from streams.intake.x12.tokenizer import Segment

SERVICES: Final = frozenset({"SV1", "SV2", "SV3"})
"""The first of these in a transaction tells professional, institutional and dental claims apart."""

_FIX: Final = "send 837P professional claims (005010X222A1)"
_AUTHORIZATION_FIX: Final = "give a prior authorization with --authorizations, and here only claims"
_SET_NAMES: Final = {
    "269": "269 benefit coordination",
    "270": "270 eligibility inquiry",
    "271": "271 eligibility response",
    "275": "275 attachment",
    "276": "276 claim status request",
    "277": "277 claim status response or acknowledgement",
    "820": "820 premium payment",
    "824": "824 application advice",
    "834": "834 benefit enrollment",
    "835": "835 remittance advice",
    "864": "864 text message",
    "997": "997 functional acknowledgement",
    "999": "999 implementation acknowledgement",
}
_PROFESSIONAL: Final = "837P professional claims"
_INSTITUTIONAL: Final = "837I institutional claims"
_DENTAL: Final = "837D dental claims"
_GUIDES: Final = {
    "X222": _PROFESSIONAL,
    "X223": _INSTITUTIONAL,
    "X224": _DENTAL,
    "X298": _PROFESSIONAL,  # post-adjudicated claims, as X299 and X300
    "X299": _INSTITUTIONAL,
    "X300": _DENTAL,
    "X098": _PROFESSIONAL,  # 4010, as X096 and X097
    "X096": _INSTITUTIONAL,
    "X097": _DENTAL,
}
_OF_SERVICE: Final = {"SV2": _INSTITUTIONAL, "SV3": _DENTAL}
_GUIDE = re.compile(r"([0-9]{6})(X[0-9]{3})?(?:A[0-9])?")


class Kind:
    """What ST01, ST03 and GS08 say a transaction is."""

    def __init__(self, transaction: Segment | None, group: Segment | None) -> None:
        self._set = (transaction.value(1) if transaction else "") or "837"
        # ST03 is of this transaction; GS08 is of all of its group, and some groups mix guides.
        named = [
            (segment.value(position), f"{segment.elements[0]}/{position:02d} segment {segment.number}")
            for segment, position in ((transaction, 3), (group, 8))
            if segment is not None
        ]
        known = [(guide, at) for guide, at in named if _GUIDE.fullmatch(guide)]
        self._guide, self._at = known[0] if known else ("", "ST/01 segment 1")

    def refusal(self, service: str | None) -> Rejection | None:
        """Why its claims are not read, None for 837P 005010.

        `service` is the first of SERVICES in it; None asks what can be said before one is met, "" after all were seen.
        """
        if self._set == "278":
            what = f"278 prior authorization is no claim; {_AUTHORIZATION_FIX}"
            return fault("not-a-claim", what, "ST/01", 1)
        if self._set != "837":
            name = _SET_NAMES.get(self._set, "this transaction set")
            return fault("unsupported-transaction", f"{name} is not read; {_FIX}", "ST/01", 1)
        version, number = self._version()
        kind = _GUIDES.get(number or "", _PROFESSIONAL)
        if version and not version.startswith("00501"):
            what = f"{kind} of another version ({self._guide}) are not read; {_FIX}"
            return Rejection(code="unsupported-transaction", message=what, at=self._at)
        if kind == _PROFESSIONAL:
            # Institutional or dental lines under a professional label are what they are, not what they are called.
            kind = _OF_SERVICE.get(service or "", _PROFESSIONAL)
        if kind == _PROFESSIONAL:
            return None
        named = f"{kind} ({self._guide})" if self._guide else kind
        return Rejection(code="unsupported-transaction", message=f"{named} are not read yet; {_FIX}", at=self._at)

    def _version(self) -> tuple[str, str | None]:
        match = _GUIDE.fullmatch(self._guide)
        return (match[1], match[2]) if match else ("", None)
