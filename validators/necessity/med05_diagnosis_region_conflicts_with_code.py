"""MED-05 diagnosis-region-conflicts-with-code: the diagnosis is of one spinal region, the injection of the other.

Why: a cervical diagnosis cannot be the reason for a lumbar injection; one of the two is mixed up.
Fires: the diagnosis chain stops at step 4: no diagnosis supports the injection, one is of the other region, and none
of the injection's.
Not: a diagnosis that fails MED-04, or an exception (MED-17, 18, 19).
Source: ICD-10-CM tabular list, region digits.
"""

from collections.abc import Iterator, Sequence

from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.necessity.chain import Stop, judged, named, regions_of
from validators.rule import Bypass, Found, Needs, Rule
from validators.sources import ICD10CM, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Bypass]:
    """Ask the diagnosis chain of each line."""
    return judged(RULE, lines, context, _finding)


def _finding(line: Line, stop: Stop) -> Found:
    conflicting = [code for code in stop.diagnoses if regions_of(code)]
    return RULE.finding(
        f"{line.code} on {line.service_date} points to a diagnosis of another spinal region: {named(conflicting)}",
        line,
        observed={"procedure_code": line.code, "diagnoses": [*conflicting]},
        expected={"region": line.region},
    )


RULE = Rule(
    id="MED-05",
    name="diagnosis-region-conflicts-with-code",
    severity="deny",
    needs=(Needs.CLAIM,),
    codes=ESI,
    carc="11",
    rarc=("N569",),
    suggestion="make diagnosis and procedure agree",
    citation=section(ICD10CM, "region digits"),
    bypassed_by=("MED-04", "MED-17", "MED-18", "MED-19"),
    bypasses_itself=True,
    tables=("icd10cm",),
    check=check,
)
