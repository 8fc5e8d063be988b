"""Files to records, as `check` and `feed` take them: paths, folders, globs and `-`, known by content."""

import glob
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import jiter

from streams.clock import day_of
from streams.intake.reading import JSON_TYPE, sniff

STDIN = "-"

_BOM = b"\xef\xbb\xbf"
_TELLS_A_RECORD = frozenset({"claim_id", "service_lines", "resourceType", "authorization_number", "member_id"})
_X12_GUIDE = re.compile(rb"0[0-9]{5}(X[0-9]{3})(?:A[0-9])?")
_X12_HEAD_BYTES = 1024


class UnreadableFileError(Exception):
    """A file that cannot be read: one sentence with its name and what to do."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file as the user named it; `path` is None for standard input."""

    name: str
    path: Path | None

    def read(self) -> bytes:
        """Its bytes. Raises UnreadableFileError."""
        try:
            return sys.stdin.buffer.read() if self.path is None else self.path.read_bytes()
        except OSError as error:
            raise _unreadable(self.name, error) from error

    def written_on(self) -> date | None:
        """The day it was last written; None for standard input, and when that cannot be told."""
        try:
            return day_of(self.path.stat().st_mtime_ns // 1_000_000) if self.path else None
        except OSError:
            return None


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A record of a file: its bytes, the byte it starts at, its line (from 1) when the file is one of lines."""

    content: bytes
    offset: int = 0
    line: int | None = None

    @property
    def content_type(self) -> str | None:
        """What it is known to be before it is read: a line among JSON lines is JSON, however broken."""
        return None if self.line is None else JSON_TYPE


def expand(names: Iterable[str]) -> list[InputFile]:
    """The files that names stand for: a folder is every regular file under it, sorted by path.

    Raises UnreadableFileError for a name nothing answers to, and for a folder that cannot be looked into.
    """
    files: list[InputFile] = []
    for name in names:
        if name == STDIN:
            files.append(InputFile(STDIN, None))
            continue
        try:
            found = _existing(name)
        except OSError as error:
            raise _unreadable(_readable(name), error) from error
        if found is None:
            matches = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 - absolute patterns too
            if not matches:
                raise UnreadableFileError(f"{_readable(name)}: there is no such file; check the path")
            files += [file for match in matches for file in _existing(match) or ()]
        else:
            files += found
    return files


def records(content: bytes) -> Iterator[FileRecord]:
    """The records of a file: the lines of a JSON-lines file, else the whole content as one."""
    if not _is_json_lines(content):
        yield FileRecord(content)
        return
    offset = 0
    for number, line in enumerate(content.splitlines(keepends=True), 1):
        if line.strip():
            yield FileRecord(line.rstrip(b"\r\n"), offset, number)
        offset += len(line)


def describe(content: bytes) -> str:
    """What kind of file this is, in the short words of a headline."""
    form = sniff(content)
    if form == "x12":
        guide = _X12_GUIDE.search(content, 0, _X12_HEAD_BYTES)
        kind = "837P" if guide and guide[1] == b"X222" else "X12"
        return f"{kind} {guide[0].decode()}" if guide else kind
    if _is_json_lines(content):
        return "JSON lines"
    return "JSON" if form == "json" else "unknown format"


def _existing(name: str) -> list[InputFile] | None:
    """The file, or those of the folder; None when nothing is there."""
    path = Path(name)
    if path.is_dir():
        inner = [Path(folder, name) for folder, _, names in os.walk(path, onerror=_refuse) for name in names]
        return [InputFile(_readable(str(file)), file) for file in sorted(inner) if file.is_file()]
    return [InputFile(_readable(name), path)] if path.exists() else None


def _refuse(error: OSError) -> None:
    raise _unreadable(_readable(str(error.filename)), error) from error


def _unreadable(name: str, error: OSError) -> UnreadableFileError:
    return UnreadableFileError(f"{name} cannot be read ({error.strerror}); check the path and its permissions")


def _readable(name: str) -> str:
    """A file name as it can be written in UTF-8, which not all names on disk are."""
    return os.fsencode(name).decode(errors="replace")


def _is_json_lines(content: bytes) -> bool:
    """Whether each line is a record of its own.

    The first one is an object with more after it, or, where that line is broken and the content is no JSON as a whole,
    another line is an object as it only stands on its own.
    """
    if sniff(content) == "x12":
        return False
    text = content.removeprefix(_BOM).strip()
    first, newline, rest = text.partition(b"\n")
    if not newline:
        return False
    if isinstance(_parsed(first), dict):
        return True
    if not text.startswith(b"{") and b"\n{" not in text:
        return False
    if _parsed(text) is not None:
        return False
    return any(
        isinstance(tree := _parsed(line), dict) and not _TELLS_A_RECORD.isdisjoint(tree)
        for line in rest.splitlines()
        if line.startswith(b"{")
    )


def _parsed(text: bytes) -> Any:
    try:
        return jiter.from_json(text)
    except ValueError:
        return None
