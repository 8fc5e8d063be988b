"""MED-19 pump-trial-exception: the injection tried whether an infusion pump would help, so the list is waived.

Why: a trial before a pump for severe spasticity is covered by its own determination (NCD 280.14).
Fires: a line of 62323 points to spasticity, or the encounter says pump trial.
Not: a line that does not say so, without an encounter that tells the purpose (not checked).
Source: MAC billing article A58993 and its siblings, diagnosis limits lifted.
"""

from collections.abc import Iterator, Sequence

from validators.context import Context
from validators.lines import Line
from validators.necessity.chain import named
from validators.necessity.exceptions import PUMP_TRIAL_CODES, is_pump_trial
from validators.rule import Found, Needs, Rule, Unknown
from validators.sources import DIAGNOSIS_LIMITS, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Ask the diagnoses and the session of each line."""
    for line in lines:
        holds = is_pump_trial(line, context)
        if holds:
            yield RULE.finding(
                f"{line.code} on {line.service_date} {_seen(line, context)}; no diagnosis of the list is needed",
                line,
                observed={"procedure_code": line.code},
            )
        elif holds is None:
            yield RULE.unknown("encounter.purpose")


def _seen(line: Line, context: Context) -> str:
    spasticity = context.diagnoses_listed("spasticity", line.service_date)
    pointed = [code for code in line.diagnoses if code in spasticity]
    return f"points to spasticity, {named(pointed)}" if pointed else "is the trial of an infusion pump"


RULE = Rule(
    id="MED-19",
    name="pump-trial-exception",
    severity="info",
    needs=(Needs.CLAIM, Needs.ENCOUNTER),
    codes=PUMP_TRIAL_CODES,
    suggestion="the diagnosis list is waived",
    citation=section(DIAGNOSIS_LIMITS, "diagnosis limits lifted (NCD 280.14)"),
    check=check,
)
