"""What people read of `check`: each claim with what is wrong, why, and how to fix it; 80 columns are enough."""

import os
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby

import click

from schemas.claim import Claim, ServiceLine
from schemas.decision import OUTCOMES, Decision, Finding, Severity
from streams.cli.check_about import about
from streams.cli.check_output import Checked, Refused, never_fail_to_encode, printable
from streams.intake.files import STDIN
from streams.intake.items import Warned
from streams.rulebook.explained import Explained
from validators.ruleset import Ruleset
from validators.wording import dollars, dotted

WIDTH_MIN, WIDTH_MAX = 60, 120
"""Narrower lines would be all wrapping, wider ones are hard to follow from words to money."""

SOURCE_WORDS = {
    "encounter": "no encounter facts",
    "authorization": "no authorizations",
    "claim": "not on the claim",
    "history": "not in the history",
    "parameter": "no known value",
    "reference": "table not loaded",
    "mue": "no published MUE",
}
"""Where the first word of a missing input says it would have come from."""

_OUTCOME_STYLE = {"accepted": "green", "flagged": "yellow", "denied-risk": "red", "rejected": "magenta"}
_SEVERITY_STYLE: dict[Severity, str] = {"deny": "red", "flag": "yellow", "info": "blue"}
_STATUS_WORDS = {"not_checked": "not checked", "not_applicable": "n/a"} | {
    status: status for status in ("fail", "pass", "bypassed")
}
_STATUS_STYLE = {"fail": "red", "pass": "green"}
_OUTCOME_WIDTH = 13
_CLAIM_WIDTH = 14
_RULE_WIDTH = 13
_LABEL_WIDTH = 6
_STATUS_WIDTH = 13


@dataclass(slots=True)
class Totals:
    """What the last lines add up."""

    outcomes: Counter[str] = field(default_factory=Counter)
    missing: set[str] = field(default_factory=set)
    claims_not_checked: int = 0
    out_of_scope: int = 0
    charged: Decimal = Decimal(0)
    at_risk: Decimal = Decimal(0)
    fired: str | None = None
    """The first rule of those that made claims other than accepted."""

    def add(self, decision: Decision) -> None:
        """Count a decision."""
        self.outcomes[decision.outcome] += 1
        self.missing |= {entry.missing for entry in decision.checks.not_checked}
        self.claims_not_checked += bool(decision.checks.not_checked)
        self.out_of_scope += not decision.in_scope
        self.charged += decision.total_charge
        self.at_risk += decision.amount_at_risk
        counting = (finding.rule for finding in decision.findings if finding.severity != "info")
        self.fired = self.fired or next(counting, None)


NOTHING_TO_MEND = ("none", "none needed")
"""How the suggestion of a rule begins, up to a colon, when there is nothing to mend."""

HEADLINED = {"ncci": "NCCI", "icd10cm": "ICD-10-CM"}
"""The tables whose vintage is worth the first line."""


class TextWriter:
    """A block for each claim that needs a hand, a line for each that does not."""

    def __init__(self, ruleset: Ruleset) -> None:
        never_fail_to_encode()
        self._width = min(max(shutil.get_terminal_size().columns, WIDTH_MIN), WIDTH_MAX)
        self._colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        vintages = [
            f"{name} {ruleset.vintages[table]}" for table, name in HEADLINED.items() if table in ruleset.vintages
        ]
        self._in_force = [f"rules {ruleset.version.version}", *vintages]
        self._totals = Totals()
        self._below_block = True

    def file(self, name: str, kind: str) -> None:
        """A headline, the first one with the rules and tables in force."""
        shown = "standard input" if name == STDIN else printable(name)
        self._gap()
        self._wrapped(" · ".join([shown, kind, *self._in_force]), bold=True)
        self._gap()
        self._in_force = []

    def write(self, seen: Checked | Refused | Warned) -> None:
        """A block for a claim or rejection, a line for a warning."""
        if isinstance(seen, Warned):
            self._wrapped(printable(f"{seen.at}: {seen.message}"), first=f"{'warning':<{_OUTCOME_WIDTH}}", dim=True)
        elif isinstance(seen, Refused):
            self._totals.outcomes["rejected"] += 1
            self._refused(seen)
        else:
            self._totals.add(seen.decided.decision)
            self._claim(seen)

    def close(self) -> None:
        """The totals, and where to look next."""
        outcomes = self._totals.outcomes
        count = outcomes.total()
        if not count:
            return
        words = [f"{outcomes[name]:,} {name}" for name in (*OUTCOMES, "rejected") if outcomes[name]]
        beyond = f" ({self._totals.out_of_scope:,} out of scope)" if self._totals.out_of_scope else ""
        self._gap()
        money = f"{dollars(self._totals.at_risk)} at risk of {dollars(self._totals.charged)}"
        self._beside(f"{counted(count, 'claim')}: {' · '.join(words)}{beyond}", money, bold=True)
        self._not_checked(self._totals.missing, f"in {counted(self._totals.claims_not_checked, 'claim')}")
        if self._totals.fired:
            self._say(f"Why a rule fired: claimstream rules show {self._totals.fired}, or check --explain", dim=True)
        self._say("For programs and spreadsheets: claimstream check FILE --output json, or csv", dim=True)

    def _claim(self, seen: Checked) -> None:
        decision, claim = seen.decided.decision, seen.claim
        block = bool(decision.findings)
        if block:
            self._gap()
        money = dollars(decision.total_charge)
        if decision.amount_at_risk:
            money = f"{dollars(decision.amount_at_risk)} at risk of {money}"
        head = f"{decision.outcome.upper():<{_OUTCOME_WIDTH}}{printable(decision.claim_id):<{_CLAIM_WIDTH}}  "
        who = printable(about(seen.decided, claim))
        fits = len(head) + len(who) + len(money) + 2 <= self._width
        self._beside(f"{head}{who}" if fits else head, money, fg=_OUTCOME_STYLE[decision.outcome], bold=block)
        below = ([] if fits else [who]) + ([seen.place.in_words()] if block else [])
        if below:
            self._wrapped(printable(" · ".join(below)), indent=_OUTCOME_WIDTH, dim=True)
        if block:
            self._findings(seen, claim)
            lacking = decision.checks.not_checked
            self._not_checked({entry.missing for entry in lacking}, counted(len(lacking), "rule"))
            self._gap()
        self._explained(seen.explanation)

    def _explained(self, explanation: Sequence[Explained]) -> None:
        """Every rule, by family: where it stands and why."""
        for family, rules in groupby(explanation, key=lambda each: each.rule.family):
            self._say(f"  {family}", bold=True)
            for each in rules:
                first = f"    {each.rule.id:<{_RULE_WIDTH - 4}}{_STATUS_WORDS[each.status]:<{_STATUS_WIDTH}}"
                words = f"{each.rule.name}: {each.in_words()}"
                self._wrapped(printable(words), first=first, fg=_STATUS_STYLE.get(each.status), dim=not each.overrides)
        if explanation:
            self._gap()

    def _findings(self, seen: Checked, claim: Claim) -> None:
        shown: tuple[int, ...] | None = None
        for found, finding in zip(seen.decided.evaluation.findings, seen.decided.decision.findings, strict=True):
            if found.lines != shown:
                self._lines(found.lines, claim)
                shown = found.lines
            self._finding(finding)

    def _lines(self, indexes: tuple[int, ...], claim: Claim) -> None:
        if not indexes:
            self._beside("  whole claim", dollars(claim.total_charge))
            return
        lines = [claim.service_lines[index] for index in indexes]
        names = ", ".join(map(_name_of, lines))
        codes = ", ".join("-".join([line.procedure_code, *line.modifiers]) for line in lines)
        pointers = dict.fromkeys(pointer for line in lines for pointer in line.diagnosis_pointers)
        places = (pointer for pointer in pointers if 1 <= pointer <= len(claim.diagnoses))
        pointed = " ".join(dotted(claim.diagnoses[place - 1].code) for place in places)
        head = f"  line{'s' * (len(lines) > 1)} {names}  {codes}  {pointed}"
        self._beside(printable(head).rstrip(), dollars(sum((line.charge for line in lines), Decimal(0))))

    def _finding(self, finding: Finding) -> None:
        carc = [f"CARC {finding.carc}"] if finding.carc else []
        codes = " · ".join([*carc, *finding.rarc] if carc or not finding.rarc else ["RARC " + " · ".join(finding.rarc)])
        first = f"    {finding.rule:<{_RULE_WIDTH - 4}}{finding.severity:<{_LABEL_WIDTH}}"
        *above, last = self._folded(printable(finding.message), first)
        for line in above:
            self._say(line, fg=_SEVERITY_STYLE[finding.severity])
        self._beside(last, codes, fg=_SEVERITY_STYLE[finding.severity])
        if not _asks_nothing(finding):
            self._labelled("fix", finding.suggestion)
        vintage = f" ({finding.citation.vintage})" if finding.citation.vintage else ""
        section = f", {finding.citation.section}" if finding.citation.section else ""
        self._labelled("why", f"{finding.citation.document}{section}{vintage}", dim=True)

    def _refused(self, seen: Refused) -> None:
        self._gap()
        rejection = seen.item.rejection
        at = "" if rejection.at in rejection.message else f" · {rejection.at}"
        where = printable(f"{seen.place.in_words()} · byte {seen.place.byte:,}{at}")
        self._wrapped(where, first=f"{'REJECTED':<{_OUTCOME_WIDTH}}", fg=_OUTCOME_STYLE["rejected"], bold=True)
        # House style of a rejection: what, then after the last semicolon how to mend it.
        what, found, fix = rejection.message.rpartition("; ")
        self._wrapped(f"{what if found else fix} ({rejection.code})", indent=_OUTCOME_WIDTH)
        if found:
            self._labelled("fix", fix)
        self._gap()

    def _not_checked(self, missing: Collection[str], how_many: str) -> None:
        """Which inputs some rules lacked, by where they would have come from."""
        by_source: dict[str, list[str]] = {}
        for name in sorted(missing):
            source, _, inner = name.partition(".")
            words = (inner or source).replace("_", " ").replace(".", " ")
            by_source.setdefault(SOURCE_WORDS.get(source, ""), []).append(words)
        told = [f"{', '.join(names)} ({source})" if source else ", ".join(names) for source, names in by_source.items()]
        if told:
            self._wrapped(f"{' · '.join(told)} · {how_many}", first="  not checked: ", dim=True)

    def _labelled(self, label: str, text: str, *, dim: bool = False) -> None:
        self._wrapped(printable(text), first=f"{' ' * _RULE_WIDTH}{label:<{_LABEL_WIDTH}}", dim=dim)

    def _wrapped(
        self,
        text: str,
        *,
        first: str = "",
        indent: int = 0,
        fg: str | None = None,
        bold: bool = False,
        dim: bool = False,
    ) -> None:
        for line in self._folded(text, first or " " * indent):
            self._say(line, fg=fg, bold=bold, dim=dim)

    def _folded(self, text: str, first: str) -> list[str]:
        """Lines of at most the width, the later ones below the text of the first; codes are never broken."""
        return textwrap.wrap(
            text,
            self._width,
            initial_indent=first,
            subsequent_indent=" " * len(first),
            break_long_words=False,
            break_on_hyphens=False,
        ) or [first]

    def _beside(self, left: str, right: str, *, fg: str | None = None, bold: bool = False) -> None:
        """Words on the left, money or codes at the right edge; below each other where there is no room."""
        room = self._width - len(left) - len(right)
        if right and room >= 2:
            self._say(f"{left}{' ' * room}{right}", fg=fg, bold=bold)
        else:
            for line in self._folded(left.lstrip(), " " * (len(left) - len(left.lstrip()))):
                self._say(line, fg=fg, bold=bold)
            if right:
                self._say(f"{right:>{self._width}}", fg=fg, bold=bold)

    def _gap(self) -> None:
        """One empty line between blocks, never two."""
        if not self._below_block:
            self._say()
        self._below_block = True

    def _say(self, text: str = "", *, fg: str | None = None, bold: bool = False, dim: bool = False) -> None:
        styled = click.style(text, fg=fg, bold=bold or None, dim=dim or None) if self._colour and text else text
        sys.stdout.write(f"{styled}\n")
        self._below_block = False


def counted(count: int, noun: str) -> str:
    """`1 rule`, `2 rules`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _name_of(line: ServiceLine) -> str:
    return f"{line.line_number} (6R {line.control_number})" if line.control_number else str(line.line_number)


def _asks_nothing(finding: Finding) -> bool:
    return finding.severity == "info" and finding.suggestion.partition(":")[0] in NOTHING_TO_MEND
