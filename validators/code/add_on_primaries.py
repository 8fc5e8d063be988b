"""Which first-level codes stand beside an add-on line; CODE-03 and CODE-04 both ask."""

from validators.codes import PRIMARY
from validators.context import Context
from validators.lines import Line


def primaries_beside(line: Line, context: Context) -> set[str]:
    """The first-level codes of the same provider and date, on this claim or an earlier one of the person."""
    here = {other.code for other in context.lines_with(PRIMARY) if other.service_date == line.service_date}
    earlier = {past.procedure_code for past in context.same_provider_earlier(line.service_date)}
    return here | (earlier & PRIMARY)
