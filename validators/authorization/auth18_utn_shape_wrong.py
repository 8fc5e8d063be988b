"""AUTH-18 utn-shape-wrong: what stands as a WISeR number cannot be one.

Why: a mistyped unique tracking number (UTN) is found nowhere, and the claim is handled as if it named none.
Fires: a service under the WISeR model names a number that is not 2 letters or digits, A or H, then 11 digits.
Not: whether a number of the right shape exists (AUTH-13).
Source: MAC page on UTN field requirements (Part A).
"""

import re
from collections.abc import Iterator, Sequence

from validators.authorization.wiser import is_for_facility_claim, wiser_scope
from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown
from validators.sources import UTN_FIELD

UTN = re.compile(r"[A-Za-z0-9]{2}[AH][0-9]{11}")


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Look at the shape of each line's number, then at whether it has to be a UTN."""
    for line in lines:
        number = line.authorization_number
        wrong = number is not None and UTN.fullmatch(number) is None and wiser_scope(line, context)
        if isinstance(wrong, str):
            yield RULE.unknown(wrong)
        elif wrong:
            yield RULE.finding(
                f"the number cited for {line.code} on {line.service_date} is no UTN, "
                "which is 2 letters or digits, A or H, and 11 digits",
                line,
                suggestion="remove it: the UTN belongs on the facility claim"
                if is_for_facility_claim(line, context)
                else None,
                at="/authorizations",
                observed={"procedure_code": line.code},
                expected={"pattern": UTN.pattern},
            )


RULE = Rule(
    id="AUTH-18",
    name="utn-shape-wrong",
    severity="flag",
    needs=(Needs.CLAIM,),
    codes=ESI,
    carc="16",
    rarc=("M62",),
    suggestion="retype the 14 characters",
    citation=UTN_FIELD,
    primary_payer_only=True,
    check=check,
)
