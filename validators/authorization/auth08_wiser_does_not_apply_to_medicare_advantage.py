"""AUTH-08 wiser-does-not-apply-to-medicare-advantage: information only; the plan's own rule decides here.

Why: the WISeR model is for Original Medicare; a Medicare Advantage plan in the same state has its own authorizations.
Fires: Medicare Advantage, a WISeR state of service and a WISeR code, with or without a number.
Not: a state outside of the model; an unknown state of service is not checked.
Source: CMS WISeR model guide, Appendix A, and MAC WISeR pages.
"""

from collections.abc import Iterator, Sequence

from validators.authorization.wiser import code_and_state_count
from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown
from validators.sources import WISER, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Ask of each line whether the model would hold for Original Medicare."""
    for line in lines:
        of_model = code_and_state_count(line, context)
        if isinstance(of_model, str):
            yield RULE.unknown(of_model)
        elif of_model:
            yield RULE.finding(
                f"{line.code} in {context.service_state}: the WISeR model is not for Medicare Advantage",
                line,
                at="/payer",
                observed={"procedure_code": line.code, "state": context.service_state},
            )


RULE = Rule(
    id="AUTH-08",
    name="wiser-does-not-apply-to-medicare-advantage",
    severity="info",
    needs=(Needs.CLAIM,),
    codes=ESI,
    suggestion="use the plan's own prior-authorization rule",
    citation=section(WISER, "Original Medicare only"),
    primary_payer_only=True,
    check=check,
)
