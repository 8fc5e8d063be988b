"""Codes that ended, billed after their last valid day; CODE-01 and CODE-02 look at different ones."""

from collections.abc import Iterator, Sequence

from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Rule


def findings(rule: Rule, lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """A finding for each line whose code had ended on its date."""
    history = context.ruleset.reference.code_history
    assert history is not None, "the engine keeps rules asleep whose tables are not loaded"
    for line in lines:
        last_day, instead = history.retired[line.code]
        if line.service_date > last_day:
            yield rule.finding(
                f"{line.code} is billed on {line.service_date}; its last valid day was {last_day}",
                line,
                suggestion=f"bill {instead} instead of {line.code}" if instead else f"remove the {line.code} line",
                observed={"procedure_code": line.code},
                expected={"last_valid_day": last_day.isoformat()},
            )
