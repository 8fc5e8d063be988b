import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.mutation.trying import Outcome, Trial, Tried, try_all

SOURCE = "def larger(one, other):\n    return one if one > other else other\n"
USER = """
from example_of_mutation import larger

def largest(numbers):
    found = 0
    for each in numbers:
        found = larger(found, each)
    return found
"""


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module, and one that imports it."""
    path = tmp_path / "example_of_mutation.py"
    path.write_text(SOURCE)
    (tmp_path / "user_of_example.py").write_text(USER)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("user_of_example")
    yield path
    for name in ("example_of_mutation", "user_of_example"):
        del sys.modules[name]


def largest(*numbers: int) -> int:
    found: int = importlib.import_module("user_of_example").largest(numbers)
    return found


def trial(path: Path, source: str, *checks: Callable[[], bool]) -> Trial:
    return Trial(path.stem, path, source, frozenset({"user_of_example"}), checks, seconds=1)


def tried(*trials: Trial) -> dict[int, Tried]:
    return dict(try_all(enumerate(trials), at_once=2))


def outcomes(*trials: Trial) -> list[Outcome]:
    found = tried(*trials)
    return [found[number].outcome for number in range(len(trials))]


def test_a_mutant_that_no_check_notices_survives(example):
    other = SOURCE.replace(">", ">=")

    assert [Outcome.SURVIVED] == outcomes(trial(example, other, lambda: largest(2, 3) == 3, lambda: largest(3) == 3))


def test_a_mutant_is_killed_by_a_check_of_a_module_that_imports_it(example):
    other = SOURCE.replace(">", "<")

    assert [Outcome.KILLED] == outcomes(trial(example, other, lambda: largest(2, 3) == 3))


def test_a_mutant_that_raises_or_ends_the_process_is_killed(example):
    raising = SOURCE.replace("return", "raise ValueError\n    return")
    ending = f"import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n{SOURCE}"
    without = "smaller = 1\n"

    assert [Outcome.KILLED] * 3 == outcomes(
        *(trial(example, source, lambda: largest(2, 3) == 3) for source in (raising, ending, without))
    )


def test_an_endless_loop_ends_with_the_processor_time_it_may_take(example):
    endless = SOURCE.replace("return", "while one is not None: pass\n    return")
    found = tried(trial(example, endless, lambda: largest(2, 3) == 3))[0]

    assert Outcome.TIMED_OUT == found.outcome


def test_what_is_not_python_is_no_mutant(example):
    assert [Outcome.NOT_PYTHON] == outcomes(trial(example, "def larger(:\n", lambda: True))


def test_the_module_stays_as_it_is_where_mutants_are_tried(example):
    outcomes(trial(example, SOURCE.replace(">", "<"), lambda: largest(2, 3) == 3))

    assert 3 == largest(2, 3)


def test_each_of_many_mutants_is_answered(example):
    sources = [SOURCE.replace(">", sign) for sign in (">", "<", ">=", "<=", ">")]
    trials = [trial(example, source, lambda: largest(2, 3) == 3) for source in sources]

    assert [0, 1, 0, 1, 0] == outcomes(*trials)
