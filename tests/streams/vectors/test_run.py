import subprocess
import sys
from dataclasses import replace

import pytest

from streams.vectors.cases import Case, VectorError
from streams.vectors.run import Runner, Wrong, first_failure
from tests.validators.building import ruleset
from validators.ruleset import Ruleset

ADD_ON_ALONE = {"service_lines": [{"procedure_code": "64484"}]}

TRIAL = {"rules": {"CODE-03": {"stage": "trial"}}}


def case(expect, given=None, **more):
    return Case(name="a case", given=given or {}, expect=expect, **more)


def raising(lines, context):
    raise LookupError("nothing there")
    yield


def with_rule(rule_id: str, **changes) -> Ruleset:
    """The ruleset with one rule changed."""
    rules = tuple(replace(rule, **changes) if rule.id == rule_id else rule for rule in ruleset().rules)
    return replace(ruleset(), rules=rules)


@pytest.fixture(scope="module")
def runner() -> Runner:
    return Runner(ruleset())


@pytest.mark.parametrize(
    ("rule", "expect", "given"),
    [
        ("CODE-03", "pass", {}),
        ("CODE-03", "fail", ADD_ON_ALONE),
        ("CODE-03", {"status": "fail", "lines": [1], "findings": 1, "rarc": ["N122"]}, ADD_ON_ALONE),
        (
            "CODE-03",
            "bypassed by CODE-04",
            {"service_lines": [{"procedure_code": code} for code in ("64484", "64479")]},
        ),
        ("CODE-03", "not_applicable", {"frequency_code": "8"}),
        ("GUID-01", "not_checked missing encounter.guidance", {}),
    ],
)
def test_a_case_that_is_as_expected_has_nothing_wrong(runner, rule, expect, given):
    assert () == runner.run(rule, case(expect, given)).wrong


def test_another_status_is_all_that_is_told(runner):
    verdict = runner.run("CODE-03", case({"status": "fail", "lines": [1]}))

    assert verdict.failed
    assert (Wrong("status", "fail", "pass"),) == verdict.wrong
    assert verdict.raised is None


def test_each_difference_of_a_finding_is_told(runner):
    asked = {"status": "fail", "lines": [2], "severity": "flag", "carc": "107", "observed": {}}
    verdict = runner.run("CODE-03", case(asked, ADD_ON_ALONE))

    assert (
        Wrong("lines", [2], [1]),
        Wrong("severity", "flag", "deny"),
        Wrong("observed", {}, {"procedure_code": "64484"}),
    ) == verdict.wrong


@pytest.mark.parametrize(("packs", "severity"), [(None, "deny"), (TRIAL, "info"), ({"rules": {}}, "deny")])
def test_a_rule_on_trial_is_judged_as_where_it_counts_unless_the_case_puts_it_on_trial(packs, severity):
    terms = {**ruleset().terms, "CODE-03": replace(ruleset().terms["CODE-03"], stage="trial")}
    runner = Runner(replace(ruleset(), terms=terms))

    assert () == runner.run("CODE-03", case({"status": "fail", "severity": severity}, ADD_ON_ALONE, packs=packs)).wrong


def test_a_revision_is_judged_by_what_the_claim_stands_as_then(runner):
    late = {"encounters": [{"guidance": "none"}]}
    missing = "not_checked missing encounter.guidance"
    right = case(missing, later=late, revised="fail")
    wrong = case(missing, later=late, revised="pass")

    assert () == runner.run("GUID-01", right).wrong
    assert (Wrong("revised status", "pass", "fail"),) == runner.run("GUID-01", wrong).wrong


def test_a_rule_that_raises_is_told_with_its_place():
    verdict = Runner(with_rule("CODE-03", check=raising)).run("CODE-03", case("fail", ADD_ON_ALONE))

    assert (Wrong("status", "fail", "not_checked missing error"),) == verdict.wrong
    assert str(verdict.raised).startswith("LookupError: nothing there (test_run.py, line ")


def test_a_rule_that_decides_the_same_event_otherwise_is_told():
    told = iter(("first", "second"))

    def fickle(lines, context):
        yield rule.finding(next(told), *lines)

    rules = with_rule("CODE-03", check=fickle)
    rule = next(each for each in rules.rules if each.id == "CODE-03")
    verdict = Runner(rules).run("CODE-03", case("fail", ADD_ON_ALONE))

    assert (Wrong("the same event again", "the same decision", "another"),) == verdict.wrong


@pytest.mark.parametrize("where", ["given", "history"])
def test_a_claim_that_cannot_be_is_refused_with_its_case(runner, where):
    broken = {"service_lines": [{"procedure_code": "62323", "units": "many"}]}
    given = case("pass", broken) if where == "given" else case("pass", history=[broken])

    with pytest.raises(VectorError, match=r"vectors of CODE-03, case 'a case', service_lines.0.units: write it as"):
        runner.run("CODE-03", given)


def test_the_first_failure_of_a_rule_is_found_and_no_more_are_run():
    asked = []

    def counting(lines, context):
        asked.append(context.claim)
        yield from ()

    assert first_failure("CODE-03") is None
    failure = first_failure("CODE-03", with_rule("CODE-03", check=counting))
    assert failure is not None
    assert (Wrong("status", "fail", "pass"),) == failure.wrong
    assert len(asked) <= 4


def test_running_vectors_needs_neither_broker_nor_command_line():
    script = (
        "import sys\n"
        "from streams.vectors.run import first_failure\n"
        "first_failure('CODE-03')\n"
        "heavy = ('faust', 'mode', 'aiokafka', 'aiohttp', 'click', 'rich', 'prometheus_client', 'pydantic_settings')\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)

    assert "[]\n" == done.stdout
