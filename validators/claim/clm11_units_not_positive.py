"""CLM-11 units-not-positive: a line bills nothing, or less.

Why: a service that was given has at least part of a unit; a payer returns the line.
Fires: the units of a line are 0 or negative.
Source: 837P 005010X222A1 guide, SV104.
"""

from collections.abc import Iterator, Sequence

from validators.claim.sound import sound_form
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import CLAIM_GUIDE, section


def check(lines: Sequence[Line], _context: Context) -> Iterator[Found]:
    """Look at the units of each line."""
    for line in lines:
        if line.units <= 0:
            yield RULE.finding(
                f"{line.code} is billed with {line.units:f} units; a line takes more than 0",
                line,
                at=line.at("units"),
                observed={"units": f"{line.units:f}"},
                expected={"more_than": "0"},
            )


RULE = Rule(
    id="CLM-11",
    name="units-not-positive",
    severity="deny",
    needs=(Needs.CLAIM,),
    carc="16",
    rarc=("M53",),
    suggestion="correct the units",
    citation=section(CLAIM_GUIDE, "SV104"),
    every_claim=True,
    look=sound_form,
    check=check,
)
