"""AUTH-07 no-utn-needed-outside-wiser: information only; in this state Medicare asks for no number.

Why: the codes are those of the WISeR model, which runs in some states only; without this a biller might look for one.
Fires: Medicare fee-for-service, a WISeR code, a state of service outside of the model, and no authorization number.
Not: an unknown state of service (the condition asks for a known one).
Source: CMS WISeR model guide, Appendix A, and MAC WISeR pages.
"""

from collections.abc import Iterator, Sequence

from validators.authorization.answers import both, contrary
from validators.authorization.wiser import code_counts, state_counts
from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown
from validators.sources import WISER, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Ask of each line without a number whether the model leaves its state out."""
    state = context.service_state
    if state is None or context.line_of_business != "medicare_ffs":
        return
    for line in lines:
        if line.authorization_number is not None:
            continue
        left_out = both(code_counts(line, context), contrary(state_counts(line, context)))
        if isinstance(left_out, str):
            yield RULE.unknown(left_out)
        elif left_out:
            yield RULE.finding(
                f"{line.code} needs no UTN in {state}: the WISeR model does not run there",
                line,
                at="/authorizations",
                observed={"procedure_code": line.code, "state": state},
            )


RULE = Rule(
    id="AUTH-07",
    name="no-utn-needed-outside-wiser",
    severity="info",
    needs=(Needs.CLAIM,),
    codes=ESI,
    suggestion="none needed",
    citation=section(WISER, "states"),
    primary_payer_only=True,
    check=check,
)
