"""AUTH-09 authorization-does-not-cover-code: the authorization is for other procedures than the one billed.

Why: an authorization holds for the procedures it lists; another code denies as if there were none.
Fires: the line's number resolves to an approved or partial record that lists services, and the code is not among them.
Not: a record that lists none; Medicare fee-for-service outside the WISeR model.
Source: services of the authorization.
"""

from collections.abc import Iterator, Sequence

from validators.authorization.cited import cited_records
from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown
from validators.sources import PAYER_TABLES, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Compare each line's code with the services of the record it cites."""
    for cited in cited_records(RULE, lines, context):
        if isinstance(cited, Unknown):
            yield cited
            continue
        line, record = cited
        if record.status in ("approved", "partial") and record.codes and line.code not in record.codes:
            listed = ", ".join(sorted(record.codes))
            yield RULE.finding(
                f"{line.code} is billed on {line.service_date}, but its authorization covers {listed}",
                line,
                observed={"procedure_code": line.code},
                expected={"one_of": [*sorted(record.codes)]},
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
