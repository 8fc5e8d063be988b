"""CLM-20 place-of-service-unknown: the place of service is no code of a place.

Why: what is paid depends on the place; a code that stands for none is denied.
Fires: the place of service of the claim or of a line is not in the CMS table, or the table calls it unassigned. That of
the claim concerns the lines without one of their own; where all have one, the whole claim.
Not: a place of service that is not given.
Source: CMS place-of-service code set.
"""

from collections.abc import Iterator, Sequence

from validators.claim.shapes import is_place
from validators.claim.sound import sound_form
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import PLACES_OF_SERVICE, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Look the place of the claim and those of its lines up."""
    table, claim = context.ruleset.reference.places_of_service, context.claim
    assert table is not None
    if claim.place_of_service and claim.place_of_service not in table.assigned:
        bare = [line for line in lines if not claim.service_lines[line.index].place_of_service]
        yield _finding(claim.place_of_service, "", *bare)
    for line in lines:
        own = claim.service_lines[line.index].place_of_service
        if own and own not in table.assigned:
            yield _finding(own, f"/service_lines/{line.index}", line)


def _finding(place: str, within: str, *lines: Line) -> Found:
    shown = is_place(place)  # anything else in its place could be anybody's name
    return RULE.finding(
        f"place of service {place} is not assigned" if shown else "the place of service is not two digits",
        *lines,
        at=f"{within}/place_of_service",
        observed={"place_of_service": place} if shown else None,
    )


RULE = Rule(
    id="CLM-20",
    name="place-of-service-unknown",
    severity="deny",
    needs=(Needs.CLAIM,),
    carc="5",
    rarc=("M77",),
    suggestion="correct it",
    citation=section(PLACES_OF_SERVICE, "assigned codes"),
    tables=("places_of_service",),
    every_claim=True,
    look=sound_form,
    check=check,
)
