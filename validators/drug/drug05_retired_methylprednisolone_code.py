"""DRUG-05 retired-methylprednisolone-code: methylprednisolone is billed under a code that has ended.

Why: J1020, J1030 and J1040 (20, 40 and 80 mg a unit) gave way to J1010, of which a unit is 1 mg.
Fires: a line has one of the three on or after 2024-04-01.
Source: HCPCS Level II file.
"""

from collections.abc import Iterator, Sequence
from datetime import date

from schemas.decision import Citation
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.wording import in_units


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Tell when each code ended."""
    drugs = context.ruleset.reference.drugs
    assert drugs is not None, "the engine keeps rules asleep whose tables are not loaded"
    for line in lines:
        drug = drugs.by_code[line.code]
        assert drug.mg_per_unit is not None, "the table tells it of every steroid"
        yield RULE.finding(
            f"{line.code} is billed on {line.service_date}; the code ended on {drug.last_day}",
            line,
            suggestion=f"bill J1010 with {in_units(line.units * drug.mg_per_unit)}, 1 mg each, instead of {line.code}",
            observed={"procedure_code": line.code},
            expected={"one_of": ["J1010"]},
        )


RULE = Rule(
    id="DRUG-05",
    name="retired-methylprednisolone-code",
    severity="deny",
    needs=(Needs.CLAIM,),
    codes=frozenset({"J1020", "J1030", "J1040"}),
    carc="181",
    rarc=("N56",),
    suggestion="J1010, units = mg",
    citation=Citation(
        document="HCPCS Level II file",
        section="J1020, J1030, J1040 ended 2024-03-31",
        effective=date(2024, 4, 1),
        confidence="found",
    ),
    tables=("drugs",),
    check=check,
)
