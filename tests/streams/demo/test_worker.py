from pathlib import Path

import pytest

from streams.demo.practices import SOURCES
from streams.demo.worker import DemoWorker
from streams.settings import load_settings
from streams.tokens import BUILT_IN_KEY


def test_the_worker_gets_our_settings_and_none_of_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAIMSTREAM_PACKS", "elsewhere")
    monkeypatch.setenv("claimstream_nonsense", "1")
    monkeypatch.setenv("OTHER", "kept")

    worker = DemoWorker(tmp_path, "127.0.0.1:1", "demo.")
    environment = worker._environment()

    ours = {name: value for name, value in environment.items() if name.upper().startswith("CLAIMSTREAM_")}
    assert ours == {
        "CLAIMSTREAM_BROKER__BOOTSTRAP": "127.0.0.1:1",
        "CLAIMSTREAM_BROKER__PREFIX": "demo.",
        "CLAIMSTREAM_TOKEN_KEY_FILE": str(tmp_path / "token-key"),
        "CLAIMSTREAM_HTTP__PORT": str(worker.port),
        "CLAIMSTREAM_SOURCES": ",".join(SOURCES),
    }
    assert environment["OTHER"] == "kept"


def test_the_settings_of_the_worker_are_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLAIMSTREAM_SHARED", "CLAIMSTREAM_KAFKA__JARS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in DemoWorker(tmp_path, "127.0.0.1:1", "demo.")._environment().items():
        monkeypatch.setenv(name, value)

    settings = load_settings()

    assert (settings.token_key, settings.sources) == (BUILT_IN_KEY, SOURCES)


def test_a_worker_that_died_is_shown_with_the_end_of_its_log(tmp_path: Path) -> None:
    worker = DemoWorker(tmp_path, "127.0.0.1:1", "demo.")
    worker.log_file.write_text("".join(f"line {number}\n" for number in range(100)))

    sentence = str(worker.died(2))

    assert "exit code 2" in sentence
    assert sentence.endswith("line 99")
    assert "line 80" not in sentence


async def test_a_worker_that_was_never_started_can_be_stopped(tmp_path: Path) -> None:
    await DemoWorker(tmp_path, "127.0.0.1:1", "demo.").stop()
