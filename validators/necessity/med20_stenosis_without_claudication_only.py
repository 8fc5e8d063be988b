"""MED-20 stenosis-without-claudication-only: lumbar stenosis without claudication is the only reason given.

Why: M48.061 was taken off the list; with neurogenic claudication the code is M48.062, which is on it.
Fires: the diagnosis chain stops at step 3 (only weak support) and every such diagnosis is M48.061.
Not: a payer it is out of scope for hears MED-01 instead; a diagnosis that fails MED-04, or an exception (MED-17 to 19).
Source: revision history of a MAC article, M48.061 deleted.
"""

from collections.abc import Iterator, Sequence

from schemas.decision import Citation
from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.necessity.chain import Stop, judged
from validators.rule import Bypass, Found, Needs, Rule


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Bypass]:
    """Ask the diagnosis chain of each line."""
    return judged(RULE, lines, context, _finding)


def _finding(line: Line, _stop: Stop) -> Found:
    return RULE.finding(
        f"{line.code} on {line.service_date} rests on M48.061, stenosis without neurogenic claudication",
        line,
        observed={"procedure_code": line.code, "diagnosis": "M48061"},
    )


RULE = Rule(
    id="MED-20",
    name="stenosis-without-claudication-only",
    severity="flag",
    needs=(Needs.CLAIM,),
    codes=ESI,
    carc="50",
    rarc=("N115",),
    suggestion="claudication documented? then M48.062",
    citation=Citation(
        document="Revision history of a MAC ESI article", section="M48.061 deleted", confidence="second-hand"
    ),
    bypassed_by=("MED-04", "MED-17", "MED-18", "MED-19"),
    bypasses_itself=True,
    tables=("icd10cm",),
    check=check,
)
