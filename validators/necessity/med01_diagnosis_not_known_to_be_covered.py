"""MED-01 diagnosis-not-known-to-be-covered: no diagnosis of the injection is one that is known to be covered.

Why: coverage lists the diagnoses that an injection of a region may be for; the lists themselves were not retrieved, so
this is a flag.
Fires: the diagnosis chain stops at step 3 (only weak support, tier T3) or at step 7 (no tier at all).
Not: M48.061 alone where MED-20 tells of it; a diagnosis that fails MED-04, or an exception (MED-17, 18, 19).
Source: multi-MAC LCD text on epidural steroid injections, covered indications.
"""

from collections.abc import Iterator, Sequence

from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.necessity.chain import Stop, judged, named
from validators.necessity.exceptions import POST_OPERATIVE_CODES, is_post_operative
from validators.rule import Bypass, Found, Needs, Rule
from validators.sources import MULTI_MAC_LCD, section

POST_OPERATIVE = (
    "post-operative pain is excepted with 62321, 62323 and 64479-64484 only: check the code, or code the documented "
    "radicular cause"
)


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Bypass]:
    """Ask the diagnosis chain of each line."""
    return judged(RULE, lines, context, lambda line, stop: _finding(line, stop, context))


def _finding(line: Line, stop: Stop, context: Context) -> Found:
    excepted_otherwise = line.code not in POST_OPERATIVE_CODES and is_post_operative(line, context)
    return RULE.finding(
        f"no diagnosis of {line.code} on {line.service_date} is known to be covered: {named(stop.diagnoses)}",
        line,
        suggestion=POST_OPERATIVE if excepted_otherwise else None,
        observed={"procedure_code": line.code, "diagnoses": [*stop.diagnoses]},
    )


RULE = Rule(
    id="MED-01",
    name="diagnosis-not-known-to-be-covered",
    severity="flag",
    needs=(Needs.CLAIM,),
    codes=ESI,
    carc="50",
    rarc=("N115",),
    suggestion="code the documented radicular cause",
    citation=section(MULTI_MAC_LCD, "covered indications; MAC Group 1 lists", "memory-medium"),
    bypassed_by=("MED-02", "MED-03", "MED-04", "MED-05", "MED-17", "MED-18", "MED-19", "MED-20"),
    bypasses_itself=True,
    tables=("icd10cm",),
    check=check,
)
