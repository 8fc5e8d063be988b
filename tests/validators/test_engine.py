from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from schemas.decision import Bypassed, Citation, NotChecked, Severity
from tests.validators.building import a_claim, decided, line, ruleset
from validators.context import Context, Event
from validators.engine import Evaluation, evaluate, in_order
from validators.lines import Line
from validators.reference import Reference
from validators.rule import Check, Found, Needs, Rule, Said
from validators.ruleset import Ruleset, Terms

CITATION = Citation(document="none", confidence="found")
TWO_LINES = a_claim(service_lines=[line("64483"), line("64484")])
EVENT = Event("e", 0, str)
FOR_EVERY_CLAIM = tuple(sorted(rule.id for rule in ruleset().rules if rule.every_claim))


def rule(rule_id: str, check: Check, *, bypassed_by: tuple[str, ...] = (), severity: Severity = "deny") -> Rule:
    return Rule(
        id=rule_id,
        name="a-rule-of-a-test",
        severity=severity,
        needs=(Needs.CLAIM,),
        suggestion="do something",
        citation=CITATION,
        bypassed_by=bypassed_by,
        check=check,
    )


def fires_on(rule_id: str, *indexes: int, bypassed_by: tuple[str, ...] = ()) -> Rule:
    """A rule with one finding on the lines at `indexes`; on the whole claim when there are none."""

    def check(lines: Sequence[Line], _context: Context) -> Iterator[Said]:
        yield made.finding("seen", *(lines[index] for index in indexes))

    made = rule(rule_id, check, bypassed_by=bypassed_by)
    return made


def ruleset_of(*rules: Rule) -> Ruleset:
    return replace(ruleset(), rules=in_order(rules), terms={each.id: Terms() for each in rules})


def ruleset_with(changed: Rule) -> Ruleset:
    rules = tuple(changed if each.id == changed.id else each for each in ruleset().rules)
    return replace(ruleset(), rules=rules)


def the_rule(rule_id: str) -> Rule:
    return next(each for each in ruleset().rules if each.id == rule_id)


def evaluation(*rules: Rule) -> Evaluation:
    rules_in_force = ruleset_of(*rules)
    return evaluate(Context(TWO_LINES, rules_in_force, EVENT))


def lines_found(result: Evaluation) -> dict[str, tuple[int, ...]]:
    return {found.rule.id: found.lines for found in result.findings}


def raises_with_a_value(lines: Sequence[Line], context: Context) -> Iterator[Said]:
    raise LookupError(f"{context.claim.subscriber.last_name} {lines[0].code}")
    yield


def test_a_rule_that_raises_flags_the_claim_and_the_others_are_evaluated() -> None:
    broken = replace(the_rule("CODE-10"), check=raises_with_a_value)
    claim = a_claim(service_lines=[line("62323", "50"), line("64483")])
    decision = decided(claim, rules=ruleset_with(broken)).decision
    (system,) = [finding for finding in decision.findings if finding.rule == "SYS-02"]

    assert "rule CODE-10 could not be evaluated (LookupError)" == system.message
    assert "flag" == system.severity
    assert () == system.lines
    assert NotChecked(rule="CODE-10", missing="error") in decision.checks.not_checked
    assert {"CODE-14", "SYS-02"} <= set(decision.checks.fail)
    assert "denied-risk" == decision.outcome


def test_a_rule_that_raises_alone_makes_the_claim_flagged_and_all_of_it_at_risk() -> None:
    broken = replace(the_rule("CODE-14"), check=raises_with_a_value)
    decision = decided(a_claim(service_lines=[line("62323", "50")]), rules=ruleset_with(broken)).decision

    assert "flagged" == decision.outcome
    assert ["flagged"] == [each.outcome for each in decision.lines]


def test_a_rule_of_the_claim_form_that_raises_is_reported_of_a_claim_without_an_injection() -> None:
    broken = replace(the_rule("CLM-17"), check=raises_with_a_value)
    decision = decided(a_claim(service_lines=[line("99213")]), rules=ruleset_with(broken)).decision

    assert [("SYS-02", ())] == [(each.rule, each.lines) for each in decision.findings]


def test_no_value_of_the_claim_stands_in_the_report_of_a_rule_that_raised() -> None:
    broken = replace(the_rule("CODE-09"), check=raises_with_a_value)
    claim = a_claim(subscriber={"last_name": "PLANTED"})
    text = decided(claim, rules=ruleset_with(broken)).decision.model_dump_json()

    assert "PLANTED" not in text


def test_a_rule_that_raises_after_a_finding_says_nothing_of_it() -> None:
    def check(lines: Sequence[Line], _context: Context) -> Iterator[Said]:
        yield broken.finding("seen", lines[0])
        raise KeyError

    broken = rule("CODE-99", check)
    result = evaluation(broken)

    assert () == result.findings
    assert (NotChecked(rule="CODE-99", missing="error"),) == result.not_checked


def test_every_rule_that_raises_is_reported() -> None:
    rules = [replace(the_rule(each), check=raises_with_a_value) for each in ("CODE-09", "CODE-14")]
    changed = ruleset_with(rules[0])
    changed = replace(changed, rules=tuple(rules[1] if each.id == "CODE-14" else each for each in changed.rules))
    decision = decided(a_claim(service_lines=[line("62323", "50")]), rules=changed).decision

    assert [{"rule": "CODE-09", "error": "LookupError"}, {"rule": "CODE-14", "error": "LookupError"}] == [
        finding.observed for finding in decision.findings if finding.rule == "SYS-02"
    ]


def test_who_asked_is_told_of_a_rule_that_raises() -> None:
    heard: list[tuple[str, str]] = []
    broken = rule("CODE-99", raises_with_a_value)
    rules = ruleset_of(broken)
    evaluate(Context(TWO_LINES, rules, EVENT), lambda told, error: heard.append((told.id, str(error))))

    assert [("CODE-99", "EXAMPLE 64483")] == heard


def test_a_table_that_is_not_loaded_flags_the_claim_and_its_rules_are_not_checked() -> None:
    without = replace(ruleset(), reference=Reference())
    decision = decided(TWO_LINES, rules=without).decision
    (system,) = [finding for finding in decision.findings if finding.rule == "SYS-01"]

    rest = "the rules that need it were not checked"
    assert f"reference data is not loaded: icd10cm, mue, ncci, places_of_service; {rest}" == system.message
    assert {"missing": ["icd10cm", "mue", "ncci", "places_of_service"]} == system.observed
    assert () == system.lines
    assert NotChecked(rule="CODE-10", missing="reference.ncci") in decision.checks.not_checked
    assert "ncci" not in decision.reference_data
    assert "flagged" == decision.outcome


def test_a_table_nobody_needs_for_this_claim_is_not_missed() -> None:
    without = replace(ruleset(), reference=replace(ruleset().reference, ncci=None))
    decision = decided(a_claim(service_lines=[line("99213")]), rules=without).decision

    assert "accepted" == decision.outcome
    assert FOR_EVERY_CLAIM == decision.checks.passed


def test_a_void_wakes_only_the_claim_and_system_rules() -> None:
    checks = decided(a_claim(frequency_code="8", original_reference="ICN1")).decision.checks

    assert FOR_EVERY_CLAIM == checks.passed
    assert ((), (), ()) == (checks.fail, checks.bypassed, checks.not_checked)


def test_a_claim_out_of_scope_wakes_only_the_claim_and_system_rules() -> None:
    decision = decided(a_claim(service_lines=[line("99213"), line("99213")])).decision

    assert FOR_EVERY_CLAIM == decision.checks.passed
    assert not decision.in_scope


@pytest.mark.parametrize("code", ["62310", "62311", "62318", "62319", "0228T", "0229T", "0230T", "0231T"])
def test_a_retired_code_brings_a_claim_into_scope(code: str) -> None:
    decision = decided(a_claim(service_lines=[line(code)])).decision

    assert decision.in_scope
    assert "CODE-26" in decision.checks.passed


def test_a_rule_is_bypassed_where_the_other_fired_on_the_same_lines() -> None:
    result = evaluation(fires_on("CODE-91", 0), fires_on("CODE-92", 0, bypassed_by=("CODE-91",)))

    assert ("CODE-91",) == result.fail
    assert (Bypassed(rule="CODE-92", by="CODE-91"),) == result.bypassed


def test_a_finding_keeps_the_lines_on_which_the_other_did_not_fire() -> None:
    result = evaluation(fires_on("CODE-91", 0), fires_on("CODE-92", 0, 1, bypassed_by=("CODE-91",)))

    assert {"CODE-91": (0,), "CODE-92": (1,)} == lines_found(result)
    assert () == result.bypassed


def test_a_finding_that_stands_as_one_goes_where_the_other_fired_on_any_of_its_lines() -> None:
    whole = replace(fires_on("CODE-92", 0, 1, bypassed_by=("CODE-91",)), bypassed_whole=True)

    assert (Bypassed(rule="CODE-92", by="CODE-91"),) == evaluation(fires_on("CODE-91", 1), whole).bypassed


def test_a_finding_that_stands_as_one_stays_where_the_other_fired_on_another_line() -> None:
    whole = replace(fires_on("CODE-92", 0, bypassed_by=("CODE-91",)), bypassed_whole=True)

    assert {"CODE-91": (1,), "CODE-92": (0,)} == lines_found(evaluation(fires_on("CODE-91", 1), whole))


def test_two_rules_may_take_a_finding_away_together() -> None:
    result = evaluation(
        fires_on("CODE-91", 0),
        fires_on("CODE-92", 1),
        fires_on("CODE-93", 0, 1, bypassed_by=("CODE-91", "CODE-92")),
    )

    assert (Bypassed(rule="CODE-93", by="CODE-92"),) == result.bypassed


def test_a_rule_that_fired_on_other_lines_bypasses_nothing() -> None:
    result = evaluation(fires_on("CODE-91", 1), fires_on("CODE-92", 0, bypassed_by=("CODE-91",)))

    assert {"CODE-91": (1,), "CODE-92": (0,)} == lines_found(result)


def test_a_rule_that_fired_on_the_whole_claim_bypasses_every_line() -> None:
    result = evaluation(fires_on("CODE-91"), fires_on("CODE-92", 0, 1, bypassed_by=("CODE-91",)))

    assert (Bypassed(rule="CODE-92", by="CODE-91"),) == result.bypassed


def test_a_finding_on_the_whole_claim_is_bypassed_by_one_on_a_line() -> None:
    result = evaluation(fires_on("CODE-91", 0), fires_on("CODE-92", bypassed_by=("CODE-91",)))

    assert (Bypassed(rule="CODE-92", by="CODE-91"),) == result.bypassed


def test_a_rule_that_did_not_fire_or_does_not_exist_bypasses_nothing() -> None:
    def passes(_lines: Sequence[Line], _context: Context) -> Iterator[Said]:
        yield from ()

    result = evaluation(rule("CODE-91", passes), fires_on("CODE-92", 0, bypassed_by=("CODE-91", "CODE-00")))

    assert ("CODE-92",) == result.fail
    assert ("CODE-91",) == result.passed


def test_a_rule_stands_in_the_first_list_that_holds_over_its_lines() -> None:
    def says(*kinds: str) -> Check:
        def check(lines: Sequence[Line], _context: Context) -> Iterator[Said]:
            speaker = rule("CODE-91", check)
            said: dict[str, Said] = {
                "fail": speaker.finding("seen", lines[0]),
                "bypassed": speaker.bypass("modifier"),
                "not_checked": speaker.unknown("claim.place_of_service"),
            }
            yield from (said[kind] for kind in kinds)

        return check

    def standing(*kinds: str) -> str:
        result = evaluation(rule("CODE-91", says(*kinds)))
        lists = {
            "fail": result.fail,
            "bypassed": result.bypassed,
            "not_checked": result.not_checked,
            "pass": result.passed,
        }
        (name,) = [name for name, listed in lists.items() if listed]
        return name

    assert "fail" == standing("not_checked", "bypassed", "fail")
    assert "bypassed" == standing("not_checked", "bypassed")
    assert "not_checked" == standing("not_checked")
    assert "pass" == standing()


@pytest.mark.parametrize("turned", [False, True])
def test_of_several_things_missing_or_lifting_a_rule_the_first_by_name_is_told(turned: bool) -> None:
    def says(*said: Said) -> Check:
        return lambda _lines, _context: iter(said[::-1] if turned else said)

    speaker = rule("CODE-90", says())
    unknown = rule("CODE-91", says(speaker.unknown("encounter.levels"), speaker.unknown("claim.place_of_service")))
    lifted = rule("CODE-92", says(speaker.bypass("modifier"), speaker.bypass("CODE-10")))
    result = evaluation(unknown, lifted)

    assert (NotChecked(rule="CODE-91", missing="claim.place_of_service"),) == result.not_checked
    assert (Bypassed(rule="CODE-92", by="CODE-10"),) == result.bypassed


def test_findings_stand_by_line_and_rule() -> None:
    result = evaluation(fires_on("CODE-93", 0), fires_on("CODE-92", 1), fires_on("CODE-91", 1), fires_on("SYS-90"))

    assert [("SYS-90", ()), ("CODE-93", (0,)), ("CODE-91", (1,)), ("CODE-92", (1,))] == [
        (found.rule.id, found.lines) for found in result.findings
    ]


def test_a_rule_comes_after_those_that_bypass_it_and_else_in_the_order_of_the_catalogue() -> None:
    rules = [
        fires_on("CODE-91", bypassed_by=("CODE-93",)),
        fires_on("CODE-92"),
        fires_on("CODE-93", bypassed_by=("CODE-94", "CODE-00")),
        fires_on("CODE-94"),
    ]

    assert ["CODE-94", "CODE-93", "CODE-91", "CODE-92"] == [each.id for each in in_order(rules)]


def test_the_catalogue_in_force_holds_the_order() -> None:
    ids = [each.id for each in ruleset().rules]
    pairs = [(other, each.id) for each in ruleset().rules for other in each.bypassed_by if other in ids]

    assert all(ids.index(first) < ids.index(second) for first, second in pairs)
    assert all(each.startswith("SYS-") for each in ids[ids.index("SYS-01") :])


def test_rules_that_bypass_each_other_in_a_circle_are_refused() -> None:
    rules = [fires_on("CODE-91", bypassed_by=("CODE-92",)), fires_on("CODE-92", bypassed_by=("CODE-91",))]

    with pytest.raises(ValueError, match="CODE-91 < CODE-92 < CODE-91: rules bypass each other in a circle"):
        in_order(rules)


def test_a_finding_points_at_the_code_of_its_first_line_unless_it_says_otherwise() -> None:
    speaker = fires_on("CODE-91", 1)
    (found,) = evaluation(speaker).findings
    whole = speaker.finding("seen")

    assert "/service_lines/1/procedure_code" == found.at
    assert isinstance(whole, Found)
    assert whole.at is None


def test_a_plan_takes_one_look_at_a_claim() -> None:
    looks = (lambda _parameters, _reference: bool, lambda _parameters, _reference: bool)
    rules = [replace(fires_on(f"CODE-9{number}"), look=look) for number, look in enumerate(looks)]

    with pytest.raises(ValueError, match="rules of two looks"):
        evaluation(*rules)


def test_rules_are_not_asked_of_a_claim_that_passes_by_their_look() -> None:
    passed, asked = fires_on("CODE-98"), fires_on("CODE-99")
    result = evaluation(replace(passed, look=lambda _parameters, _reference: lambda claim: bool(claim.claim_id)), asked)

    assert ("CODE-99",) == result.fail
    assert ("CODE-98",) == result.passed
