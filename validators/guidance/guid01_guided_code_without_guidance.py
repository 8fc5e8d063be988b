"""GUID-01 guided-code-without-guidance: the code includes imaging, the record says there was none.

Why: imaging is part of these codes; without it another code is right.
Fires: a line with such a code, and the encounter says guidance none.
Not: an encounter that does not say (not checked).
Source: CPT code definitions, paraphrased.
"""

from collections.abc import Iterator, Sequence

from schemas.decision import Citation
from validators.codes import GUIDED, GUIDED_TWIN
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown

UNGUIDED_TWIN = {guided: unguided for unguided, guided in GUIDED_TWIN.items()}


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Ask the session of each line how the needle was guided."""
    for line in lines:
        session = context.encounter(line)
        if session is None or session.guidance is None:
            yield RULE.unknown("encounter.guidance")
        elif session.guidance == "none":
            twin = UNGUIDED_TWIN.get(line.code)
            yield RULE.finding(
                f"{line.code} includes imaging, but the record of {line.service_date} says there was no guidance",
                line,
                suggestion=f"bill {twin}, the code without imaging" if twin else "bill the unlisted code 64999",
                observed={"procedure_code": line.code, "guidance": "none"},
                expected={"guidance": ["fluoroscopy", "ct"]},
            )


RULE = Rule(
    id="GUID-01",
    name="guided-code-without-guidance",
    severity="deny",
    needs=(Needs.CLAIM, Needs.ENCOUNTER),
    codes=GUIDED,
    carc="16",
    rarc=("M51",),
    suggestion="62320 or 62322 for interlaminar; transforaminal without guidance is unlisted 64999",
    citation=Citation(
        document="CPT code definitions, paraphrased", section="imaging is part of the code", confidence="found"
    ),
    check=check,
)
