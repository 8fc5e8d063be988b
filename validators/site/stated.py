"""Where a claim states the place of service of a line."""

from validators.context import Context
from validators.lines import Line


def place_at(line: Line, context: Context) -> str:
    """The JSON pointer to the place that holds for a line: its own, else that of the claim."""
    own = context.claim.service_lines[line.index].place_of_service
    return line.at("place_of_service") if own else "/place_of_service"
