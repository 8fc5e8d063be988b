"""AUTH-11 service-outside-authorized-dates: the service was before or after the days the authorization holds for.

Why: an authorization is good for its days only; both its first and last day count.
Fires: the line's number resolves to a record, and the service date is before valid_from or after valid_to.
Not: Medicare fee-for-service outside the WISeR model.
Source: authorized dates.
"""

from collections.abc import Iterator, Sequence
from datetime import date

from schemas.authorization import Authorization
from validators.authorization.cited import judge_cited
from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown
from validators.sources import PAYER_TABLES, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Compare each line's date with the days of the record it cites."""
    return judge_cited(RULE, lines, context, _judge)


def _judge(line: Line, record: Authorization) -> Found | None:
    on = line.service_date
    if record.valid_from is not None and on < record.valid_from:
        bound = f"begins on {record.valid_from}"
    elif record.valid_to is not None and on > record.valid_to:
        bound = f"ended on {record.valid_to}"
    else:
        return None
    return RULE.finding(
        f"{line.code} was done on {on}, but its authorization {bound}",
        line,
        at=line.at("service_date_from"),
        observed={"service_date": str(on)},
        expected={"from": _text(record.valid_from), "to": _text(record.valid_to)},
    )


def _text(day: date | None) -> str | None:
    return str(day) if day is not None else None


RULE = Rule(
    id="AUTH-11",
    name="service-outside-authorized-dates",
    severity="deny",
    needs=(Needs.CLAIM, Needs.AUTHORIZATION),
    codes=ESI,
    carc="302",
    suggestion="extend the authorization or get a new one",
    citation=section(PAYER_TABLES, "authorized dates"),
    bypassed_by=("AUTH-05",),
    primary_payer_only=True,
    check=check,
)
