import os
import signal
from types import SimpleNamespace

import pytest

from streams.cli.worker import run_to_end


class FaustWorker:
    """Ends as a Faust worker does; what its app does meanwhile is told by `meanwhile`."""

    def __init__(self, meanwhile, code=0):
        self._meanwhile = meanwhile
        self._code = code

    def execute_from_commandline(self):
        self._meanwhile()
        raise SystemExit(self._code)


def test_a_worker_that_an_operator_stops_ends_with_its_own_code():
    with pytest.raises(SystemExit) as ended:
        run_to_end(FaustWorker(lambda: None), SimpleNamespace(exit_code=None))

    assert ended.value.code == 0


def test_a_worker_that_crashes_does_not_end_with_the_code_of_findings():
    with pytest.raises(SystemExit) as ended:
        run_to_end(FaustWorker(lambda: None, code=1), SimpleNamespace(exit_code=None))

    assert ended.value.code == 70


def test_an_app_that_ends_its_worker_stops_it_as_an_operator_would_and_chooses_the_code(monkeypatch):
    sent = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    app = SimpleNamespace(exit_code=2)
    with pytest.raises(SystemExit) as ended:
        run_to_end(FaustWorker(lambda: app.on_end()), app)  # noqa: PLW0108 - it is set only then

    assert ended.value.code == 2
    assert sent == [(os.getpid(), signal.SIGTERM)]
