"""What is billed of one steroid in a session, held against its ceiling; DRUG-01 to DRUG-04 each look at one."""

from collections.abc import Iterator, Sequence

from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Rule, Unknown

DISCARDED = "JW"
"""The modifier of a line for what was thrown away."""


def above_ceiling(rule: Rule, lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """A finding for each day with an injection on which more units were given than coverage allows."""
    given = [line for line in lines if DISCARDED not in line.modifiers]
    for on in sorted(context.injection_days.intersection(line.service_date for line in given)):
        bound = context.parameter(rule.id, "max_units", on)
        if bound is None:
            yield rule.unknown("parameter.max_units")
            continue
        doses = [line for line in given if line.service_date == on]
        units = sum(line.units for line in doses)
        if units > bound:
            yield rule.finding(
                f"{units:f} units of {doses[0].code} are billed with an injection on {on}; at most {bound} are covered",
                *doses,
                suggestion="correct the units; put what was thrown away on a line of its own with JW",
                observed={"units": f"{units:f}"},
                expected={"at_most": str(bound)},
            )
