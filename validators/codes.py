"""What the procedure codes of spinal epidural injections are: approach, region, guidance (code card of the rules).

CPT codes (c) American Medical Association; the wording is our own.
"""

from typing import Literal

Region = Literal["cervical_thoracic", "lumbar_sacral"]

INTERLAMINAR = frozenset({"62320", "62321", "62322", "62323"})
CATHETER = frozenset({"62324", "62325", "62326", "62327"})
TRANSFORAMINAL = frozenset({"64479", "64480", "64483", "64484"})
PRIMARY_OF = {"64480": "64479", "64484": "64483"}
ADD_ON_OF = {primary: add_on for add_on, primary in PRIMARY_OF.items()}
ADD_ON = frozenset(PRIMARY_OF)
PRIMARY = frozenset(PRIMARY_OF.values())
EPIDURAL = INTERLAMINAR | CATHETER
"""62320-62327: given between the laminae, as one injection or through a catheter."""

ESI = EPIDURAL | TRANSFORAMINAL
RETIRED_ESI = frozenset({"62310", "62311", "62318", "62319"})
RETIRED_ULTRASOUND = frozenset({"0228T", "0229T", "0230T", "0231T"})
RETIRED_RELATED = RETIRED_ULTRASOUND | {"72275", "01935", "01936"}
IN_SCOPE = ESI | RETIRED_ESI | RETIRED_ULTRASOUND
"""A claim with one of these is what the injection rules are about; any other is out of scope."""

_CERVICAL_THORACIC = frozenset({"62320", "62321", "62324", "62325", "64479", "64480"})
REGION: dict[str, Region] = {
    code: "cervical_thoracic" if code in _CERVICAL_THORACIC else "lumbar_sacral" for code in ESI
}
GUIDED = frozenset({"62321", "62323", "62325", "62327"}) | TRANSFORAMINAL
GUIDED_TWIN = {"62320": "62321", "62322": "62323", "62324": "62325", "62326": "62327"}

IMAGING = frozenset({"77001", "77002", "77003", "77012", "76942", "76000", "76998"})
CISTERNOGRAPHY = "78630"
VISITS = frozenset(str(code) for code in range(99202, 99500))
"""Evaluation and management: the codes 99202-99499."""

STEROIDS = frozenset({"J0702", "J1010", "J1020", "J1030", "J1040", "J1100", "J3300", "J3301"})
CONTRAST = frozenset({"Q9965", "Q9966", "Q9967"})
LOCAL_ANESTHETICS = frozenset({"J0665", "J2001", "J2002", "J2003", "J2004", "J2795", "S0020"})
"""What is injected beside the procedure code; `reference.drugs` holds what these codes are."""

NCCI_X_MODIFIERS = frozenset({"59", "XE", "XP", "XS", "XU"})
"""The modifiers that say a second service was separate from the first."""

LEFT_OR_RIGHT = frozenset({"LT", "RT"})
SIDE_MODIFIERS = LEFT_OR_RIGHT | {"50"}
