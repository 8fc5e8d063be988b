"""The table for people, the survivors for those who write tests, and the report for programs."""

import json
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.mutation.checks import ROOT
from tests.mutation.excuses import Excuse
from tests.mutation.mutants import Mutant
from tests.mutation.trying import Outcome, Tried

KILLED_MIN = 0.95
"""Of the mutants that are not excused."""
EXCUSED_MAX = 0.03
"""Of all mutants."""
COLUMNS = {
    "killed": Outcome.KILLED,
    "timed_out": Outcome.TIMED_OUT,
    "ill_typed": Outcome.ILL_TYPED,
    "survived": Outcome.SURVIVED,
    "excused": Outcome.EXCUSED,
}


class Tally(NamedTuple):
    """What became of the mutants of a module, or of all, and the processor time it took."""

    label: str
    outcomes: Counter[Outcome]
    seconds: float

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of a row. What is not Python is no mutant."""
        counts = {name: self.outcomes[outcome] for name, outcome in COLUMNS.items()}
        return {"mutants": sum(counts.values()), **counts}

    @property
    def share(self) -> float:
        """The part of those that are not excused which somebody noticed: a test, an endless loop or the types."""
        counts = self.counts
        judged = counts["mutants"] - counts["excused"]
        return 1 - counts["survived"] / judged if judged else 1.0


def tallies_of(tried: Mapping[Mutant, Tried]) -> list[Tally]:
    """A tally for each module, and one of all at the end."""
    labels = dict.fromkeys(mutant.name for mutant in tried)
    by_label = {label: [each for mutant, each in tried.items() if mutant.name == label] for label in labels}
    by_label["total"] = [*tried.values()]
    return [
        Tally(label, Counter(each.outcome for each in found), sum(each.seconds for each in found))
        for label, found in by_label.items()
    ]


def table(tallies: Sequence[Tally]) -> str:
    """A line a tally."""
    width = max(len(tally.label) for tally in tallies)
    names = [name.replace("_", " ") for name in tallies[0].counts]
    lines = [f"{'':{width}}{''.join(f'{name:>11}' for name in names)}{'noticed':>11}"]
    for tally in tallies:
        counts = "".join(f"{count:11,}" for count in tally.counts.values())
        lines.append(f"{tally.label:{width}}{counts}{tally.share:11.1%}")
    return "\n".join(lines)


def complaints(whole: Tally, unused: Sequence[Excuse]) -> list[str]:
    """The bars that are missed, and the excuses for nothing."""
    found = [
        f"excuses.yaml: no mutant of {each.module} survives with this change any more; remove it: {each.before}"
        for each in unused
    ]
    if whole.share < KILLED_MIN:
        found.append(f"{whole.share:.1%} of the mutants were noticed; {KILLED_MIN:.0%} are to be")
    excused, mutants = whole.counts["excused"], whole.counts["mutants"]
    if excused > EXCUSED_MAX * mutants:
        found.append(f"{excused} of {mutants} mutants are excused; at most {EXCUSED_MAX:.0%} may be")
    return found


def survivors(tried: Mapping[Mutant, Tried]) -> str:
    """Each survivor as a diff."""
    return "\n".join(mutant.diff for mutant, each in tried.items() if each.outcome == Outcome.SURVIVED)


def write_report(path: Path, tallies: Sequence[Tally], *, seconds: float) -> None:
    """The report as JSON; `seconds` by the clock, those of a row of processor time."""
    rows = [
        {
            "module": tally.label,
            **tally.counts,
            "noticed_share": round(tally.share, 4),
            "cpu_seconds": round(tally.seconds),
        }
        for tally in tallies
    ]
    report = {"commit": _commit(), "seconds": round(seconds), "rows": rows}
    path.write_text(json.dumps(report, indent=1) + "\n")


def _commit() -> str:
    told = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return told.stdout.strip()
