"""Which mutants the type checker notices: it is asked once about all that no test noticed."""

import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from tests.mutation.checks import ROOT
from tests.mutation.mutants import Mutant

NO_TYPE_ERROR = frozenset({"redundant-expr", "unused-ignore"})
"""What mypy says of a change because it looks odd, not because a type is wrong."""
_ERROR = re.compile(r"(?:.*/)?(\w+)\.py:(\d+): error: (.*)  \[([a-z-]+)\]")


def ill_typed(mutants: Sequence[Mutant]) -> set[Mutant]:
    """Those of `mutants` in which mypy finds an error that is not in the module as it stands.

    Each is checked as a module of its own beside ours; what that alone makes wrong is wrong in an unchanged copy, too.
    """
    if not mutants:
        return set()
    with tempfile.TemporaryDirectory(prefix="claimstream-mutants-") as folder:
        texts = {f"mutant_{number}": mutant.source for number, mutant in enumerate(mutants)}
        paths = sorted({mutant.path for mutant in mutants})
        originals = {path: f"original_{number}" for number, path in enumerate(paths)}
        texts |= {name: path.read_text() for path, name in originals.items()}
        for name, text in texts.items():
            Path(folder, f"{name}.py").write_text(text)
        errors = _errors(Path(folder))
    return {
        mutant for number, mutant in enumerate(mutants) if errors[f"mutant_{number}"] - errors[originals[mutant.path]]
    }


def _errors(folder: Path) -> dict[str, set[str]]:
    """By module what mypy says of it. Raises RuntimeError when mypy itself fails."""
    command = ["-m", "mypy", "--config-file", "pyproject.toml", "--cache-dir", str(folder / "cache"), "--no-pretty"]
    told = subprocess.run(
        [sys.executable, *command, "--show-error-codes", *map(str, folder.glob("*.py"))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode not in (0, 1):
        raise RuntimeError(f"mypy could not check the mutants\n{told.stdout}{told.stderr}")
    errors: dict[str, set[str]] = defaultdict(set)
    for line in told.stdout.splitlines():
        if (found := _ERROR.fullmatch(line)) and found[4] not in NO_TYPE_ERROR:
            errors[found[1]].add(found[3])
    return errors
