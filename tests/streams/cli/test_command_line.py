import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from streams import cli as cli_module
from streams.cli import COMMANDS, EXIT_INTERRUPTED, cli, main
from tests.streams.intake.building import SMALLEST, claim, encoded

ROOT = Path(__file__).parents[3]


@pytest.fixture
def run(tmp_path):
    """A command as a process of its own, in an empty folder."""

    def ran(*arguments: str, stdin: bytes = b"", command: tuple[str, ...] = ("-m", "streams"), **variables: str):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CLAIMSTREAM_")}
        return subprocess.run(
            [sys.executable, *command, *arguments],
            cwd=tmp_path,
            env=environment | {"PYTHONPATH": str(ROOT)} | variables,
            input=stdin,
            capture_output=True,
            check=False,
            timeout=60,
        )

    return ran


def test_check_is_a_program_of_its_own(run):
    done = run("check", "-", "--output", "json", stdin=encoded(SMALLEST))

    assert (done.returncode, done.stderr) == (0, b"")
    assert [json.loads(line)["outcome"] for line in done.stdout.splitlines()] == ["accepted"]


def test_json_is_utf_8_whatever_the_terminal(run):
    done = run("check", "-", "--output", "json", stdin=encoded(claim(claim_id="é")), PYTHONIOENCODING="ascii")

    assert json.loads(done.stdout)["claim_id"] == "é"


@pytest.mark.parametrize("output", ["text", "csv"])
def test_text_is_shown_as_far_as_the_terminal_can(run, output):
    done = run("check", "-", "--output", output, stdin=encoded(claim(claim_id="aéb")), PYTHONIOENCODING="ascii")

    assert (done.returncode, done.stderr) == (0, b"")
    assert b"a?b" in done.stdout


def test_check_starts_without_the_stream_engine(run):
    script = (
        "import sys, runpy\n"
        "sys.argv = ['claimstream', 'check', '-']\n"
        "try:\n    runpy.run_module('streams', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print([name for name in ('faust', 'aiokafka', 'mode', 'aiohttp', 'rich', 'prometheus_client')"
        " if name in sys.modules])\n"
    )
    done = run("-c", script, stdin=encoded(SMALLEST), command=())

    assert done.stdout.splitlines()[-1] == b"[]"


@pytest.mark.parametrize(
    ("arguments", "variables", "code", "words"),
    [
        (("check", "nowhere.json"), {}, 3, b"claimstream: nowhere.json: there is no such file; check the path\n"),
        (("check", "-"), {"CLAIMSTREAM_HTTP_PORT": "1"}, 2, b"did you mean CLAIMSTREAM_HTTP__PORT?\n"),
        (("check", "-", "--packs", "nowhere"), {}, 2, b"nowhere is not a folder"),
        (("check", "-"), {"CLAIMSTREAM_TOKEN_KEY_FILE": "nowhere"}, 2, b"CLAIMSTREAM_TOKEN_KEY_FILE"),
        (("check", "-", "--no-such-option"), {}, 2, b"--no-such-option"),
        (("no-such-command",), {}, 2, b"no-such-command"),
    ],
)
def test_trouble_that_is_foreseen_ends_without_a_traceback(run, arguments, variables, code, words):
    done = run(*arguments, stdin=b"{}", **variables)

    assert (done.returncode, done.stdout) == (code, b"")
    assert words in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("output", ["text", "json", "csv"])
def test_a_reader_that_has_seen_enough_is_no_trouble(tmp_path, output):
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(encoded(claim(claim_id=f"C{n}")) for n in range(500)))
    process = subprocess.Popen(
        [sys.executable, "-m", "streams", "check", "a.jsonl", "--output", output],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        assert process.stdout.readline()
        process.stdout.close()
        stderr = process.stderr.read()

    assert (process.wait(), stderr) == (0, b"")


def test_the_overview_lists_every_command():
    result = CliRunner().invoke(cli, ["--help"])

    assert result.exit_code == 0
    assert [name for name in COMMANDS if name not in result.output] == []


def test_a_command_there_is_not_is_a_usage_error():
    assert CliRunner().invoke(cli, ["no-such-command"]).exit_code == 2
    assert cli.list_commands(click.Context(cli)) == sorted(COMMANDS)


def test_every_command_that_is_listed_loads():
    for name in COMMANDS:
        assert CliRunner().invoke(cli, [name, "--help"]).exit_code == 0


def test_main_runs_the_command_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["claimstream", "--version"])

    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert "claimstream" in capsys.readouterr().out


def raising(error: BaseException) -> click.Command:
    @click.command()
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), EXIT_INTERRUPTED), (BrokenPipeError(), 0)])
def test_an_interrupt_is_no_finding(monkeypatch, error, code):
    monkeypatch.setattr(cli_module._Commands, "get_command", lambda *_: raising(error))

    assert CliRunner().invoke(cli, ["check"]).exit_code == code
