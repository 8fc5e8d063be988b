"""Files to records, as `check` and `feed` take them: paths, folders, globs and `-`, known by content."""

import glob
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from streams.clock import day_of
from streams.intake.reading import sniff

STDIN = "-"


class UnreadableFileError(Exception):
    """A file that cannot be read: one sentence with its name and what to do."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file as the user named it; `path` is None for standard input."""

    name: str
    path: Path | None

    def read(self) -> bytes:
        """Its bytes. Raises UnreadableFileError."""
        if self.path is None:
            return sys.stdin.buffer.read()
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise UnreadableFileError(
                f"{self.name} cannot be read ({error.strerror}); check its permissions"
            ) from error

    def written_on(self) -> date | None:
        """The day it was last written; None for standard input."""
        return day_of(self.path.stat().st_mtime_ns // 1_000_000) if self.path else None


def expand(names: Iterable[str]) -> list[InputFile]:
    """The files that names stand for: a folder is every regular file under it, sorted by path.

    Raises UnreadableFileError for a name nothing answers to.
    """
    files: list[InputFile] = []
    for name in names:
        if name == STDIN:
            files.append(InputFile("standard input", None))
            continue
        path = Path(name)
        if path.is_dir():
            files += [InputFile(str(inner), inner) for inner in sorted(path.rglob("*")) if inner.is_file()]
        elif path.exists():
            files.append(InputFile(name, path))
        elif matches := sorted(glob.glob(name, recursive=True)):  # noqa: PTH207 - absolute patterns too
            files += expand(matches)
        else:
            raise UnreadableFileError(f"{name}: there is no such file; check the path")
    return files


def records(content: bytes) -> Iterator[bytes]:
    """The records of a file: the lines of a JSON-lines file, else the whole content as one."""
    if sniff(content) == "json" and _is_json_lines(content):
        for line in content.splitlines():
            if line.strip():
                yield line
    else:
        yield content


def _is_json_lines(content: bytes) -> bool:
    first, newline, rest = content.strip().partition(b"\n")
    if not newline or not rest.strip():
        return False
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        # A broken first line among whole ones is still a file of lines.
        return rest.lstrip().startswith(b"{") and first.rstrip().endswith(b"}")
