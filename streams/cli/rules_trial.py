"""`claimstream rules try`: what a rule would do to the claims of some files, if it were in force."""

from decimal import Decimal
from pathlib import Path

import click
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from schemas.decision import SEVERITIES
from streams.cli import EXIT_ENVIRONMENT, EXIT_USAGE, fail, print_line
from streams.cli.check_output import Checked, Refused, printable
from streams.cli.check_text import counted
from streams.cli.desk import Known, known_options, open_desk
from streams.cli.packs import packs_option, rules_of, settings_with
from streams.cli.screen import screen
from streams.intake.files import UnreadableFileError, expand
from streams.rulebook.audience import UnknownNameError, rule_named
from streams.rulebook.explained import Status
from streams.rulebook.trial import Now, Trial, compared
from streams.settings import Settings
from validators.pack import Effect
from validators.rule import Rule
from validators.ruleset import Ruleset
from validators.wording import dollars

NOW: dict[Now, str] = {
    "on trial": "on trial: what it finds is information only; below, what would change if it were in force",
    "overridden": "{} by overrides; below, what would change without them",
    "in force": "in force; below, what it does today: outcomes without it → with it",
}
EFFECTS: dict[Effect, str] = {"disable": "switched off", "soften": "softened", "try": "put on trial"}
STATUSES: dict[Status, str] = {
    "fail": "fired",
    "pass": "passed",
    "bypassed": "bypassed",
    "not_checked": "not checked",
    "not_applicable": "not applicable",
}


@click.command("try")
@click.argument("rule")
@click.argument("more", nargs=-1, metavar="")
@click.option("--claims", multiple=True, required=True, metavar="FILE...", help="Claims: files, folders, globs or -.")
@known_options
@packs_option
@click.option("--output", type=click.Choice(["text", "json"]), default="text", help="json: one object a line.")
def try_command(
    *,
    rule: str,
    more: tuple[str, ...],
    claims: tuple[str, ...],
    history: Path | None,
    authorizations: Path | None,
    encounters: Path | None,
    packs: Path | None,
    output: str,
) -> None:
    """Decide claims twice, as RULE stands and with it in force, and count what that changes.

    A rule is put on trial by `stage: trial` in a pack: it is evaluated, and whatever it finds is information only.
    This tells what it would do without that.

    Exit code: 0, whatever it would do, 2 usage, 3 a file cannot be read.
    """
    settings = settings_with(packs)
    ruleset = rules_of(settings)
    try:
        tried = rule_named(ruleset, rule)
        known = Known(history, authorizations, encounters)
        trial = _trial(settings, ruleset, tried, known, (*claims, *more))
    except UnknownNameError as error:
        fail(str(error), EXIT_USAGE)
    except UnreadableFileError as error:
        fail(str(error), EXIT_ENVIRONMENT)
    if output == "json":
        for each in trial.as_objects():
            print_line(each)
    else:
        effects = {each.effect for each in ruleset.overrides if each.rule == tried.id}
        _print(trial, " and ".join(word for effect, word in EFFECTS.items() if effect in effects))


def _trial(settings: Settings, ruleset: Ruleset, rule: Rule, known: Known, files: tuple[str, ...]) -> Trial:
    now, *rulesets = compared(ruleset, rule)
    trial = Trial(rule, now)
    first, second = (open_desk(settings, each, known) for each in rulesets)
    for file in expand(files):
        content = file.read()
        for before, after in zip(first.go_through(file, content), second.go_through(file, content), strict=True):
            if isinstance(before, Checked) and isinstance(after, Checked):
                trial.count(before.decided, after.decided, file.name, after.place.index, after.place.in_words())
            trial.rejected += isinstance(after, Refused)
    return trial


def _print(trial: Trial, overridden: str) -> None:
    out = screen()
    rejected = f" · {trial.rejected:,} rejected" if trial.rejected else ""
    out.print(Text(f"{trial.rule.id}  {trial.rule.name}", style="bold"))
    out.print(Text(f"now {NOW[trial.now].format(overridden)}", style="dim"))
    out.print()
    words = " · ".join(f"{trial.statuses[status]:,} {word}" for status, word in STATUSES.items())
    out.print(Text(f"{counted(trial.claims, 'claim')}: {words}{rejected}"))
    if not trial.fired:
        return
    severities = " · ".join(f"{each} {trial.severities[each]:,}" for each in SEVERITIES if trial.severities[each])
    whole = f"it fires on {counted(trial.fired, 'claim')}: {severities} · {dollars(trial.dollars)} of charges"
    out.print(Text(whole))
    change = trial.at_risk_after - trial.at_risk_before
    out.print(Text(f"at risk {dollars(trial.at_risk_before)} → {dollars(trial.at_risk_after)} ({_signed(change)})"))
    for table in (_payers(trial), _outcomes(trial)):
        out.print()
        out.print(table)
    out.print()
    out.print(Text("smallest example of each", style="bold"))
    for (before, after), each in trial.in_order():
        if each.example is not None:
            where = f"{each.example.file}, {each.example.where} (index {each.example.index})"
            out.print(Padding(Text(f"{before} → {after}  {printable(where)}", style="dim"), (0, 0, 0, 2), expand=False))
            out.print(Padding(Text(printable(each.example.message)), (0, 0, 0, 4), expand=False))


def _payers(trial: Trial) -> Table:
    table = _table("payer", "line of business", "claims", "fired", "charges")
    for (key, line_of_business), share in sorted(trial.payers.items(), key=lambda each: (-each[1].fired, each[0])):
        if share.fired:
            table.add_row(key, line_of_business, f"{share.claims:,}", f"{share.fired:,}", dollars(share.dollars))
    others = [share.claims for share in trial.payers.values() if not share.fired]
    if others:
        table.add_row(f"{len(others):,} more", "", f"{sum(others):,}", "0", dollars(Decimal(0)))
    return table


def _outcomes(trial: Trial) -> Table:
    table = _table("outcome", "", "claims", "", "change at risk")
    for (before, after), each in trial.in_order():
        to = "stays" if before == after else f"→ {after}"
        table.add_row(before, to, f"{each.claims:,}", "", _signed(each.at_risk))
    table.add_row("", "outcomes that change", f"{trial.changed:,}", "", "")
    return table


def _table(*names: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for place, name in enumerate(names):
        table.add_column(name, justify="left" if place < 2 else "right", overflow="fold")
    return table


def _signed(amount: Decimal) -> str:
    return f"+{dollars(amount)}" if amount > 0 else dollars(amount)
