"""CLM-07 duplicate-diagnosis: the claim lists a diagnosis twice.

Why: the second says nothing, and some payers return the claim for it.
Fires: the same code stands more than once among the diagnoses.
Source: 837P 005010X222A1 guide, HI.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from validators.claim.sound import sound_form
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import CLAIM_GUIDE, section
from validators.wording import dotted


def check(_lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Count each code."""
    codes = context.diagnoses
    for code, count in Counter(codes).items():
        if count > 1:
            second = codes.index(code, codes.index(code) + 1)
            yield RULE.finding(
                f"diagnosis {dotted(code)} is listed {count} times",
                at=f"/diagnoses/{second}/code",
                observed={"diagnosis": dotted(code)},
            )


RULE = Rule(
    id="CLM-07",
    name="duplicate-diagnosis",
    severity="flag",
    needs=(Needs.CLAIM,),
    carc="16",
    rarc=("M76",),
    suggestion="list it once",
    citation=section(CLAIM_GUIDE, "HI", "memory-high"),
    every_claim=True,
    look=sound_form,
    check=check,
)
