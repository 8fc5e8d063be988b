"""GUID-09 radiation-guidance-in-pregnancy: a code with imaging stands beside a diagnosis of pregnancy.

Why: fluoroscopy and CT are avoided in pregnancy, so one of the two is likely a slip.
Fires: a diagnosis of the claim is Z33.1 or begins with O, and an injection line has a code with imaging.
Source: plausibility.
"""

from collections.abc import Iterator, Sequence

from schemas.decision import Citation
from validators.codes import GUIDED
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule

PREGNANT_STATE = "Z331"
OBSTETRIC_CHAPTER = "O"


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Look for a diagnosis of pregnancy anywhere on the claim."""
    if not any(code == PREGNANT_STATE or code.startswith(OBSTETRIC_CHAPTER) for code in context.diagnoses):
        return
    for line in lines:
        yield RULE.finding(
            f"{line.code}, a code with imaging, is billed on {line.service_date} with a diagnosis of pregnancy",
            line,
            observed={"procedure_code": line.code},
        )


RULE = Rule(
    id="GUID-09",
    name="radiation-guidance-in-pregnancy",
    severity="flag",
    needs=(Needs.CLAIM,),
    codes=GUIDED,
    carc="11",
    suggestion="confirm the diagnosis and how the needle was guided",
    citation=Citation(document="CPT code definitions, paraphrased", section="plausibility", confidence="memory-medium"),
    bypassed_by=("GUID-04",),
    check=check,
)
