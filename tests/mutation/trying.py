"""Try mutants: each in a forked process of its own, after all imports, within a limit of processor time and memory."""

import enum
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple, NoReturn, TypeVar

from tests.mutation.applying import apply

BYTES_MAX = 4 << 30
"""A list that grows in an endless loop stays below this."""


class Outcome(enum.IntEnum):
    """What became of a mutant. The first three are exit codes of its process."""

    SURVIVED = 0
    KILLED = 1
    NOT_PYTHON = 2
    TIMED_OUT = 3
    ILL_TYPED = 4
    EXCUSED = 5


class Trial(NamedTuple):
    """A module's source, and what to ask of it, in this order until something is answered with no.

    Modules of `dependents` see the source; `seconds` is the processor time it may take.
    """

    module: str
    path: Path
    source: str
    dependents: frozenset[str]
    checks: Sequence[Callable[[], bool]]
    seconds: int


class Tried(NamedTuple):
    """The outcome of a trial, and the processor time it took."""

    outcome: Outcome
    seconds: float


Key = TypeVar("Key")


def try_all(trials: Iterable[tuple[Key, Trial]], *, at_once: int) -> Iterator[tuple[Key, Tried]]:
    """Try each, `at_once` at a time; they end in any order."""
    running: dict[int, Key] = {}
    try:
        for key, trial in trials:
            if len(running) == at_once:
                yield _ended(running)
            running[_begun(trial)] = key
        while running:
            yield _ended(running)
    finally:
        for pid in running:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _begun(trial: Trial) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    return os.fork() or _try(trial)


def _ended(running: dict[int, Key]) -> tuple[Key, Tried]:
    pid, status, used = os.wait4(-1, 0)
    outcome = Outcome.KILLED
    if os.WIFEXITED(status):
        outcome = Outcome(os.WEXITSTATUS(status))
    elif os.WTERMSIG(status) == signal.SIGXCPU:
        outcome = Outcome.TIMED_OUT
    return running.pop(pid), Tried(outcome, used.ru_utime + used.ru_stime)


def _try(trial: Trial) -> NoReturn:
    """In the forked process: whatever a mutant does, it ends here, and says nothing."""
    outcome = Outcome.KILLED
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CPU, (trial.seconds, trial.seconds + 1))
        resource.setrlimit(resource.RLIMIT_AS, (BYTES_MAX, BYTES_MAX))
        with Path(os.devnull).open("w") as nothing, redirect_stdout(nothing), redirect_stderr(nothing):
            outcome = _outcome(trial)
    finally:
        os._exit(outcome)


def _outcome(trial: Trial) -> Outcome:
    try:
        code = compile(trial.source, str(trial.path), "exec")
    except SyntaxError:
        return Outcome.NOT_PYTHON
    apply(trial.module, code, trial.dependents)
    return Outcome.SURVIVED if all(check() for check in trial.checks) else Outcome.KILLED
