"""CLM-17 timely-filing-limit-passed: the claim came later after the service than the payer takes it.

Why: a claim filed too late is denied for good, whatever was done.
Fires: an original claim was received after the service date plus the payer's months; the same day of the last month,
or the last day of a month that has no such day, is still in time.
Not: a replacement or void; a payer whose limit is not known, and a claim of which it is not known when it was received
(not checked).
Source: Medicare timely filing, one calendar year.
"""

from collections.abc import Iterator, Sequence
from datetime import date

from schemas.decision import Citation
from validators.calendar_months import months_after
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown

ORIGINAL = "1"


def check(_lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Ask the payer's limit for each date of service, and whether it had passed when the claim came."""
    claim = context.claim
    if claim.frequency_code != ORIGINAL:
        return
    for on in context.service_days:
        months = context.parameter(RULE.id, "timely_filing_months", on)
        if months is None:
            yield RULE.unknown("parameter.timely_filing_months")
        elif claim.received_on is None:
            yield RULE.unknown("claim.received_on")
        elif claim.received_on > (last := months_after(on, months)):
            yield from _late(on, claim.received_on, last, context)


def _late(on: date, received: date, last: date, context: Context) -> Iterator[Found]:
    for line in context.lines:
        if line.service_date == on:
            yield RULE.finding(
                f"{line.code} of {on} was received on {received}; this payer takes it until {last}",
                line,
                at=line.at("service_date_from"),
                observed={"service_date": str(on), "received_on": str(received)},
                expected={"to": str(last)},
            )


RULE = Rule(
    id="CLM-17",
    name="timely-filing-limit-passed",
    severity="deny",
    needs=(Needs.CLAIM,),
    carc="29",
    rarc=("N211",),
    suggestion="appeal only with an exception",
    citation=Citation(
        document="Medicare timely filing",
        section="one calendar year",
        effective=date(2010, 1, 1),
        confidence="memory-high",
    ),
    parameters=("timely_filing_months",),
    weighs_unknown=True,
    every_claim=True,
    of_claim=True,
    check=check,
)
