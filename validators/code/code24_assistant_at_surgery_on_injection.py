"""CODE-24 assistant-at-surgery-on-injection: an assistant at an injection is billed.

Why: the fee schedule gives injections the assistant indicator 1: Medicare does not pay one.
Fires: an injection line carries 80, 81, 82 or AS.
Source: Medicare physician fee schedule, assistant indicator 1.
"""

from collections.abc import Iterator, Sequence

from validators.code.modifiers import indicators, misplaced
from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import FEE_SCHEDULE, section

ASSISTANT = frozenset({"80", "81", "82", "AS"})


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Tell of each line that an assistant is not paid."""
    for line in lines:
        why = "an assistant at an injection is not paid"
        yield misplaced(RULE, line, ASSISTANT, why, assistant_indicator=indicators(line, context).assistant)


RULE = Rule(
    id="CODE-24",
    name="assistant-at-surgery-on-injection",
    severity="deny",
    needs=(Needs.CLAIM,),
    codes=ESI,
    modifiers=ASSISTANT,
    carc="54",
    suggestion="remove the assistant",
    citation=section(FEE_SCHEDULE, "assistant indicator 1"),
    tables=("fee_schedule",),
    check=check,
)
