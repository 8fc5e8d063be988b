"""CLM-12 state-code-invalid: the state of an address is none.

Why: the payer routes a claim by its states, and coverage depends on the state of service.
Fires: a state is given that is not one of the 50, DC, AS, GU, MP, PR, VI, UM, or of the armed forces AA, AE, AP.
Source: 837P 005010X222A1 guide, N402.
"""

from collections.abc import Iterator, Sequence

from validators.claim.naming import addresses
from validators.claim.shapes import STATES
from validators.claim.sound import sound_form
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import CLAIM_GUIDE, section


def check(_lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Look at the state of every address."""
    for place, address in addresses(context.claim):
        if address.state and address.state not in STATES:
            yield RULE.finding(
                f"the state of the {place.words} is no code of a US state, territory or armed forces region",
                at=place.pointer("address/state"),
            )


RULE = Rule(
    id="CLM-12",
    name="state-code-invalid",
    severity="flag",
    needs=(Needs.CLAIM,),
    carc="16",
    suggestion="correct it",
    citation=section(CLAIM_GUIDE, "N402"),
    every_claim=True,
    look=sound_form,
    check=check,
)
