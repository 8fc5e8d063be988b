"""Change `validators` in one place after another and see whether the tests notice: `make mutants`.

A mutant of a rule is asked the rule's own vectors; one of the modules they stand on is asked the unit tests that run
its lines, too. Exit code 1: too many survive or are excused, or an excuse is for nothing.
"""

import argparse
import gc
import importlib
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from functools import cache

from tests.mutation.checks import ROOT
from tests.mutation.covering import Covering, measured
from tests.mutation.excuses import excused, excuses
from tests.mutation.mutants import Mutant
from tests.mutation.plan import Module, modules
from tests.mutation.report import complaints, survivors, table, tallies_of, write_report
from tests.mutation.trying import Outcome, Trial, Tried, try_all
from tests.mutation.typed import ill_typed

REPORT = ROOT / "ops" / "benchmarks" / "results" / "mutants-report.json"
SURVIVORS = ROOT / "var" / "mutants" / "survivors.diff"
FORKED_WITH = ("streams.vectors.run", "streams.rulebook.told", "hypothesis")
"""Imported once, so that a forked process imports only what its mutant changes."""
SECONDS_MAX = 600
"""For what is timed as it stands."""


def main() -> int:
    """Try what was asked for."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whatever ends it ends what it forked
    began = time.monotonic()
    chosen = modules(asked.only or [""])
    if not chosen:
        sys.stderr.write(
            f"no module of validators has {' or '.join(asked.only)} in its name; write part of one: code03\n"
        )
        return 2
    tried = _tried(chosen, asked.jobs)
    _settle(tried, Outcome.ILL_TYPED, ill_typed([*_surviving(tried)]))
    may_survive, unused = excused([*_surviving(tried)], {module.label for module in chosen}, excuses())
    _settle(tried, Outcome.EXCUSED, may_survive)
    tallies = tallies_of(tried)
    seconds = time.monotonic() - began
    SURVIVORS.parent.mkdir(parents=True, exist_ok=True)
    SURVIVORS.write_text(survivors(tried))
    if asked.only:
        sys.stdout.write(f"{SURVIVORS.read_text()}\n")
    else:
        write_report(REPORT, tallies, seconds=seconds)
    wrong = complaints(tallies[-1], unused)
    sys.stdout.write(f"{table(tallies)}\n{seconds:.0f} s; survivors: {SURVIVORS.relative_to(ROOT)}\n")
    sys.stdout.write("".join(f"{complaint}\n" for complaint in wrong))
    return 1 if wrong else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--only", nargs="*", metavar="NAME", help="modules whose name contains one of these; no report")
    parser.add_argument("--jobs", type=int, default=2, help="mutants that are tried at a time")
    return parser.parse_args()


def _prepare() -> None:
    """Import and read what most mutants leave as it is, so that each forked process need not."""
    for name in FORKED_WITH:
        importlib.import_module(name)
    tables, loading = (importlib.import_module(f"validators.{name}") for name in ("tables", "loading"))
    read = tables.reference_of

    @cache
    def read_once(files: tuple[tuple[str, bytes], ...]) -> object:
        return read(dict(files))

    # `loading` is imported anew for most mutants, and forgets its tables; `tables` only where one changes them.
    tables.reference_of = loading.reference_of = lambda files: read_once(tuple(files.items()))
    loading.load_ruleset()


def _tried(chosen: Sequence[Module], jobs: int) -> dict[Mutant, Tried]:
    _prepare()
    covering = Covering((), {}) if all(each.is_rule_with_vectors for each in chosen) else measured()
    limits = _limits(chosen, covering, jobs)
    tried = {mutant: Tried(Outcome.SURVIVED, 0) for module in chosen for mutant in module.mutants}
    gc.freeze()  # what is here is shared with the forked processes, and stays so
    for number, (mutant, each) in enumerate(try_all(_trials(chosen, covering, limits), at_once=jobs), start=1):
        tried[mutant] = each
        if number % 100 == 0:
            sys.stderr.write(f"{number:,} of {len(tried):,} mutants tried: {mutant.name}\n")
    return tried


def _trials(chosen: Sequence[Module], covering: Covering, limits: dict[str, int]) -> Iterator[tuple[Mutant, Trial]]:
    for module in chosen:
        for mutant in module.mutants:
            checks = module.checks(covering, mutant.lines)
            yield mutant, module.trial(mutant.source, checks, limits[module.label])


def _limits(chosen: Sequence[Module], covering: Covering, jobs: int) -> dict[str, int]:
    """By module the seconds a mutant may take, from what its checks take as it stands: there, nothing may fail.

    Rules are timed each; of all others the one on which most depends, with all tests and vectors.
    """
    others = [module for module in chosen if not module.is_rule_with_vectors]
    slowest = max(others, key=lambda module: len(module.dependents), default=None)
    timed = [module for module in chosen if module.is_rule_with_vectors or module is slowest]
    trials = (
        (module, module.trial(module.path.read_text(), module.checks(covering, ()), SECONDS_MAX)) for module in timed
    )
    seconds: dict[Module | None, int] = {}
    for module, tried in try_all(trials, at_once=jobs):
        if tried.outcome != Outcome.SURVIVED:
            sys.exit(f"{module.label}: its vectors or tests fail as the code stands; mend them first")
        seconds[module] = 5 + round(3 * tried.seconds)
    return {module.label: seconds[module if module in seconds else slowest] for module in chosen}


def _surviving(tried: dict[Mutant, Tried]) -> Iterator[Mutant]:
    return (mutant for mutant, each in tried.items() if each.outcome == Outcome.SURVIVED)


def _settle(tried: dict[Mutant, Tried], outcome: Outcome, mutants: set[Mutant]) -> None:
    for mutant in mutants:
        tried[mutant] = tried[mutant]._replace(outcome=outcome)


if __name__ == "__main__":
    sys.exit(main())
