"""What people see of `trace`: a timeline an event; 80 columns are enough."""

import textwrap
from collections.abc import Iterator, Sequence
from decimal import Decimal

import click

from streams.cli.asking import window_in_words
from streams.cli.check_output import never_fail_to_encode, printable
from streams.delivery.trace.run import Asked
from streams.delivery.trace.steps import Event, Step, StepName
from streams.replay.window import Bound
from validators.wording import dollars

WIDTH = 80
_INDENT = 2
_TIME_WIDTH = 25
_STEP_WIDTH = 13
_DETAIL = " " * (_INDENT + _TIME_WIDTH + _STEP_WIDTH)


def print_events(events: Sequence[Event], asked: Asked) -> None:
    """The whole trace."""
    never_fail_to_encode()
    number = printable(asked.claim_id)
    if not events:
        where = f"{asked.names.patient_events}, the outcomes and the dead letters"
        window = window_in_words(asked.start_ms, asked.end_ms)
        _wrapped(f"no event with this claim number was found in {where} ({window}): {number}", "")
        return
    click.echo(f"claim {number} · {len(events):,} event{'s' * (len(events) != 1)} · broker times, UTC")
    for event in events:
        click.echo()
        click.echo(f"event {event.event_id}" if event.event_id else "a record that could not be read as a whole")
        for step in event.ordered():
            _print_step(step)
        if _is_open(event):
            words = "not yet; claimstream audit conserve says whether it is lost or in progress"
            _wrapped(words, _DETAIL, first=_beginning("", "decided"))
        if not event.has("receipt"):
            click.echo(f"{_beginning('', 'receipt')}none yet")


def _is_open(event: Event) -> bool:
    """Whether nothing came of it since it last stood in the log: a claim may be redriven after a dead letter."""
    told = [step.name for step in event.ordered() if step.name in ("logged", "decided", "dead-letter")]
    return not told or told[-1] == "logged"


def _print_step(step: Step) -> None:
    at = str(Bound(instant_ms=step.at_ms)).replace("T", " ").removesuffix("Z") if step.at_ms > 0 else "time unknown"
    click.echo(f"{_beginning(at, step.name)}{step.position}")
    for words in _details(step):
        _wrapped(words, _DETAIL)


def _beginning(at: str, name: StepName) -> str:
    return f"{'':{_INDENT}}{at:<{_TIME_WIDTH}}{name.replace('-', ' '):<{_STEP_WIDTH}}"


def _details(step: Step) -> Iterator[str]:
    told = step.told
    if step.name == "parsed":
        yield f"{told['format']} of {told['source']} · {told['items']:,} item{'s' * (told['items'] != 1)}"
    elif step.name == "decided":
        yield told["outcome"] + (f": {', '.join(told['rules'])}" if told["rules"] else "")
        yield f"{dollars(Decimal(told['amount_at_risk']))} at risk of {dollars(Decimal(told['total_charge']))}"
        yield f"revision {told['revision']} · {told['cause']}"
        yield f"rules {told['ruleset']['version']} ({told['ruleset']['sha256'][:12]})"
        if told["repeated"]:
            yield f"{told['repeated']:,} more with the same bytes"
    elif step.name == "withdrawn":
        yield f"decision {str(told['decision_id'])[:12]} made way for {str(told['superseded_by'])[:12]}"
    elif step.name == "dead-letter":
        yield told["code"] + (f" at {told['place']}" if told["place"] else "")
        yield told["message"]


def _wrapped(words: str, indent: str, first: str | None = None) -> None:
    first = indent if first is None else first
    text = printable(words)
    folded = textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False)
    click.echo("\n".join(folded))
