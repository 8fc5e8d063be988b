"""AUTH-21 pump-trial-outside-wiser: information only; the test dose before a pump is not a service of the model.

Why: the WISeR model is for pain; 62323 is also billed for a trial of intrathecal drugs against spasticity.
Fires: 62323 that the model would cover, and the encounter says pump trial or a pointed diagnosis is one of spasticity.
Not: any other purpose; without either an encounter that says no purpose is not checked.
Source: CMS WISeR model guide, Appendix A, and MAC WISeR pages.
"""

from collections.abc import Iterator, Sequence

from validators.authorization.answers import Answer, both
from validators.authorization.wiser import wiser_scope
from validators.context import Context
from validators.lines import Line
from validators.necessity.exceptions import is_pump_trial
from validators.rule import Found, Needs, Rule, Unknown
from validators.sources import WISER, section

TEST_DOSE = frozenset({"62323"})


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Ask of each line the model would cover what it was for."""
    for line in lines:
        under = wiser_scope(line, context)
        left_out = under and both(under, _is_for_a_pump(line, context))
        if isinstance(left_out, str):
            yield RULE.unknown(left_out)
        elif left_out:
            yield RULE.finding(
                f"{line.code} on {line.service_date} was a pump trial or for spasticity: outside of the WISeR model",
                line,
                observed={"procedure_code": line.code},
            )


def _is_for_a_pump(line: Line, context: Context) -> Answer:
    told = is_pump_trial(line, context)
    return "encounter.purpose" if told is None else told


RULE = Rule(
    id="AUTH-21",
    name="pump-trial-outside-wiser",
    severity="info",
    needs=(Needs.CLAIM, Needs.ENCOUNTER),
    codes=TEST_DOSE,
    suggestion="none: out of WISeR scope",
    citation=section(WISER, "62323 for pain indications only", "second-hand"),
    primary_payer_only=True,
    check=check,
)
