"""How `check` shows what it found to programs: JSON lines and CSV. What people read is in `check_text`."""

import csv
import io
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import click

from schemas.claim import Claim
from schemas.decision import Finding
from streams.deciding import Decided
from streams.intake.items import Rejected, Warned
from streams.rulebook.explained import Explained
from validators.decide import canonical_bytes
from validators.ruleset import Ruleset


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the input an item stood.

    `index` counts from 0 within the file; `byte` is where it begins; `line` counts from 1 in a file of JSON lines.
    """

    file: str
    index: int
    where: str
    byte: int
    line: int | None

    def in_words(self) -> str:
        """For a person: the line of the file or the number of the claim, and where it stands in X12."""
        if self.line is not None:
            entry = f"line {self.line:,} of the file"
        else:
            # "ST 0001 · claim 2" and "Claim 2 of the Bundle" say it already.
            told = re.search(rf"\bclaim {self.index + 1}\b", self.where, re.IGNORECASE)
            entry = "" if told else f"claim {self.index + 1:,}"
        return " · ".join(filter(None, (entry, self.where)))


@dataclass(frozen=True, slots=True)
class Checked:
    """A claim and its decision, and where asked for, why every rule stands where it does."""

    decided: Decided
    claim: Claim
    place: Place
    explanation: tuple[Explained, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """What could not be read."""

    item: Rejected
    place: Place


class Writer(Protocol):
    """What every form of output can do."""

    def file(self, name: str, kind: str) -> None:
        """A file begins; `kind` is what it is in a few words."""

    def write(self, seen: Checked | Refused | Warned) -> None:
        """An item of it."""

    def close(self) -> None:
        """Nothing more comes."""


class _ForPrograms:
    """Warnings go to stderr, for stdout holds nothing but the items."""

    _file = ""

    def file(self, name: str, kind: str) -> None:
        """A file begins; its items name it."""
        del kind
        self._file = name

    def _warn(self, warned: Warned) -> None:
        click.echo(printable(f"warning: {self._file}, {warned.at}: {warned.message}"), err=True)


class JsonWriter(_ForPrograms):
    """One JSON object a line, nothing else."""

    def __init__(self, _ruleset: Ruleset) -> None:
        self._out = sys.stdout.buffer

    def write(self, seen: Checked | Refused | Warned) -> None:
        """A decision or a rejection with its place in the input."""
        if isinstance(seen, Warned):
            self._warn(seen)
            return
        place = {"file": seen.place.file, "index": seen.place.index}
        if isinstance(seen, Refused):
            body: dict[str, Any] = {"outcome": "rejected", "rejection": seen.item.rejection.model_dump(mode="json")}
        else:
            body = seen.decided.decision.model_dump(mode="json")
            if seen.explanation:
                body["explanation"] = [each.as_object() for each in seen.explanation]
        line = canonical_bytes(body | {"input": place})
        for separator, escape in _LINE_SEPARATORS:
            line = line.replace(separator, escape)
        self._out.write(line + b"\n")

    def close(self) -> None:
        """Flush."""
        self._out.flush()


_LINE_SEPARATORS = tuple((mark.encode(), b"\\u%04x" % ord(mark)) for mark in "\x85\u2028\u2029")
"""What JSON lets stand in a string, and some readers of lines take for the end of one; the same text when escaped."""

COLUMNS = (
    "file", "index", "claim_id", "outcome", "total_charge", "amount_at_risk", "rule", "severity", "lines", "message",
    "suggestion", "carc", "rarc", "finding_amount_at_risk", "at",
)  # fmt: skip


class CsvWriter(_ForPrograms):
    """A row a finding; a claim or rejection without one has a row of its own."""

    def __init__(self, _ruleset: Ruleset) -> None:
        never_fail_to_encode()
        self._rows = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
        self._rows.writeheader()

    def write(self, seen: Checked | Refused | Warned) -> None:
        """The rows of an item."""
        if isinstance(seen, Warned):
            self._warn(seen)
            return
        row: dict[str, Any] = {"file": _cell(seen.place.file), "index": seen.place.index}
        if isinstance(seen, Refused):
            rejection = seen.item.rejection
            shown = {"rule": rejection.code, "message": rejection.message, "at": rejection.at}
            self._rows.writerow(row | {"outcome": "rejected"} | shown)
            return
        decision = seen.decided.decision
        row |= decision.model_dump(mode="json", include={"outcome", "total_charge", "amount_at_risk"})
        row["claim_id"] = _cell(decision.claim_id)
        for finding in decision.findings or (None,):
            self._rows.writerow(row | (_finding_columns(finding) if finding else {}))

    def close(self) -> None:
        """Flush."""
        sys.stdout.flush()


def _finding_columns(finding: Finding) -> dict[str, Any]:
    shown = finding.model_dump(mode="json", include={"rule", "severity", "carc", "at"})
    return shown | {
        "message": _cell(finding.message),
        "suggestion": _cell(finding.suggestion),
        "lines": " ".join(map(str, finding.lines)),
        "rarc": " ".join(finding.rarc),
        "finding_amount_at_risk": str(finding.amount_at_risk),
    }


def _cell(text: str) -> str:
    """Text of a claim for a spreadsheet, which would run what begins like a formula."""
    shown = printable(text)
    return f"'{shown}" if shown.startswith(("=", "+", "-", "@")) else shown


def printable(text: str) -> str:
    """Text of a claim or a file name for a terminal: what is no character to be seen would steer it."""
    return (
        text
        if text.isprintable()
        else "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
    )


def never_fail_to_encode() -> None:
    """Show ? for what the encoding of stdout lacks, rather than end half way."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _text(ruleset: Ruleset) -> Writer:
    from streams.cli.check_text import TextWriter  # noqa: PLC0415 - it stands on this module

    return TextWriter(ruleset)


WRITERS: dict[str, Callable[[Ruleset], Writer]] = {"csv": CsvWriter, "json": JsonWriter, "text": _text}
