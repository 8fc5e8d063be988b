"""DRUG-12 drug-included-in-bcbsms: a drug is billed beside an injection whose payment includes it.

Why: Blue Cross Blue Shield of Mississippi does not pay drugs of the injection separately.
Fires: a line of a J code or contrast has the date of an injection line.
Source: BCBS Mississippi policy L.2.01.416.
"""

from collections.abc import Iterator, Sequence

from schemas.decision import Citation
from validators.codes import CONTRAST, ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Look for drugs on the date of each injection."""
    days = {line.service_date for line in lines}
    for line in context.lines:
        if (line.code.startswith("J") or line.code in CONTRAST) and line.service_date in days:
            yield RULE.finding(
                f"{line.code} is billed with the injection on {line.service_date}; the payer includes drugs in it",
                line,
                suggestion=f"remove the {line.code} line: the payment of the injection includes it",
                observed={"procedure_code": line.code},
            )


RULE = Rule(
    id="DRUG-12",
    name="drug-included-in-bcbsms",
    severity="deny",
    needs=(Needs.CLAIM,),
    codes=ESI,
    carc="97",
    suggestion="included",
    citation=Citation(
        document="BCBS Mississippi policy L.2.01.416", section="drug not paid separately", confidence="found"
    ),
    check=check,
)
