"""`claimstream rules test`: the vectors of rules, run under the rules in force."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import click
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from streams import clock
from streams.cli import EXIT_CLEAN, EXIT_FINDINGS, EXIT_USAGE, fail, print_line
from streams.cli.check_text import counted
from streams.cli.packs import packs_option, rules_of, settings_with
from streams.cli.screen import screen
from streams.rulebook.audience import UnknownNameError, no_rule, rule_named
from streams.rulebook.docs import in_catalogue_order
from streams.vectors.cases import VectorError, Vectors, file_of, read_vectors, vector_files
from streams.vectors.run import Runner, Verdict
from validators.loading import HERE
from validators.rule import Rule
from validators.ruleset import Ruleset

KINDS = ("fail", "pass", "not_applicable", "not_checked", "bypassed")

SHORT = {"not_applicable": "n/a", "not_checked": "not checked"}


@dataclass(slots=True)
class Tested:
    """A rule with its cases, run."""

    rule: Rule
    kinds: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[Path, Verdict]] = field(default_factory=list)

    def as_object(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "kind": "rule",
            "rule": self.rule.id,
            "cases": self.kinds.total(),
            "failed": len(self.failures),
            **{kind: self.kinds[kind] for kind in KINDS},
        }


@click.command("test")
@click.argument("rules", nargs=-1, metavar="[RULE]...")
@packs_option
@click.option(
    "--vectors",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder of a site's own vectors (YAML files), run besides the built-in ones.",
)
@click.option("--output", type=click.Choice(["text", "json"]), default="text", help="json: one object a line.")
def test_command(*, rules: tuple[str, ...], packs: Path | None, folder: Path | None, output: str) -> None:
    """Run the vectors of each RULE (of all rules without one) and tell which cases are not as expected.

    Packs laid over the built-in ones are in force here too: what they change, vectors of the built-in rules may tell.

    Exit code: 0 all as expected, 1 a case is not, or a RULE has no vectors, 2 usage, or vectors that cannot be used.
    """
    ruleset, began = rules_of(settings_with(packs)), clock.monotonic()
    try:
        chosen = [rule_named(ruleset, each) for each in rules] or [*ruleset.rules]
        tested = _tested(ruleset, chosen, folder)
    except (UnknownNameError, VectorError) as error:
        fail(str(error), EXIT_USAGE)
    if output == "json":
        for each in _objects(tested):
            print_line(each)
    else:
        _print(tested, clock.monotonic() - began)
    without = [each.rule for each in tested if rules and not each.kinds]
    if without:
        files = ", ".join(_shown(file_of(rule.id)) for rule in without)
        fail(f"nothing is proved of {', '.join(rule.id for rule in without)}; write vectors in {files}", EXIT_FINDINGS)
    raise SystemExit(EXIT_FINDINGS if any(each.failures for each in tested) else EXIT_CLEAN)


def _tested(ruleset: Ruleset, rules: Sequence[Rule], folder: Path | None) -> list[Tested]:
    tested = {rule.id: Tested(rule) for rule in in_catalogue_order(rules)}
    runner = Runner(ruleset)
    for path, vectors in [*_vectors(ruleset, folder)]:  # all are read before the first is run
        if (each := tested.get(vectors.rule)) is not None:
            for case in vectors.cases:
                each.kinds[case.kind] += 1
                verdict = runner.run(vectors.rule, case)
                if verdict.failed:
                    each.failures.append((path, verdict))
    return [*tested.values()]


def _vectors(ruleset: Ruleset, folder: Path | None) -> Iterator[tuple[Path, Vectors]]:
    own = [*vector_files(folder)] if folder else []
    if folder and not own:
        raise VectorError(f"{folder} holds no vectors; name a folder with YAML files of them")
    ids = {rule.id for rule in ruleset.rules}
    for path in (*vector_files(), *own):
        vectors = read_vectors(path)
        if vectors.rule not in ids:
            raise VectorError(f"vectors {path.name}, key rule: {no_rule(ruleset, vectors.rule)}")
        yield path, vectors


def _objects(tested: Sequence[Tested]) -> Iterator[dict[str, Any]]:
    """A line a failure, a line a rule, and the summary."""
    for each in tested:
        for path, verdict in each.failures:
            yield {
                "kind": "failure",
                "rule": verdict.rule,
                "case": verdict.case.name,
                "file": _shown(path),
                "wrong": [wrong._asdict() for wrong in verdict.wrong],
                "raised": verdict.raised,
            }
    for each in tested:
        yield each.as_object()
    cases, failed = _sums(tested)
    yield {"kind": "summary", "rules": len(tested), "cases": cases, "failed": failed}


def _print(tested: Sequence[Tested], seconds: float) -> None:
    out = screen()
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("rule")
    for name in ("vectors", *(SHORT.get(kind, kind) for kind in KINDS), "wrong"):
        table.add_column(name, justify="right")
    for each in tested:
        counts = [f"{each.kinds[kind]:,}" if each.kinds[kind] else "" for kind in KINDS]
        wrong = Text(f"{len(each.failures):,}" if each.failures else "", style="red")
        table.add_row(each.rule.id, f"{each.kinds.total():,}" if each.kinds else "none", *counts, wrong)
    out.print(table)
    for each in tested:
        for path, group in groupby(each.failures, key=itemgetter(0)):
            out.print()
            out.print(Text.assemble((each.rule.id, "bold red"), f"  {_shown(path)}"))
            for _, verdict in group:
                out.print(Padding(Text(verdict.case.name), (0, 0, 0, 2), expand=False))
                out.print(Padding(_differences(verdict), (0, 0, 0, 4), expand=False))
    cases, failed = _sums(tested)
    out.print()
    words = f"{failed:,} not as expected" if failed else "all as expected" if cases else "nothing is proved"
    sums = f"{counted(cases, 'vector')} of {counted(len(tested), 'rule')}"
    out.print(Text(f"{sums} in {seconds:,.1f} s: {words}", style="bold"))


def _differences(verdict: Verdict) -> Table:
    page = Table.grid(padding=(0, 2, 0, 0))
    for wrong in verdict.wrong:
        page.add_row(wrong.what, Text("expected", style="dim"), str(wrong.expected))
        page.add_row("", Text("seen", style="dim"), str(wrong.seen))
    if verdict.raised:
        page.add_row("raised", "", verdict.raised)
    return page


def _sums(tested: Sequence[Tested]) -> tuple[int, int]:
    """Cases, and those not as expected."""
    return sum(each.kinds.total() for each in tested), sum(len(each.failures) for each in tested)


def _shown(path: Path) -> str:
    """A file as a person finds it: built-in ones by their place in the repository."""
    return path.relative_to(HERE.parent).as_posix() if path.is_relative_to(HERE) else str(path)
