from pathlib import Path

import pytest

pytest.importorskip("mutmut", reason="make mutants brings it, in an environment of its own")

from pydantic import ValidationError

from tests.mutation.excuses import Excuse, excused, excuses
from tests.mutation.mutants import Mutant
from tests.mutation.report import complaints, survivors, table, tallies_of
from tests.mutation.trying import Outcome, Tried


def tried_of(path: Path, **counts: int) -> dict[Mutant, Tried]:
    """As many mutants of each outcome."""
    path.write_text("\n" * 2000)
    outcomes = [Outcome[name.upper()] for name, count in counts.items() for _ in range(count)]
    return {
        Mutant(path, path.name, range(1), number, number + 1, "x = 1\n"): Tried(outcome, 0.5)
        for number, outcome in enumerate(outcomes)
    }


@pytest.fixture
def example(tmp_path: Path) -> Path:
    return tmp_path / "example.py"


def whole_of(path: Path, **counts: int) -> list[str]:
    return complaints(tallies_of(tried_of(path, **counts))[-1], ())


def test_what_is_not_python_is_not_counted_and_what_types_or_time_notice_is_noticed(example):
    (row, whole) = tallies_of(
        tried_of(example, killed=90, timed_out=2, ill_typed=3, survived=5, excused=4, not_python=9)
    )

    assert {"mutants": 104, "killed": 90, "timed_out": 2, "ill_typed": 3, "survived": 5, "excused": 4} == row.counts
    assert row.counts == whole.counts
    assert 0.95 == row.share
    assert 56.5 == whole.seconds


def test_the_bar_is_met_at_ninety_five_in_a_hundred(example):
    assert [] == whole_of(example, killed=95, survived=5)
    assert ["94.9% of the mutants were noticed; 95% are to be"] == whole_of(example, killed=949, survived=51)


def test_three_in_a_hundred_may_be_excused(example):
    assert [] == whole_of(example, killed=97, excused=3)
    assert ["4 of 100 mutants are excused; at most 3% may be"] == whole_of(example, killed=96, excused=4)


def test_an_excuse_without_a_mutant_is_told(example):
    excuse = Excuse(module="example.py", before="a = 1", after="a = 2", reason="nobody reads what a says")
    whole = tallies_of(tried_of(example, killed=1))[-1]

    assert ["excuses.yaml: no mutant of example.py survives with this change any more; remove it: a = 1"] == complaints(
        whole, [excuse]
    )


def test_a_survivor_is_excused_by_its_change_and_an_excuse_of_a_killed_one_is_left_over(tmp_path):
    path = tmp_path / "example.py"
    path.write_text("a = 1\n  b = 2\n")
    mutant = Mutant(path, "example.py", range(2, 3), 12, 13, "3")
    excusing = Excuse(module="example.py", before="b = 2", after="b = 3", reason="nobody reads what b says")
    for_nothing = Excuse(module="example.py", before="a = 1", after="a = 2", reason="nobody reads what a says")
    of_another = Excuse(module="other.py", before="a = 1", after="a = 2", reason="nobody reads what a says")

    assert ({mutant}, [for_nothing]) == excused([mutant], {"example.py"}, [excusing, for_nothing, of_another])


def test_an_excuse_of_a_pattern_of_modules_is_of_all_of_them(tmp_path):
    path = tmp_path / "example.py"
    path.write_text("a = 1\n")
    mutants = [Mutant(path, name, range(1, 2), 4, 5, "3") for name in ("rules/a.py", "rules/b.py", "c.py")]
    excuse = Excuse(module="rules/*.py", before="a = 1", after="a = 3", reason="nobody reads what a says")

    assert ({*mutants[:2]}, []) == excused(mutants, {"rules/a.py", "rules/b.py", "c.py"}, [excuse])


def test_a_row_of_the_table_tells_all_counts(example):
    head, row, whole = table(tallies_of(tried_of(example, killed=18, survived=2))).splitlines()

    assert ["mutants", "killed", "timed", "out", "ill", "typed", "survived", "excused", "noticed"] == head.split()
    assert ["example.py", "20", "18", "0", "0", "2", "0", "90.0%"] == row.split()
    assert row.split()[1:] == whole.split()[1:]


def test_survivors_are_told_as_diffs(tmp_path):
    path = tmp_path / "example.py"
    path.write_text("a = 1\nb = 2\n")
    mutant = Mutant(path, "example.py", range(2, 3), 10, 11, "3")
    other = Mutant(path, "example.py", range(1, 2), 4, 5, "9")
    tried = {mutant: Tried(Outcome.SURVIVED, 0), other: Tried(Outcome.KILLED, 0)}

    assert "--- example.py\n+++ example.py\n@@ -1,2 +1,2 @@\n a = 1\n-b = 2\n+b = 3\n" == survivors(tried)


def test_an_excuse_without_a_reason_is_refused(tmp_path):
    path = tmp_path / "excuses.yaml"
    path.write_text("- {module: a.py, before: x, after: y, reason: ''}\n")

    with pytest.raises(ValidationError, match="reason"):
        excuses(path)


def test_the_excuses_that_stand_there_can_be_read():
    assert all(excuse.module.startswith("validators/") for excuse in excuses())
