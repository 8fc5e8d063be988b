"""MED-04 diagnosis-not-billable-on-date: a diagnosis is no ICD-10-CM code that could be billed on that day.

Why: only codes without children are billable, and a code that is split ends when its children begin.
Fires: a diagnosis of the claim is absent from the table, or the first date of service is outside its days; once for
each diagnosis, on the lines that point to it.
Source: ICD-10-CM tabular list, leaf codes.
"""

from collections.abc import Iterator, Sequence

from validators.context import Context
from validators.lines import Line
from validators.necessity.chain import named, unbillable
from validators.reference import Icd10Cm
from validators.rule import Found, Needs, Rule
from validators.sources import ICD10CM, section
from validators.wording import dotted


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Look each diagnosis up, on the first date of service."""
    failed = context.shared(unbillable)
    if not failed:
        return
    icd10cm = context.ruleset.reference.icd10cm
    assert icd10cm is not None, "the engine keeps rules asleep whose tables are not loaded"
    first_day = min(context.service_days)
    for code in dict.fromkeys(context.diagnoses):
        if code in failed:
            index = context.diagnoses.index(code)
            said, suggestion = _explained(code, index + 1, icd10cm)
            yield RULE.finding(
                f"{said}; the first service is of {first_day}",
                *(line for line in lines if code in line.diagnoses),
                suggestion=suggestion,
                at=f"/diagnoses/{index}/code",
                observed={"diagnosis": code, "service_date": str(first_day)},
            )


def _explained(code: str, number: int, icd10cm: Icd10Cm) -> tuple[str, str]:
    """When a code could be billed, and what to bill instead."""
    if code in icd10cm.headers:
        children = icd10cm.children[code]
        return (
            f"{dotted(code)} could be billed until {icd10cm.headers[code]}",
            f"use the child code that the record supports: {named(children)}",
        )
    if code in icd10cm.first_days:
        parent = next(header for header, children in icd10cm.children.items() if code in children)
        return (
            f"{dotted(code)} can be billed from {icd10cm.first_days[code]} on",
            f"use {dotted(parent)}, the code of that day",
        )
    if not code.isalnum():
        return f"diagnosis {number} of the claim has not the form of an ICD-10-CM code", "correct the code"
    return f"{dotted(code)} is no billable code of ICD-10-CM {icd10cm.vintage}", RULE.suggestion


RULE = Rule(
    id="MED-04",
    name="diagnosis-not-billable-on-date",
    severity="deny",
    needs=(Needs.CLAIM,),
    carc="146",
    rarc=("M76",),
    suggestion="use the child code that the record supports",
    citation=section(ICD10CM, "leaf codes"),
    tables=("icd10cm",),
    check=check,
)
