"""How `check` shows what it found: text for people, JSON lines for programs, CSV for a spreadsheet."""

import csv
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from schemas.claim import Claim
from schemas.decision import Decision, Finding
from streams.deciding import Decided
from streams.intake.items import Rejected, Span, Warned
from validators.decide import canonical_bytes
from validators.ruleset import Ruleset

PAYER_WORDS = {
    "medicare_ffs": "Medicare FFS",
    "medicare_advantage": "Medicare Advantage",
    "medicaid": "Medicaid",
    "commercial": "commercial",
    "workers_comp": "workers' compensation",
    "auto": "auto",
    "other": "other payer",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the input an item stood; `index` counts from 0 within the file."""

    file: str
    index: int
    where: str
    span: Span


@dataclass(frozen=True, slots=True)
class Checked:
    """A claim and its decision."""

    decided: Decided
    claim: Claim
    place: Place


@dataclass(frozen=True, slots=True)
class Refused:
    """What could not be read."""

    item: Rejected
    place: Place


class Writer(Protocol):
    """What every form of output can do."""

    def file(self, name: str) -> None:
        """A file begins."""

    def write(self, seen: Checked | Refused | Warned) -> None:
        """An item of it."""

    def close(self) -> None:
        """Nothing more comes."""


class JsonWriter:
    """One JSON object a line, nothing else."""

    def __init__(self, _ruleset: Ruleset) -> None:
        self._out = sys.stdout.buffer

    def file(self, name: str) -> None:
        """A file begins; its items name it."""

    def write(self, seen: Checked | Refused | Warned) -> None:
        """A decision or a rejection with its place in the input."""
        if isinstance(seen, Warned):
            return
        place = {"file": seen.place.file, "index": seen.place.index}
        if isinstance(seen, Refused):
            body: dict[str, Any] = {"outcome": "rejected", "rejection": seen.item.rejection.model_dump(mode="json")}
        else:
            body = seen.decided.decision.model_dump(mode="json", by_alias=True)
        self._out.write(canonical_bytes(body | {"input": place}) + b"\n")

    def close(self) -> None:
        """Flush."""
        self._out.flush()


COLUMNS = (
    "file", "index", "claim_id", "outcome", "total_charge", "amount_at_risk", "rule", "severity", "lines", "message",
    "suggestion", "carc", "rarc", "finding_amount_at_risk",
)  # fmt: skip


class CsvWriter:
    """A row a finding; a claim or rejection without one has a row of its own."""

    def __init__(self, _ruleset: Ruleset) -> None:
        self._rows = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
        self._rows.writeheader()

    def file(self, name: str) -> None:
        """A file begins; its rows name it."""

    def write(self, seen: Checked | Refused | Warned) -> None:
        """The rows of an item."""
        if isinstance(seen, Warned):
            return
        row: dict[str, Any] = {"file": seen.place.file, "index": seen.place.index}
        if isinstance(seen, Refused):
            rejection = seen.item.rejection
            self._rows.writerow(row | {"outcome": "rejected", "rule": rejection.code, "message": rejection.message})
            return
        decision = seen.decided.decision
        row |= decision.model_dump(mode="json", include={"claim_id", "outcome", "total_charge", "amount_at_risk"})
        for finding in decision.findings or (None,):
            self._rows.writerow(row | (_finding_columns(finding) if finding else {}))

    def close(self) -> None:
        """Flush."""
        sys.stdout.flush()


def _finding_columns(finding: Finding) -> dict[str, Any]:
    shown = finding.model_dump(mode="json", include={"rule", "severity", "message", "suggestion", "carc"})
    return shown | {
        "lines": " ".join(map(str, finding.lines)),
        "rarc": " ".join(finding.rarc),
        "finding_amount_at_risk": str(finding.amount_at_risk),
    }


@dataclass(slots=True)
class Totals:
    """What the last line adds up."""

    outcomes: Counter[str] = field(default_factory=Counter)
    charged: Decimal = Decimal(0)
    at_risk: Decimal = Decimal(0)

    def add(self, decision: Decision) -> None:
        """Count a decision."""
        self.outcomes[decision.outcome] += 1
        self.charged += decision.total_charge
        self.at_risk += decision.amount_at_risk


class TextWriter:
    """For people: each claim with what is wrong, why, and how to fix it."""

    def __init__(self, ruleset: Ruleset) -> None:
        from rich.console import Console  # noqa: PLC0415 - only people need it, and it costs start-up time

        self._console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
        self._ruleset = ruleset
        self._totals = Totals()

    def _say(self, text: str = "", style: str = "") -> None:
        self._console.print(text, style=style)

    def file(self, name: str) -> None:
        """A headline with the rules and tables in force."""
        vintages = [f"{table.upper()} {vintage}" for table, vintage in self._ruleset.reference.vintages().items()]
        self._say(" · ".join([name, f"rules {self._ruleset.version.version}", *vintages]), "bold")

    def write(self, seen: Checked | Refused | Warned) -> None:
        """A block for a claim or rejection, a line for a warning."""
        if isinstance(seen, Warned):
            self._say(f"warning      {seen.at}: {seen.message}", "dim")
        elif isinstance(seen, Refused):
            self._totals.outcomes["rejected"] += 1
            rejection = seen.item.rejection
            at = " · ".join(filter(None, [seen.place.where, f"byte {seen.place.span.start:,}", rejection.at]))
            self._say(f"REJECTED     claim {seen.place.index + 1} · {at}", "bold magenta")
            self._say(f"  {rejection.code}: {rejection.message}\n")
        else:
            self._totals.add(seen.decided.decision)
            self._claim(seen)

    def _claim(self, seen: Checked) -> None:
        decision, claim = seen.decided.decision, seen.claim
        context = seen.decided.context
        day = min(line.service_date_from for line in claim.service_lines)
        who = " · ".join(filter(None, [PAYER_WORDS[context.line_of_business], context.service_state, str(day)]))
        money = dollars(decision.total_charge)
        if decision.amount_at_risk:
            money = f"{dollars(decision.amount_at_risk)} at risk of {money}"
        style = {"accepted": "green", "flagged": "yellow", "denied-risk": "bold red"}[decision.outcome]
        self._say(f"{decision.outcome.upper():<12} {decision.claim_id:<14} {who:<40} {money:>14}", style)
        if not decision.findings:
            return
        self._say("  " + " · ".join(filter(None, [f"claim {seen.place.index + 1}", seen.place.where])), "dim")
        shown: tuple[int, ...] | None = None
        for found, finding in zip(seen.decided.evaluation.findings, decision.findings, strict=True):
            if found.lines != shown:
                self._lines(found.lines, claim)
                shown = found.lines
            self._finding(finding)
        missing = sorted({entry.missing for entry in decision.checks.not_checked})
        if missing:
            count = len(decision.checks.not_checked)
            self._say(f"  not checked: {', '.join(missing)} · {count} {'rule' if count == 1 else 'rules'}", "dim")
        self._say()

    def _lines(self, indexes: tuple[int, ...], claim: Claim) -> None:
        if not indexes:
            self._say("  whole claim")
        for index in indexes:
            line = claim.service_lines[index]
            name = f"{line.line_number} (6R {line.control_number})" if line.control_number else str(line.line_number)
            code = "-".join([line.procedure_code, *line.modifiers])
            pointed = [
                claim.diagnoses[pointer - 1].code
                for pointer in line.diagnosis_pointers
                if 1 <= pointer <= len(claim.diagnoses)
            ]
            self._say(f"  line {name}  {code}  {' '.join(map(dotted, pointed))}")

    def _finding(self, finding: Finding) -> None:
        codes = " · ".join([f"CARC {finding.carc}"] * bool(finding.carc) + list(finding.rarc))
        self._say(f"    {finding.rule:<8} {finding.message}    {codes}".rstrip())
        self._say(f"             fix   {finding.suggestion}", "cyan")
        vintage = f" ({finding.citation.vintage})" if finding.citation.vintage else ""
        section = f", {finding.citation.section}" if finding.citation.section else ""
        self._say(f"             why   {finding.citation.document}{section}{vintage}", "dim")

    def close(self) -> None:
        """The totals."""
        outcomes = self._totals.outcomes
        if not outcomes:
            return
        words = " · ".join(f"{count:,} {outcome}" for outcome, count in sorted(outcomes.items()))
        count = outcomes.total()
        money = f"{dollars(self._totals.at_risk)} at risk of {dollars(self._totals.charged)}"
        self._say(f"{count:,} {'claim' if count == 1 else 'claims'}: {words}     {money}", "bold")


def dollars(amount: Decimal) -> str:
    """Money for people: `$1,850.00`."""
    return f"${amount:,.2f}"


def dotted(code: str) -> str:
    """An ICD-10-CM code with its dot."""
    return f"{code[:3]}.{code[3:]}" if len(code) > 3 else code


WRITERS: dict[str, Callable[[Ruleset], Writer]] = {"csv": CsvWriter, "json": JsonWriter, "text": TextWriter}
