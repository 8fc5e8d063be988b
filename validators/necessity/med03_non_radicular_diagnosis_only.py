"""MED-03 non-radicular-diagnosis-only: the diagnoses are of pain that does not come from a nerve root.

Why: complex regional pain syndrome, neuropathy of another cause, cervicogenic headache, strain and fracture are not
covered.
Fires: the diagnosis chain stops at step 6: no diagnosis supports the injection, none is axial pain, and one is in tier
T4_other.
Not: a diagnosis that fails MED-04 or is of another region (MED-05), or an exception (MED-17, 18, 19).
Source: multi-MAC LCD text on epidural steroid injections, not covered: CRPS, widespread, other neuropathy.
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
        f"no diagnosis of {line.code} on {line.service_date} is of a nerve root: {named(stop.diagnoses)}",
        line,
        observed={"procedure_code": line.code, "diagnoses": [*stop.diagnoses]},
    )


RULE = Rule(
    id="MED-03",
    name="non-radicular-diagnosis-only",
    severity="deny",
    needs=(Needs.CLAIM,),
    codes=ESI,
    carc="50",
    rarc=("N115",),
    suggestion="not covered",
    citation=section(MULTI_MAC_LCD, "not covered: CRPS, widespread, other neuropathy"),
    bypassed_by=("MED-02", "MED-04", "MED-05", "MED-17", "MED-18", "MED-19"),
    bypasses_itself=True,
    tables=("icd10cm",),
    check=check,
)
