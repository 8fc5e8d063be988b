import sys
from dataclasses import replace

from streams.cli.audit_text import WORDS, print_account, progress_on
from streams.delivery.audit.account import Account
from streams.delivery.audit.run import Asked
from tests.streams.delivery.test_audit import A, account_of, one
from tests.streams.delivery.topic_records import NAMES, decision, received

ASKED = Asked(NAMES, "by-hand.claimstream")


def shown(account: Account, capsys, asked: Asked = ASKED) -> str:
    print_account(account, asked, 1234, 2.14)
    return capsys.readouterr().out


def test_all_that_is_wrong_stands_below_the_table_by_its_kind(capsys):
    lost, stray, other = received(7), decision("a" * 64, 9), decision(A, 0, "flagged")
    repeated = replace(one()[-1], offset=1)
    text = shown(account_of(*one(), lost, stray, other, repeated), capsys)

    assert text.startswith("by-hand.claims.received · the beginning … now\n1,234 records read in 2.1 s\n")
    assert "received records             2               1               0               1\n" in text
    assert f"no-manifest (1): {WORDS['no-manifest']}\n  {lost.position}\n\n" in text
    assert f"  {other.position}  beside {one()[-1].position}\n    event {A}\n" in text
    assert "same bytes: 1 (harmless)\n1 unaccounted · 1 contradictory · 1 strange\n" in text
    assert max(map(len, text.splitlines())) <= 80


def test_what_the_limit_hides_is_counted(capsys):
    text = shown(account_of(*map(received, range(5)), limit=2), capsys)

    assert "no-manifest (5)" in text
    assert "\n3 more; --limit shows more of them\n" in text


def test_a_clean_account_ends_with_its_verdict(capsys):
    asked = Asked(NAMES, "g", 1000, 2000)
    text = shown(account_of(*one()), capsys, asked)

    assert "1970-01-01T00:00:01.000Z … 1970-01-01T00:00:02.000Z" in text
    assert text.endswith("\n\nevery received item is accounted for\n")
    assert shown(account_of(*one()[:2], read_to=0), capsys).endswith("\nnothing is lost; 1 still in progress\n")


def test_a_terminal_shows_a_bar_and_nothing_else_does(monkeypatch, capsys):
    with progress_on("audit", 10) as passed:
        passed(5)
    assert ("", "") == capsys.readouterr()

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with progress_on("audit", 10) as passed:
        passed(5)
    assert "audit" in capsys.readouterr().err
