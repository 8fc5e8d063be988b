"""CODE-20 kx-on-therapeutic-injection: KX, which says diagnostic root block, stands on a therapeutic injection.

Why: Medicare takes KX on the diagnostic block of a nerve root; a steroid or an interlaminar injection is treatment.
Fires: a line carries KX and is 62321 or 62323, or has a steroid line beside it on its date, or the encounter says
therapeutic.
Source: MAC billing articles, selective nerve root block.
"""

from collections.abc import Iterator, Sequence
from datetime import date

from schemas.decision import Citation
from validators.codes import ESI, STEROIDS
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule

DIAGNOSTIC = frozenset({"KX"})
THERAPEUTIC = frozenset({"62321", "62323"})


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Look for what says that each line is treatment."""
    for line in lines:
        said_by = _treatment(line, context)
        if said_by is not None:
            yield RULE.finding(
                f"{line.code} on {line.service_date} carries modifier KX of a diagnostic root block, but {said_by}",
                line,
                at=line.at("modifiers"),
                observed={"modifiers": ["KX"]},
                expected={"none_of": ["KX"]},
            )


def _treatment(line: Line, context: Context) -> str | None:
    """What says so, in words."""
    if line.code in THERAPEUTIC:
        return "an interlaminar or caudal injection is none"
    for other in context.lines_with(STEROIDS):
        if other.service_date == line.service_date:
            return f"the steroid {other.code} is billed beside it"
    session = context.encounter(line)
    if session is not None and session.purpose == "therapeutic":
        return "the record says that it is therapeutic"
    return None


RULE = Rule(
    id="CODE-20",
    name="kx-on-therapeutic-injection",
    severity="flag",
    needs=(Needs.CLAIM,),
    codes=ESI,
    modifiers=DIAGNOSTIC,
    carc="4",
    rarc=("N823",),
    suggestion="remove KX",
    citation=Citation(
        document="MAC billing articles A56651, A58745, A58731",
        section="selective nerve root block",
        effective=date(2021, 12, 5),
        confidence="memory-medium",
    ),
    check=check,
)
