"""Which unit tests run which lines: of those of `tests/validators` that are the same each time.

The vectors of rules are run without pytest, and are no tests here. What claims made at random find is chance.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from coverage import CoverageData

from tests.mutation.checks import ROOT

FOLDER = "tests/validators"
NOT_ASKED = ("test_vectors.py", "test_properties.py")
UNAWARE = (
    "test_decide.py::test_hash_seed_time_zone_and_locale_change_no_byte",
    "test_loading.py::test_a_byte_of_code_or_of_a_built_in_pack_changes_the_hash",
)
"""They run Python anew, which reads the files as they stand."""


@dataclass(frozen=True)
class Covering:
    """Tests by file and line, in the order in which pytest runs them."""

    tests: tuple[str, ...]
    by_line: dict[str, dict[int, frozenset[str]]]

    def of(self, path: Path, lines: Iterable[int]) -> tuple[Sequence[str], Sequence[str]]:
        """The tests that run one of `lines`, all when they run on import: of the file named for `path`, and others."""
        running = self.by_line.get(str(path), {})
        covering: frozenset[str] = frozenset().union(*(running.get(line, frozenset()) for line in lines))
        chosen = [test for test in self.tests if not covering or test in covering]
        own = f"{FOLDER}/test_{path.stem}.py::"
        return [each for each in chosen if each.startswith(own)], [each for each in chosen if not each.startswith(own)]


def measured() -> Covering:
    """What the tests run now. Raises RuntimeError when one fails."""
    with tempfile.TemporaryDirectory(prefix="claimstream-mutants-") as folder:
        file = Path(folder) / "coverage"
        ignored = [f"--ignore={FOLDER}/{name}" for name in NOT_ASKED]
        ignored += [f"--deselect={FOLDER}/{name}" for name in UNAWARE]
        command = ["-m", "pytest", FOLDER, *ignored, "-q", "-p", "no:cacheprovider", "-rA", "--no-header"]
        told = subprocess.run(
            [sys.executable, *command, "--cov=validators", "--cov-context=test", "--cov-report="],
            cwd=ROOT,
            env={**os.environ, "COVERAGE_FILE": str(file)},
            capture_output=True,
            text=True,
            check=False,
        )
        if told.returncode != 0:
            raise RuntimeError(f"the tests fail as the code stands; mend them first\n{told.stdout}")
        data = CoverageData(str(file))
        data.read()
        by_line = {
            path: {
                line: frozenset(context.partition("|")[0] for context in contexts if context)
                for line, contexts in data.contexts_by_lineno(path).items()
            }
            for path in data.measured_files()
        }
    tests = tuple(line.removeprefix("PASSED ") for line in told.stdout.splitlines() if line.startswith("PASSED "))
    return Covering(tests, by_line)
