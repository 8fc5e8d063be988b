"""What waives the list of diagnoses: MED-17, 18 and 19 tell of it, and the diagnosis chain stops there.

None says that it cannot be decided: the claim does not say so, and nothing is known of the session's purpose.
"""

from collections.abc import Callable

from schemas.encounter import Purpose
from validators.codes import CATHETER, CISTERNOGRAPHY, EPIDURAL, GUIDED
from validators.context import Context
from validators.lines import Line

POST_OPERATIVE_CODES = GUIDED - CATHETER
CISTERNOGRAPHY_CODES = EPIDURAL - {"62320", "62321"}
PUMP_TRIAL_CODES = frozenset({"62323"})


def is_post_operative(line: Line, context: Context) -> bool | None:
    """Whether a pointed diagnosis or the session says that the pain is post-operative."""
    return context.points_to("post_operative", line) or _is_for("postoperative", line, context)


def is_cisternography(_line: Line, context: Context) -> bool:
    """Whether the claim has the imaging of the cisterns."""
    return CISTERNOGRAPHY in context.codes


def is_pump_trial(line: Line, context: Context) -> bool | None:
    """Whether a pointed diagnosis is spasticity, or the session tried an infusion pump."""
    return context.points_to("spasticity", line) or _is_for("pump_trial", line, context)


EXCEPTIONS: tuple[tuple[str, frozenset[str], Callable[[Line, Context], bool | None]], ...] = (
    ("MED-17", POST_OPERATIVE_CODES, is_post_operative),
    ("MED-18", CISTERNOGRAPHY_CODES, is_cisternography),
    ("MED-19", PUMP_TRIAL_CODES, is_pump_trial),
)
"""The rule of each exception, the procedure codes it is for, and whether it holds for a line."""


def _is_for(purpose: Purpose, line: Line, context: Context) -> bool | None:
    session = context.encounter(line)
    return None if session is None or session.purpose is None else session.purpose == purpose
