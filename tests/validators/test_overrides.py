from typing import Any

import pytest

from schemas.decision import Decision
from tests.validators.building import DAY, Write, a_claim, decided, line, ruleset
from validators.loading import load_ruleset
from validators.ruleset import Ruleset

AETNA = {"id": "EXAETNA", "filing_indicator": "CI", "line_of_business": "commercial"}
CIGNA = {"id": "EXCIGNA", "filing_indicator": "CI", "line_of_business": "commercial"}
HUMANA = {"id": "EXHUMANA", "filing_indicator": "16", "line_of_business": "medicare_advantage"}
MEDICARE = {"id": "EXMEDICARE", "filing_indicator": "MB", "line_of_business": "medicare_ffs"}
IN_TEXAS = {"service_facility": {"address": {"state": "TX"}}}


def three_levels(on: str = "2026-06-15") -> list[dict[str, Any]]:
    """Lines LVL-01 denies."""
    return [line("64483", service_date_from=on), line("64484", units="2", service_date_from=on)]


def standing(rule_id: str, decision: Decision) -> str:
    """The severity of what a rule found, else where it stands."""
    for finding in decision.findings:
        if finding.rule == rule_id:
            return finding.severity
    for each in decision.checks.bypassed:
        if each.rule == rule_id:
            return f"bypassed by {each.by}"
    return "pass" if rule_id in decision.checks.passed else "not applicable"


def of_levels(rules: Ruleset, on: str = "2026-06-15", **changes: Any) -> str:
    claim = a_claim(**{"payer": CIGNA, "service_lines": three_levels(on), **changes})
    return standing("LVL-01", decided(claim, rules=rules).decision)


def override(effect: str, **more: str) -> str:
    said = {"rule": "LVL-01", "effect": effect, "until": "2026-12-31", "reason": "why", "owner": "who", **more}
    return f"overrides: [{{{', '.join(f'{key}: {value}' for key, value in said.items())}}}]"


def test_without_an_override_the_rule_denies() -> None:
    assert "deny" == of_levels(ruleset())


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (override("disable"), "bypassed by override"),
        (override("soften", severity="flag"), "flag"),
        (override("soften", severity="info"), "info"),
        (override("try"), "info"),
        ("rules: {LVL-01: {stage: trial}}", "info"),
        ("rules: {LVL-01: {stage: stable}}", "deny"),
    ],
)
def test_a_rule_is_switched_off_softened_or_tried(overlay: Write, text: str, left: str) -> None:
    assert left == of_levels(load_ruleset(overlay(text)))


@pytest.mark.parametrize("severity", ["flag", "info"])
def test_softening_makes_nothing_harder(overlay: Write, severity: str) -> None:
    text = f"rules: {{LVL-01: {{severity: info}}}}\n{override('soften', severity=severity)}"

    assert "info" == of_levels(load_ruleset(overlay(text)))


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_overrides_the_softer_holds(overlay: Write, turned: bool) -> None:
    texts = [override("soften", severity="flag"), override("soften", severity="info")]
    for name, text in zip(("a.yaml", "b.yaml"), texts[::-1] if turned else texts, strict=True):
        folder = overlay(text, name)

    assert "info" == of_levels(load_ruleset(folder))


@pytest.mark.parametrize(
    ("on", "left"),
    [("2026-03-31", "deny"), ("2026-04-01", "pass"), ("2026-06-30", "pass"), ("2026-07-01", "deny")],
)
@pytest.mark.parametrize("effect", ["disable", "soften", "try"])
def test_an_override_holds_from_its_first_to_its_last_day(overlay: Write, effect: str, on: str, left: str) -> None:
    more = {"severity": "info"} if effect == "soften" else {}
    text = override(effect, **more, **{"from": "2026-04-01", "until": "2026-06-30"})
    softer = "bypassed by override" if effect == "disable" else "info"

    assert {"deny": "deny", "pass": softer}[left] == of_levels(load_ruleset(overlay(text)), on)


def test_an_override_of_other_days_leaves_a_rule_that_passes_passed(overlay: Write) -> None:
    rules = load_ruleset(overlay(override("disable", rule="CODE-03", until="2026-06-14")))

    def of_add_on(on: str) -> str:
        lines = [line(code, service_date_from=on) for code in ("64483", "64484")]
        return standing("CODE-03", decided(a_claim(service_lines=lines), rules=rules).decision)

    assert ["bypassed by override", "pass"] == [of_add_on(on) for on in ("2026-06-14", "2026-06-15")]


def test_an_override_without_a_first_day_holds_for_all_before_its_last(overlay: Write) -> None:
    rules = load_ruleset(overlay(override("try", until="2026-06-15")))

    assert ["info", "info", "deny"] == [of_levels(rules, on) for on in ("2022-01-01", "2026-06-15", "2026-06-16")]


@pytest.mark.parametrize(
    ("whose", "softened"),
    [
        ("cigna_evicore", ["cigna"]),
        ("aetna", ["aetna"]),
        ("commercial", ["cigna", "aetna"]),
        ("medicare_advantage", ["humana"]),
        ("medicare_ffs", ["florida", "texas"]),
        ("L33906", ["humana", "florida"]),
        ("L36920", ["texas"]),
    ],
)
def test_an_override_holds_for_one_payer_line_of_business_or_lcd(
    overlay: Write, whose: str, softened: list[str]
) -> None:
    rules = load_ruleset(overlay(override("try", payer=whose)))
    stands = {
        "cigna": of_levels(rules),
        "aetna": of_levels(rules, payer=AETNA),
        "humana": of_levels(rules, payer=HUMANA),
        "florida": of_levels(rules, payer=MEDICARE),
        "texas": of_levels(rules, payer=MEDICARE, **IN_TEXAS),
    }

    assert {who: "info" if who in softened else "deny" for who in stands} == stands


@pytest.mark.parametrize("more", [{}, {"payer": "cigna_evicore"}])
def test_an_override_in_the_pack_of_a_payer_holds_for_that_payer(overlay: Write, more: dict[str, str]) -> None:
    rules = load_ruleset(overlay(f"payer: cigna_evicore\n{override('disable', **more)}"))

    assert ("bypassed by override", "deny") == (of_levels(rules), of_levels(rules, payer=AETNA))


def test_an_override_holds_for_one_source_of_claims(overlay: Write) -> None:
    rules = load_ruleset(overlay(override("try", source="clearinghouse-a")))

    assert ["info", "deny"] == [of_levels(rules, source=each) for each in ("clearinghouse-a", "clearinghouse-b")]


def test_an_override_of_a_payer_and_a_source_holds_where_both_agree(overlay: Write) -> None:
    rules = load_ruleset(overlay(override("try", source="clearinghouse-a", payer="aetna")))
    claims = [(payer, source) for payer in (AETNA, CIGNA) for source in ("clearinghouse-a", "clearinghouse-b")]

    assert ["info", "deny", "deny", "deny"] == [of_levels(rules, payer=payer, source=each) for payer, each in claims]


def test_a_rule_is_switched_off_on_the_lines_of_the_days_alone(overlay: Write) -> None:
    rules = load_ruleset(overlay(override("disable", rule="CODE-14", until="2026-06-14")))
    both = [line("62323", "50", service_date_from=on) for on in ("2026-06-14", "2026-06-15")]
    decision = decided(a_claim(service_lines=both), rules=rules).decision

    assert [(2,)] == [finding.lines for finding in decision.findings if finding.rule == "CODE-14"]
    assert "CODE-14" in decision.checks.fail


def test_what_is_found_on_a_day_of_the_override_and_one_after_it_is_not_softened(overlay: Write) -> None:
    text = f"encounter_facts: required\n{override('try', rule='SYS-01', until='2026-06-14')}"
    rules = load_ruleset(overlay(text))

    def of_sessions(*days: str) -> str:
        claim = a_claim(service_lines=[line("62323", service_date_from=on) for on in days])
        return standing("SYS-01", decided(claim, rules=rules).decision)

    assert ["info", "flag", "flag"] == [
        of_sessions("2026-06-14"),
        of_sessions("2026-06-14", "2026-06-15"),
        of_sessions("2026-06-15"),
    ]


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        ("", "bypassed by CODE-04"),
        (override("soften", rule="CODE-04", severity="info"), "bypassed by CODE-04"),
        (override("try", rule="CODE-04"), "deny"),
        (override("disable", rule="CODE-04"), "deny"),
        ("rules: {CODE-04: {stage: trial}}", "deny"),
    ],
)
def test_a_rule_that_is_tried_or_off_lifts_no_other(overlay: Write, text: str, stands: str) -> None:
    claim = a_claim(service_lines=[line("64479"), line("64484")])

    assert stands == standing("CODE-03", decided(claim, rules=load_ruleset(overlay(text))).decision)


def test_who_overrides_and_why_stands_in_the_ruleset(overlay: Write) -> None:
    (said,) = load_ruleset(overlay(override("soften", severity="flag", reason="an appeal", owner="billing"))).overrides

    assert ("LVL-01", "soften", "flag", None, None, "an appeal", "billing") == (
        said.rule, said.effect, said.severity, said.on, said.source, said.reason, said.owner
    )  # fmt: skip


# What a payer, a determination or a line of business says in place of what everybody says


def levels(whose: str, value: int, severity: str) -> str:
    values = f"[{{from: null, value: {value}}}]"
    return f"{whose}\nrules: {{LVL-01: {{severity: {severity}, parameters: {{max_levels: {{values: {values}}}}}}}}}"


A_DETERMINATION = "lcd: {lcd: L1, article: A1, contractor: C, jurisdictions: {J: [XX]}, from: null, confidence: found}"
ELSEWHERE = {"service_facility": {"address": {"state": "XX"}}}


def test_the_severity_of_the_nearest_of_payer_determination_and_line_of_business_is_heard(overlay: Write) -> None:
    said = {
        "everybody": "rules: {LVL-01: {severity: info}}",
        "line of business": levels("line_of_business: medicare_advantage", 2, "flag"),
        "determination": levels(A_DETERMINATION, 2, "info"),
        "payer": levels("payer: humana", 2, "flag"),
    }
    heard = [
        of_levels(load_ruleset(overlay(text, f"{whose}.yaml")), payer=HUMANA, **ELSEWHERE)
        for whose, text in said.items()
    ]

    assert ["info", "flag", "info", "flag"] == heard


def test_a_site_gives_values_of_its_own_to_a_determination_that_ships(overlay: Write) -> None:
    rules = load_ruleset(overlay(levels("of_lcd: L33906", 1, "flag")))

    assert [1, 2] == [
        rules.parameter("LVL-01", "max_levels", (lcd, "medicare_ffs"), DAY) for lcd in ("L33906", "L36920")
    ]


def test_the_bound_of_the_nearest_is_asked(overlay: Write) -> None:
    overlay(levels("line_of_business: medicare_advantage", 1, "deny"), "a.yaml")
    overlay(levels(A_DETERMINATION, 3, "deny"), "b.yaml")
    rules = load_ruleset(overlay(levels("payer: clover", 4, "deny"), "c.yaml"))

    assert [4, 3, 1, 2] == [
        rules.parameter("LVL-01", "max_levels", layers, DAY)
        for layers in (("clover", "L1", "medicare_advantage"), ("humana", "L1"), ("humana", "medicare_advantage"), ())
    ]


def test_a_severity_that_hangs_on_the_claim_is_not_replaced(overlay: Write) -> None:
    rules = load_ruleset(overlay("rules: {AUTH-02: {severity: deny}}"))
    at = {"payer": MEDICARE, **IN_TEXAS}

    assert ["deny", "info"] == [
        standing("AUTH-02", decided(a_claim(place_of_service=place, **at), rules=rules).decision)
        for place in ("11", "24")
    ]
