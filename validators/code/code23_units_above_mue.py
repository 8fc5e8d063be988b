"""CODE-23 units-above-mue: more units of a code are billed on a date than are likely.

Why: NCCI's medically unlikely edits deny what is above them. They are no coverage limit (LVL-01).
Fires: the units of a code on one date, summed over the lines of the claim, are above its value; where the edit is
adjudicated by line (MAI 1), those of a line. A surgery center's facility claim is counted per side.
Not: a line that repeats another exactly, of this claim or an earlier one, is left out of the sum (CODE-26); sides or
further levels of a first level in units or lines (CODE-05, CODE-16). A code without a published value is not checked.
Source: NCCI medically unlikely edits, practitioner table.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from validators.code.duplicates import duplicates
from validators.context import Context
from validators.lines import SIDES, Line, services
from validators.reference import MueValue
from validators.rule import Found, Needs, Rule, Unknown
from validators.sources import MEDICALLY_UNLIKELY, section
from validators.wording import in_units

BY_LINE = "1"


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Count the units of each code and date."""
    mue = context.ruleset.reference.mue
    assert mue is not None, "the engine keeps rules asleep whose tables are not loaded"
    repeated = context.shared(duplicates)
    for (code, on), group in services(lines).items():
        edit = mue.values.get(code)
        if edit is None:
            yield RULE.unknown(f"mue.{code}")
            continue
        counted = [line for line in group if line.index not in repeated]
        units = _units(counted, edit, context)
        if units > edit.units:
            yield RULE.finding(
                f"{code} is billed with {in_units(units)} on {on}; its MUE is {edit.units:f}",
                *group,
                suggestion=_fix(counted, edit, context),
                at=group[0].at("units"),
                observed={"procedure_code": code, "units": f"{units:f}"},
                expected={"at_most": f"{edit.units:f}"},
            )


def _units(lines: Sequence[Line], edit: MueValue, context: Context) -> Decimal:
    """The units of the lines of a code and date that stand against its value."""
    if edit.adjudication == BY_LINE:
        return max((line.units for line in lines), default=Decimal(0))
    if context.role == "asc-facility":
        return max(_sum(line for line in lines if side in line.sides) for side in SIDES)
    return _sum(lines)


def _fix(lines: Sequence[Line], edit: MueValue, context: Context) -> str:
    code = lines[0].code
    if not edit.units:
        return f"remove the {code} line{'s' * (len(lines) > 1)}"
    if any(line.units > edit.units for line in lines):
        return RULE.suggestion
    a_side = " a side" if context.role == "asc-facility" else ""
    return f"bill {code} on one line{a_side} of at most {in_units(edit.units)}, or remove the lines that repeat it"


def _sum(lines: Iterable[Line]) -> Decimal:
    return sum((line.units for line in lines), Decimal(0))


RULE = Rule(
    id="CODE-23",
    name="units-above-mue",
    severity="deny",
    needs=(Needs.CLAIM,),
    carc="151",
    rarc=("N362",),
    suggestion="correct the units",
    citation=section(MEDICALLY_UNLIKELY, "units and MAI"),
    bypassed_by=("CODE-05", "CODE-16"),
    bypassed_whole=True,
    tables=("mue",),
    check=check,
)
