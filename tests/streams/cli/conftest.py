import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from streams.cli import cli
from streams.settings import known_variables


@dataclass(frozen=True)
class Done:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


Command = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """A command of `claimstream` in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in known_variables():
        monkeypatch.delenv(name, raising=False)

    def ran(*arguments: object, stdin: bytes = b"", columns: int = 80) -> Done:
        monkeypatch.setenv("COLUMNS", str(columns))
        result = CliRunner().invoke(cli, [*map(str, arguments)], input=stdin)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Done(result.exit_code, result.stdout, result.stderr)

    return ran


@pytest.fixture
def check(run: Command) -> Command:
    """`claimstream check`, as `run`."""
    return partial(run, "check")
