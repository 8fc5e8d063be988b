"""MED-02 axial-pain-diagnosis-only: the diagnoses say nothing beyond pain along the spine.

Why: axial or non-specific pain without a radicular cause is not covered.
Fires: the diagnosis chain stops at step 5: no diagnosis supports the injection, and one is in tier T4_axial.
Not: a diagnosis that fails MED-04 or is of another region (MED-05), or an exception (MED-17, 18, 19).
Source: multi-MAC LCD text on epidural steroid injections, not covered: axial or non-specific pain.
"""

from collections.abc import Iterator, Sequence

from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.necessity.chain import Stop, judged, named
from validators.rule import Bypass, Found, Needs, Rule
from validators.sources import MULTI_MAC_LCD, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Bypass]:
    """Ask the diagnosis chain of each line."""
    return judged(RULE, lines, context, _finding)


def _finding(line: Line, stop: Stop) -> Found:
    return RULE.finding(
        f"the diagnoses of {line.code} on {line.service_date} say no more than axial pain: {named(stop.diagnoses)}",
        line,
        observed={"procedure_code": line.code, "diagnoses": [*stop.diagnoses]},
    )


RULE = Rule(
    id="MED-02",
    name="axial-pain-diagnosis-only",
    severity="deny",
    needs=(Needs.CLAIM,),
    codes=ESI,
    carc="50",
    rarc=("N115",),
    suggestion="not covered; do not upcode",
    citation=section(MULTI_MAC_LCD, "not covered: axial or non-specific pain"),
    bypassed_by=("MED-04", "MED-05", "MED-17", "MED-18", "MED-19"),
    bypasses_itself=True,
    tables=("icd10cm",),
    check=check,
)
