import sys

from streams.cli.feed_output import Screen
from streams.feeding.feed import Fed
from streams.intake.files import InputFile

FED = Fed("a.837", 100, "f" * 64, "fed", records=2, claims=1_500)


def test_a_terminal_shows_a_bar_and_the_lines(tmp_path, monkeypatch, capsys):
    (tmp_path / "a").write_bytes(bytes(100))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    for files in ([InputFile("a", tmp_path / "a")], [InputFile("-", None)], [InputFile("b", tmp_path / "gone")]):
        screen = Screen(files, json_lines=False)
        screen.passed(50)
        screen.end(FED)
        screen.close()
    shown = capsys.readouterr()

    assert "a.837: 2 records, 1,500 claims\n" * 3 == shown.out
    assert "feeding" in shown.err


def test_without_a_terminal_there_is_no_bar(capsys):
    screen = Screen([], json_lines=True)
    screen.passed(50)
    screen.total([FED, FED])
    screen.close()

    assert ("", "") == capsys.readouterr()
