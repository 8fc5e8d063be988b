"""A file to the records it is sent as, however large it is: no more of it is held than one record."""

import asyncio
import hashlib
import mmap
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import cast

from streams.intake.files import InputFile, UnreadableFileError, records
from streams.intake.reading import JSON_TYPE, MAX_RECORD_BYTES, sniff
from streams.intake.x12.split import Part, split

X12_TYPE = "application/edi-x12"
SENDABLE_BYTES = (16 << 20) - 4096
"""The largest record the topic takes. What is over the limit of readers is sent too: its dead letter says so."""

_HASHED_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Sendable:
    """A record of a file. `value` is None where it is too large to be sent; `start` is where it stands in the file."""

    value: bytes | None
    size: int
    start: int
    content_type: str | None = None
    first_claim: int = 1
    claims: int = 1


class _Mapped(mmap.mmap):
    """A file as if it were bytes, as far as reading it goes."""

    def startswith(self, prefix: bytes, start: int = 0) -> bool:
        """As of bytes."""
        return self[start : start + len(prefix)] == prefix


@contextmanager
def open_content(file: InputFile) -> Iterator[bytes]:
    """The content of a file, which takes no memory where it is large. Raises UnreadableFileError."""
    with ExitStack() as stack:
        try:
            content = _content(file, stack)
        except OSError as error:
            what = f"{file.name} cannot be read ({error.strerror}); check the path and its permissions"
            raise UnreadableFileError(what) from error
        yield content


def _content(file: InputFile, stack: ExitStack) -> bytes:
    stream = sys.stdin.buffer if file.path is None else stack.enter_context(file.path.open("rb"))
    if file.path is None or not file.path.is_file():
        # What comes through a pipe goes into a file without a name: it is read twice, for its hash and its records.
        spool = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        shutil.copyfileobj(stream, spool, _HASHED_BYTES)
        spool.flush()
        stream = spool
    if not os.fstat(stream.fileno()).st_size:
        return b""
    return cast("bytes", stack.enter_context(_Mapped(stream.fileno(), 0, access=mmap.ACCESS_READ)))


async def fingerprint(content: bytes) -> str:
    """SHA-256 of content in hex; can be cancelled on its way."""
    digest = hashlib.sha256()
    for start in range(0, len(content), _HASHED_BYTES):
        digest.update(content[start : start + _HASHED_BYTES])
        await asyncio.sleep(0)
    return digest.hexdigest()


def sendables(content: bytes) -> Iterator[Sendable]:
    """The records of content in its order, the same for the same content."""
    if sniff(content) == "x12":
        for part in split(content):
            yield _of_part(part, content)
    elif len(content) <= MAX_RECORD_BYTES:
        for record in records(bytes(content)):
            yield Sendable(record.content, len(record.content), record.offset, record.content_type)
    elif _has_lines(content):
        yield from _lines(content)
    else:
        fits = len(content) <= SENDABLE_BYTES
        yield Sendable(bytes(content) if fits else None, len(content), 0)


def _of_part(part: Part, content: bytes) -> Sendable:
    value = part.content(content) if part.size <= SENDABLE_BYTES else None
    return Sendable(value, part.size, part.start, X12_TYPE, part.first_claim, max(1, part.claims))


def _has_lines(content: bytes) -> bool:
    """Whether content too large for one record is one of JSON lines, by as much of it as a record may have."""
    return next(records(content[:MAX_RECORD_BYTES])).line is not None


def _lines(content: bytes) -> Iterator[Sendable]:
    start = 0
    while start < len(content):
        end = content.find(b"\n", start) + 1 or len(content)
        if end - start > SENDABLE_BYTES:
            yield Sendable(None, end - start, start, JSON_TYPE)
        elif (line := content[start:end].rstrip(b"\r\n")).strip():
            yield Sendable(line, len(line), start, JSON_TYPE)
        start = end
