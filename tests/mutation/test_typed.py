import pytest

pytest.importorskip("mutmut", reason="make mutants brings it, in an environment of its own")

from tests.mutation.mutants import mutants_of
from tests.mutation.typed import ill_typed

SOURCE = """from validators.lines import Line

class Seen:
    def of(self, line: Line, other: "Seen") -> int:
        return other.of(line, self) if line.index > 1 else 0
"""


def test_mypy_notices_a_change_of_types_and_no_other(tmp_path):
    path = tmp_path / "example.py"
    path.write_text(SOURCE)
    mutants = mutants_of(path, "example.py")
    noticed = ill_typed(mutants)

    assert [
        "return None",
        "return other.of(None, self) if line.index > 1 else 0",
        "return other.of(line, None) if line.index > 1 else 0",
        "return other.of(self) if line.index > 1 else 0",
        "return other.of(line, ) if line.index > 1 else 0",
    ] == [mutant.change.after for mutant in mutants if mutant in noticed]


def test_nothing_is_asked_where_nothing_survived():
    assert set() == ill_typed([])
