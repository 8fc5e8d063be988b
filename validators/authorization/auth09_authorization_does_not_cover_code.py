"""AUTH-09 authorization-does-not-cover-code: the authorization is for other procedures than the one billed.

Why: an authorization holds for the procedures it lists; another code denies as if there were none.
Fires: the line's number resolves to an approved or partial record that lists services, and the code is not among them.
Not: a record that lists none; Medicare fee-for-service outside the WISeR model.
Source: services of the authorization.
"""

from collections.abc import Iterator, Sequence

from schemas.authorization import Authorization
from validators.authorization.cited import judge_cited
from validators.codes import ESI
from validators.context import Context
from validators.facts import IN_FORCE, covered_codes
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown
from validators.sources import PAYER_TABLES, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Compare each line's code with the services of the record it cites."""
    return judge_cited(RULE, lines, context, _judge)


def _judge(line: Line, record: Authorization) -> Found | None:
    codes = covered_codes(record)
    if record.status not in IN_FORCE or not codes or line.code in codes:
        return None
    listed = sorted(codes)
    return RULE.finding(
        f"{line.code} is billed on {line.service_date}, but its authorization covers {', '.join(listed)}",
        line,
        observed={"procedure_code": line.code},
        expected={"one_of": [*listed]},
    )


RULE = Rule(
    id="AUTH-09",
    name="authorization-does-not-cover-code",
    severity="deny",
    needs=(Needs.CLAIM, Needs.AUTHORIZATION),
    codes=ESI,
    carc="284",
    rarc=("N54",),
    suggestion="correct the code, or have the authorization amended before billing",
    citation=section(PAYER_TABLES, "services of the authorization"),
    bypassed_by=("AUTH-03",),
    primary_payer_only=True,
    check=check,
)
