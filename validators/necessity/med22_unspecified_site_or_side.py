"""MED-22 unspecified-site-or-side: a diagnosis leaves open where in the spine, or on which side.

Why: the record of an injection names the level and the side, so the diagnosis can.
Fires: the line points to a diagnosis of an unspecified site or side, and to none that supports the injection.
Not: a diagnosis that fails MED-04 or is of another region (MED-05), or an exception (MED-17, 18, 19).
Source: ICD-10-CM guidelines, highest specificity.
"""

from collections.abc import Iterator, Sequence
from string import digits

from schemas.decision import Citation
from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.necessity.chain import named, regions_of, stops
from validators.rule import Bypass, Found, Needs, Rule
from validators.wording import dotted, one_of

SPECIFIC = digits[1:]
ENDINGS = (*SPECIFIC, *(first + second for first in SPECIFIC for second in SPECIFIC))
"""What may stand in place of the last digit, a 0, of an unspecified code: one digit or two, not unspecified again."""


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Bypass]:
    """Look for an unspecified diagnosis where the diagnosis chain stops."""
    for line, stop in stops(lines, context):
        if by := stop.lifting(RULE):
            yield RULE.bypass(by)
            continue
        listed = context.diagnoses_listed("unspecified", line.service_date)
        if unspecified := [code for code in stop.diagnoses if code in listed]:
            yield RULE.finding(
                f"{line.code} on {line.service_date} points to a diagnosis of unspecified site or side: "
                f"{named(unspecified)}",
                line,
                suggestion=_fix(unspecified, line, context),
                observed={"procedure_code": line.code, "diagnoses": [*unspecified]},
            )


def _fix(unspecified: Sequence[str], line: Line, context: Context) -> str:
    """The billable codes of the line's region that say what those leave open, if there are any."""
    icd10cm = context.ruleset.reference.icd10cm
    assert icd10cm is not None, "the engine keeps rules asleep whose tables are not loaded"
    choices = []
    for code in unspecified:
        candidates = [code[:-1] + ending for ending in ENDINGS if code.endswith("0")]
        billable = [each for each in candidates if icd10cm.billable(each, line.service_date)]
        if specific := sorted(dotted(each) for each in billable if line.region in regions_of(each)):
            choices.append(f"{one_of(specific)} instead of {dotted(code)}")
    return "; ".join(["code the site or side that is documented", *choices])


RULE = Rule(
    id="MED-22",
    name="unspecified-site-or-side",
    severity="flag",
    needs=(Needs.CLAIM,),
    codes=ESI,
    carc="16",
    rarc=("M81",),
    suggestion="be specific",
    citation=Citation(document="ICD-10-CM guidelines", section="highest specificity", confidence="memory-high"),
    bypassed_by=("MED-04", "MED-05", "MED-17", "MED-18", "MED-19"),
    bypasses_itself=True,
    tables=("icd10cm",),
    check=check,
)
