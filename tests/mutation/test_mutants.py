from pathlib import Path
from textwrap import dedent

import pytest

pytest.importorskip("mutmut", reason="make mutants brings it, in an environment of its own")

from tests.mutation.mutants import Change, mutants_of


def changes(tmp_path: Path, source: str) -> list[Change]:
    path = tmp_path / "example.py"
    path.write_text(dedent(source))
    return [mutant.change for mutant in mutants_of(path, "example.py")]


def test_values_of_a_module_and_decorated_functions_are_changed(tmp_path):
    found = changes(
        tmp_path,
        """
        BOUND = 3

        class Claim:
            @property
            def is_large(self):
                return self.lines > BOUND
        """,
    )

    assert [
        Change("BOUND = 3", "BOUND = None"),
        Change("BOUND = 3", "BOUND = 4"),
        Change("return self.lines > BOUND", "return None"),
        Change("return self.lines > BOUND", "return self.lines >= BOUND"),
    ] == found


def test_the_text_of_a_message_is_changed_once(tmp_path):
    found = changes(tmp_path, 'def told(code):\n    yield f"{code} is Billed", "Twice"\n')

    assert [
        Change('yield f"{code} is Billed", "Twice"', "pass"),
        Change('yield f"{code} is Billed", "Twice"', 'yield f"{code}XX is BilledXX", "Twice"'),
        Change('yield f"{code} is Billed", "Twice"', 'yield f"{code} is Billed", "XXTwiceXX"'),
    ] == found


def test_a_condition_that_is_no_comparison_is_turned(tmp_path):
    found = changes(tmp_path, "def some(found):\n    return [each for each in found if each]\n")

    assert Change("return [each for each in found if each]", "return [each for each in found if (not (each))]") in found


def test_an_error_that_is_not_raised_is_a_mutant(tmp_path):
    assert Change("raise error", "pass") in changes(tmp_path, "def fail(error):\n    raise error\n")


def test_an_argument_that_is_left_out_leaves_the_others_as_they_stand(tmp_path):
    found = changes(
        tmp_path,
        """
        def found(rule, line):
            if line:
                rule.finding(
                    line,
                    at="/x",
                )
        """,
    )

    assert Change("line,", "") in found
    assert Change('at="/x",\n)', ")") in found


def test_what_is_no_behaviour_is_left_alone(tmp_path):
    found = changes(
        tmp_path,
        '''
        """What the module is for."""

        from typing import TYPE_CHECKING, Literal

        if TYPE_CHECKING:
            LATER = 1

        Kind = Literal["a", "b"]
        T = TypeVar("T")

        @dataclass(frozen=True)
        class Row:
            """A row."""

            kind: Kind | None
            """Its kind."""

        def pairs(one: "list[int]", other: "list[int]"):
            assert len(one) > 0, "nobody"
            for each in zip(one, other, strict=True):
                print(len(each))
        ''',
    )

    assert [Change("print(len(each))", "pass"), Change("print(len(each))", "print(None)")] == found


def test_a_mutant_knows_the_lines_of_its_statement(tmp_path):
    path = tmp_path / "example.py"
    path.write_text("def total(lines):\n    return sum(\n        line.charge + 1\n        for line in lines\n    )\n")
    lines = {mutant.change.after: mutant.lines for mutant in mutants_of(path, "example.py")}

    assert range(2, 4) == lines["line.charge + 2"]
