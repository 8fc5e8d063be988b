import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.ops.queries import PROMETHEUS, ROOT, alerts, faults_of, metrics_in, panels
from tests.ops.tools import program

RUNBOOK = ROOT / "ops" / "runbooks" / "alerts.md"
CASES = sorted((PROMETHEUS / "tests").glob("*.yaml"))
# What a description may name: closed sets and addresses of workers.
SAYABLE = {"topic", "code", "rule", "instance"}


def names(alert: dict) -> str:
    return alert["alert"]


def promtool(*arguments: str | Path) -> str:
    done = subprocess.run(
        [program("promtool"), *arguments], capture_output=True, text=True, check=False, timeout=120, cwd=ROOT
    )

    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def entries() -> dict[str, str]:
    """The runbook's entries by title."""
    parts = re.split(r"^## (.+)$", RUNBOOK.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_prometheus_takes_the_configuration_and_finds_the_rules():
    assert "1 rule files found" in promtool("check", "config", PROMETHEUS / "prometheus.yml")


def test_promtool_finds_nothing_to_say_about_the_rules():
    assert f"{len(alerts())} rules found" in promtool("check", "rules", *sorted((PROMETHEUS / "rules").glob("*.yaml")))


@pytest.mark.parametrize("cases", CASES, ids=lambda path: path.stem)
def test_alerts_fire_and_stay_silent_as_their_cases_say(cases):
    assert "SUCCESS" in promtool("test", "rules", cases)


@pytest.mark.parametrize("alert", alerts(), ids=names)
def test_an_alert_has_a_firing_and_a_silent_case(alert):
    tests = [test for cases in CASES for test in yaml.safe_load(cases.read_text())["tests"]]
    expected = [
        case["exp_alerts"] for test in tests for case in test["alert_rule_test"] if case["alertname"] == alert["alert"]
    ]

    assert {True, False} == {bool(fired) for fired in expected}


@pytest.mark.parametrize("alert", alerts(), ids=names)
def test_an_alert_says_how_bad_it_is_and_what_to_do(alert):
    words = alert["annotations"]
    link, _, place = words["runbook"].partition("#")

    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert {"summary", "description", "runbook"} == words.keys()
    assert re.fullmatch(r"[A-Z][^{}]{10,60}[^.{}]", words["summary"])
    assert words["description"].endswith(".")
    assert (RUNBOOK, alert["alert"].lower()) == (ROOT / link, place)
    for part in ("Means", "Look at", "Do"):
        assert f"- **{part}**: " in entries()[alert["alert"]]


@pytest.mark.parametrize("alert", alerts(), ids=names)
def test_an_alert_names_nobody(alert):
    named = set(re.findall(r"\$labels\.(\w+)", " ".join(alert["annotations"].values())))

    assert named <= SAYABLE


@pytest.mark.parametrize("alert", alerts(), ids=names)
def test_an_alert_asks_for_what_a_worker_shows(alert):
    assert metrics_in(alert["expr"])
    assert [] == faults_of(alert["expr"])


def test_the_runbook_has_one_entry_an_alert_in_the_same_order():
    assert [alert["alert"] for alert in alerts()] == list(entries())


def test_the_runbook_names_panels_of_the_board():
    named = {title for entry in entries().values() for title in re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", entry)}

    assert set() == named - {panel["title"] for panel in panels()}


def test_a_wrong_metric_or_label_is_seen():
    assert ["claims_recieved_total"] == faults_of("rate(claims_recieved_total[5m])")
    assert ["member"] == faults_of('claims_received_total{member="x"}')
    assert ["rule"] == faults_of("sum by (rule) (claims_received_total)")
