"""What was fed already: by cluster, topic and SHA-256 of a file's content, in a small database on this machine.

    ~/.local/state/claimstream/feed.sqlite3                     Linux; below XDG_STATE_HOME where that is set
    ~/Library/Application Support/claimstream/feed.sqlite3      macOS
    %LOCALAPPDATA%/claimstream/feed.sqlite3                     Windows

or in the folder CLAIMSTREAM_STATE__DIR names. It holds no file name and nothing of a claim.
"""

import os
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FILE_NAME = "feed.sqlite3"
SCHEME = 1
"""How files are cut into records. Progress made under another scheme counts other records, and begins anew."""

_TABLE = """
CREATE TABLE IF NOT EXISTS fed (
    cluster TEXT NOT NULL, topic TEXT NOT NULL, sha256 TEXT NOT NULL,
    scheme INTEGER NOT NULL, source TEXT NOT NULL, records INTEGER NOT NULL, whole INTEGER NOT NULL,
    PRIMARY KEY (cluster, topic, sha256)
) WITHOUT ROWID
"""


class JournalError(Exception):
    """The journal cannot be used: one sentence with its path and what to do."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How many records of a content the broker has, whether these are all, and the source they were sent under."""

    records: int
    whole: bool
    source: str


def state_folder(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """Where programs of this user keep what outlives them, on this platform."""
    home = Path.home()
    if platform == "darwin":
        base = home / "Library" / "Application Support"
    elif platform == "win32":
        base = Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local")
    else:
        base = Path(environment.get("XDG_STATE_HOME") or home / ".local" / "state")
    return base / "claimstream"


class Journal:
    """The journal for one topic of one cluster. Made by `open_journal`."""

    def __init__(self, database: sqlite3.Connection, path: Path, cluster: str, topic: str) -> None:
        self._database = database
        self._path = path
        self._place = (cluster, topic)

    def progress(self, sha256: str) -> Progress | None:
        """What was fed of this content; None when nothing was."""
        query = "SELECT records, whole, source FROM fed WHERE cluster = ? AND topic = ? AND sha256 = ? AND scheme = ?"
        with _in_words(self._path):
            row = self._database.execute(query, (*self._place, sha256, SCHEME)).fetchone()
        return Progress(row[0], whole=bool(row[1]), source=row[2]) if row else None

    def note(self, sha256: str, progress: Progress) -> None:
        """Keep what was fed of this content; it outlives this process from here on."""
        row = (*self._place, sha256, SCHEME, progress.source, progress.records, progress.whole)
        with _in_words(self._path):
            self._database.execute("INSERT OR REPLACE INTO fed VALUES (?, ?, ?, ?, ?, ?, ?)", row)


@contextmanager
def open_journal(folder: Path, cluster: str, topic: str) -> Iterator[Journal]:
    """The journal in a folder, made where it is missing. Raises JournalError."""
    path = folder / FILE_NAME
    with _in_words(path):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        database = sqlite3.connect(path, timeout=10, isolation_level=None)
    try:
        with _in_words(path):
            database.execute("PRAGMA journal_mode = WAL")  # a commit outlives a kill, without a wait for the disk
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute(_TABLE)
        yield Journal(database, path, cluster, topic)
    finally:
        database.close()


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise JournalError(
            f"{path}, which says what was fed already, cannot be used ({error}); "
            "correct its permissions, or name another folder with CLAIMSTREAM_STATE__DIR"
        ) from error
