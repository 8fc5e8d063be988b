from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streams.vectors.cases import Case, read_vectors, vector_files
from streams.vectors.run import Runner
from tests.validators.building import ruleset

FILES = [*vector_files()]


def all_cases() -> Iterator[Any]:
    for path in FILES:
        vectors = read_vectors(path)
        for case in vectors.cases:
            yield pytest.param(vectors.rule, case, id=f"{vectors.rule}: {case.name}")


@pytest.fixture(scope="module")
def runner() -> Runner:
    return Runner(ruleset())


@pytest.mark.parametrize(("rule", "case"), list(all_cases()))
def test_a_rule_says_what_its_vector_expects(runner: Runner, rule: str, case: Case) -> None:
    verdict = runner.run(rule, case)

    assert () == verdict.wrong
    assert verdict.raised is None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_vectors_of_a_rule_hold_a_fail_and_a_pass_under_names_of_their_own(path: Path) -> None:
    vectors = read_vectors(path)
    names = sorted(case.name for case in vectors.cases)

    assert {"fail", "pass"} <= {case.kind for case in vectors.cases}
    assert sorted(set(names)) == names
    assert vectors.rule == path.stem[:-2].upper() + "-" + path.stem[-2:]


def test_every_rule_but_the_one_about_errors_has_vectors() -> None:
    # No claim can make a rule raise; test_engine.py brings it about.
    wanted = {rule.id for rule in ruleset().rules} - {"SYS-02"}

    assert wanted == {read_vectors(path).rule for path in FILES}
