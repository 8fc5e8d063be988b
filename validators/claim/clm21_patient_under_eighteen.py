"""CLM-21 patient-under-eighteen: the injection was given to a child.

Why: epidural steroid injections of children are rare; more often the birth date or the person is wrong.
Fires: the patient, else the subscriber, is younger than 18 on the date of an injection line.
Not: a claim without an injection line; one that gives no birth date (not checked).
Source: plausibility.
"""

from collections.abc import Iterator, Sequence
from datetime import date

from schemas.decision import Citation
from validators.claim.naming import treated
from validators.claim.sound import OF_AGE, sound_form
from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Work out the age of the patient on the first injection."""
    born, on = context.claim.who.birth_date, min(line.service_date for line in lines)
    place = treated(context.claim)
    if born is None:
        yield RULE.unknown(f"claim.{place.field}.birth_date")
    elif _age(born, on) < OF_AGE:
        yield RULE.finding(
            f"the patient is younger than {OF_AGE} at the injection on {on}",
            at=place.pointer("birth_date"),
            observed={"service_date": str(on)},
        )


def _age(born: date, on: date) -> int:
    """Whole years; who is born on 29 February turns a year older on 1 March of other years."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


RULE = Rule(
    id="CLM-21",
    name="patient-under-eighteen",
    severity="flag",
    needs=(Needs.CLAIM,),
    codes=ESI,
    suggestion="confirm",
    citation=Citation(document="Plausibility", section="age", confidence="memory-medium"),
    every_claim=True,
    look=sound_form,
    check=check,
)
