"""Judging the authorization records that the lines of a claim cite; AUTH-09 and AUTH-11 do."""

from collections.abc import Callable, Iterator, Sequence

from schemas.authorization import Authorization
from validators.authorization.wiser import wiser_scope
from validators.context import UNFED, Context
from validators.lines import Line
from validators.rule import Found, Rule, Unknown

NOT_SENT = "authorization"


def judge_cited(
    rule: Rule,
    lines: Sequence[Line],
    context: Context,
    judge: Callable[[Line, Authorization], Found | None],
) -> Iterator[Found | Unknown]:
    """What `judge` finds wrong between each line and the record its number resolves to.

    What cannot be known is said in the name of `rule`. A number on a Medicare fee-for-service claim is needed, and
    looked at, only under the WISeR model.
    """
    for line in lines:
        if line.authorization_number is None:
            continue
        looked_at = context.line_of_business != "medicare_ffs" or wiser_scope(line, context)
        record = context.authorization(line.authorization_number)
        if looked_at is False or record is None:
            continue
        said = rule.unknown(NOT_SENT) if record is UNFED else judge(line, record)
        if said is not None:
            yield rule.unknown(looked_at) if isinstance(looked_at, str) else said
