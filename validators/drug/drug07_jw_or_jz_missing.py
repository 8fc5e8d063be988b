"""DRUG-07 jw-or-jz-missing: a drug is billed without saying whether some of it was thrown away.

Why: a drug of a single-dose container needs JW (discarded) or JZ (nothing discarded). A claim does not tell the
container, so this is information only unless the drug number is known to be of a single-dose one.
Fires: a steroid or contrast line carries neither JW nor JZ.
Source: CMS JW/JZ policy, single-dose containers.
"""

from collections.abc import Iterator, Sequence
from datetime import date

from schemas.decision import Citation
from validators.codes import CONTRAST, STEROIDS
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule

WASTE_MODIFIERS = frozenset({"JW", "JZ"})


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Look for one of the two modifiers."""
    for line in lines:
        if WASTE_MODIFIERS.isdisjoint(line.modifiers):
            yield RULE.finding(
                f"{line.code} on {line.service_date} carries neither JW nor JZ",
                line,
                severity="flag" if _is_single_dose(line, context) else None,
                at=line.at("modifiers"),
                observed={"modifiers": [*sorted(line.modifiers)]},
                expected={"one_of": ["JW", "JZ"]},
            )


def _is_single_dose(line: Line, context: Context) -> bool:
    drug = context.claim.service_lines[line.index].drug
    return drug is not None and drug.ndc in context.parameter(RULE.id, "single_dose_ndcs", line.service_date)


RULE = Rule(
    id="DRUG-07",
    name="jw-or-jz-missing",
    severity="info",
    needs=(Needs.CLAIM,),
    codes=STEROIDS | CONTRAST,
    carc="4",
    rarc=("N822",),
    suggestion="add JZ (nothing discarded) or JW",
    citation=Citation(
        document="CMS JW/JZ policy",
        section="single-dose containers",
        effective=date(2023, 7, 1),
        confidence="memory-high",
    ),
    parameters=("single_dose_ndcs",),
    check=check,
)
