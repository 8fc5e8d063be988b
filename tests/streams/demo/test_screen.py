import io
import json
import re
import sys
from decimal import Decimal

import pytest
from rich.cells import cell_len
from rich.console import Console

from streams.cli import COMMANDS
from streams.demo.panel import View, conservation, dollars, in_words, live_panel, three_examples
from streams.demo.screen import Addresses, JsonScreen, PeopleScreen
from streams.demo.tally import Account, RuleTotal, SeenFinding

ACCOUNT = Account(12_400, 10_512, 401, 1_447, 30, 10)
ADDRESSES = Addresses("127.0.0.1:1", "demo.", "http://127.0.0.1:2/metrics")


def example(rule: str, severity: str = "deny") -> SeenFinding:
    citation = {"document": "a manual " * 12, "section": "page 1", "vintage": "2024Q3"}
    name = "interlaminar-and-transforaminal-same-session"
    return SeenFinding(
        "FL00-000001", rule, name, severity, "seen, " * 30 + "end", "fix, " * 30 + "end", Decimal("1850.00"), citation
    )


TOTALS = {
    rule: RuleTotal(1_000, Decimal(9_999_999), example(rule, "flag" if rule == "AUTH-02" else "deny"))
    for rule in ("AUTH-02", "AUTH-01", "CODE-03", "CODE-10", "LVL-01", "GUID-02")
}
CAUSES = dict.fromkeys(("missing-field", "malformed-json", "truncated", "not-utf8", "wrong-type", "a", "b"), 9)
VIEW = View(ACCOUNT, 12_400, 12_400, 0, 1_234.5, TOTALS, CAUSES)


def drawn(view: View, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(live_panel(view))
    return capture.get().splitlines()


def test_the_panel_fits_a_terminal_of_80_by_24_and_cuts_nothing_off() -> None:
    lines = drawn(VIEW)

    assert {len(line) for line in lines} == {80}
    assert len(lines) <= 18
    assert "…" not in "".join(lines)


def test_the_panel_is_as_high_at_the_start_as_later() -> None:
    empty = View(Account(0, 0, 0, 0, 0, 0), 0, 2_400, 0, 0.0, {}, {})

    assert len(drawn(empty)) == len(drawn(View(ACCOUNT, 1, 1, 0, 0.0, TOTALS, {"truncated": 1})))


def test_the_panel_stays_readable_on_a_narrow_terminal() -> None:
    assert max(len(line) for line in drawn(VIEW, 60)) == 60


def test_the_account_stands_in_one_line_where_there_is_room() -> None:
    expected = (
        "12,400 in = 10,512 accepted + 401 flagged + 1,447 denied-risk + 30 dead letters + 10 redelivered · 0 lost"
    )

    assert conservation(ACCOUNT, 200) == expected
    assert " ".join(conservation(ACCOUNT, 80).split()) == expected
    assert max(map(len, conservation(ACCOUNT, 80).splitlines())) <= 80


def test_examples_are_of_three_families_where_there_are_three() -> None:
    assert [found.rule for found in three_examples(TOTALS)] == ["AUTH-02", "CODE-03", "LVL-01"]


def test_examples_are_of_different_rules_where_there_are_fewer_families() -> None:
    of_two = {rule: TOTALS[rule] for rule in ("AUTH-02", "AUTH-01", "CODE-03")}

    assert [found.rule for found in three_examples(of_two)] == ["AUTH-02", "CODE-03", "AUTH-01"]
    assert three_examples({}) == []


def test_money_and_names_are_written_for_people() -> None:
    assert (dollars(Decimal("1850.00")), dollars(Decimal("22402.5"))) == ("$1,850", "$22,402.50")
    assert in_words("wiser-claim-without-utn") == "WISeR claim without UTN"


@pytest.mark.parametrize("keep", [False, True])
def test_off_a_terminal_the_text_is_plain_and_names_only_commands_that_exist(
    capsys: pytest.CaptureFixture[str], keep: bool
) -> None:
    screen = PeopleScreen(12_400)
    with screen.step("Doing") as done:
        done.append("Done")
    screen.up(ADDRESSES)
    screen.progress(VIEW)
    screen.summary(VIEW, ADDRESSES, keep=keep)
    screen.interrupted()
    text = capsys.readouterr().out

    assert "\x1b" not in text
    assert all(line == line.rstrip() for line in text.splitlines())
    assert conservation(ACCOUNT, 200) in text
    assert text.count(" fix   ") == 3
    named = {line.split()[1] for line in text.splitlines() if line.startswith("  claimstream ")}
    assert named - {"--help"} <= COMMANDS.keys()
    assert (ADDRESSES.metrics_url in text) == keep


def test_lost_claims_are_said_loudly(capsys: pytest.CaptureFixture[str]) -> None:
    view = View(Account(10, 8, 0, 0, 0, 0), 10, 10, 2, 1.0, {}, {})

    PeopleScreen(10).summary(view, ADDRESSES, keep=False)

    assert "2 CLAIMS ARE LOST" in capsys.readouterr().out


def test_a_program_gets_two_lines_and_progress_beside_them(capsys: pytest.CaptureFixture[str]) -> None:
    screen = JsonScreen()
    with screen.step("Doing") as done:
        done.append("Done")
    screen.up(ADDRESSES)
    screen.progress(VIEW)
    screen.summary(VIEW, ADDRESSES, keep=False)
    screen.interrupted()
    screen.close()
    captured = capsys.readouterr()
    first, last = map(json.loads, captured.out.splitlines())

    assert list(first) == ["bootstrap", "prefix", "metrics_url"]
    assert list(last) == ["received", "accepted", "flagged", "denied_risk", "dead_letters", "redelivered", "lost"]
    assert captured.err.startswith("12,400 of 12,400 claims")


@pytest.mark.parametrize("no_color", [False, True])
def test_on_a_terminal_the_panel_is_redrawn_in_place_and_colour_can_be_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, no_color: bool
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for name, value in {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")

    screen = PeopleScreen(12_400)
    with screen.step("Doing") as done:
        done.append("Done")
    screen.up(ADDRESSES)
    screen.progress(VIEW)
    screen.progress(VIEW)  # too soon to be drawn
    screen.summary(VIEW, ADDRESSES, keep=False)
    screen.interrupted()
    text = capsys.readouterr().out

    assert "\x1b[1A" in text  # one line up, to draw over it
    assert text.count("12,400 of 12,400 claims") == 3  # as it went, at the end, and when the panel is left
    assert ("\x1b[32m" in text) != no_color
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "\n").splitlines()
    assert [line for line in shown if cell_len(line) > 80] == []
