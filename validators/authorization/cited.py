"""The authorization records that the lines of a claim cite; AUTH-09 and AUTH-11 look at them."""

from collections.abc import Iterator, Sequence

from validators.authorization.wiser import wiser_scope
from validators.context import UNFED, Context
from validators.facts import AuthorizationFacts
from validators.lines import Line
from validators.rule import Rule, Unknown

NOT_SENT = "authorization"


def cited_records(
    rule: Rule, lines: Sequence[Line], context: Context
) -> Iterator[tuple[Line, AuthorizationFacts] | Unknown]:
    """Each line with the record its number resolves to; what cannot be known is said in the name of `rule`.

    A number on a Medicare fee-for-service claim is needed, and looked at, only under the WISeR model.
    """
    for line in lines:
        if line.authorization_number is None:
            continue
        looked_at = context.line_of_business != "medicare_ffs" or wiser_scope(line, context)
        if looked_at is False:
            continue
        record = context.authorization(line)
        if isinstance(looked_at, str):
            yield rule.unknown(looked_at)
        elif record is UNFED:
            yield rule.unknown(NOT_SENT)
        elif isinstance(record, AuthorizationFacts):
            yield line, record
