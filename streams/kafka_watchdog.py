"""Stops the embedded Kafka when the process that started it is gone, however it went.

Run by path as a small process of its own, standard library only, so that it starts in milliseconds. Standard input
is a pipe the starter holds open; each line on it is `pid`, birth mark and folder, tab separated, and only the last
one counts. The pipe ends when the starter ends, by SIGKILL too: then the process is stopped and the folder removed.
PR_SET_PDEATHSIG would not do: it fires when the starting *thread* ends, and `asyncio.to_thread(kafka.start)` is fair.
"""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

STOP_SECONDS = 20.0


def birth_mark(pid: int) -> str:
    """When the process started, in ticks since boot; empty where there is no /proc, or no such process.

    A process id alone may have been given to another process meanwhile. One that has ended counts as gone, even
    where nothing collects it, as in a container whose first process is not an init.
    """
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return ""
    return "" if state == "Z" else fields[18]


def _send(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except OSError:
        return False
    return True


def stop(pid: int, born: str, seconds: float = STOP_SECONDS) -> None:
    """End the process with SIGTERM, after `seconds` with SIGKILL; a process of another birth is left alone."""
    if pid <= 0 or birth_mark(pid) != born:
        return
    _send(pid, signal.SIGCONT)  # a paused process would not see SIGTERM
    _send(pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while birth_mark(pid) == born and _send(pid, signal.SIGCONT):
        if time.monotonic() > deadline:
            _send(pid, signal.SIGKILL)
            return
        time.sleep(0.05)


def main() -> None:
    """Wait for the end of standard input, then clean up what its last line names."""
    pid, born, folder = 0, "", ""
    for line in sys.stdin:
        number, born, folder = line.rstrip("\n").split("\t")
        pid = int(number)
    stop(pid, born)
    if folder:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
