"""Rows of an audit by hash range, in memory while they are few and in temporary files when they are many.

A key's rows are all in one range, so that ranges are joined one after another: memory holds one of them at a time.
What it costs: 60 bytes a row; three rows a claim (manifest, log, decision) and two a received record, so at most 300
bytes of temporary disk a claim where each comes in a record of its own. 100 million claims are 30 GB at most in
the folder `TMPDIR` names, and half a GB of memory while a range of theirs is joined.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile

from streams.delivery.audit.rows import ROW_BYTES

RANGES = 256
IN_MEMORY_BYTES = 256 << 10
"""Bytes of a range that stay in memory: 64 MiB for all of them."""


@dataclass(frozen=True, slots=True)
class Spill:
    """Takes rows and gives them back range by range. Made by `open_spill`."""

    _files: "Sequence[SpooledTemporaryFile[bytes]]"

    def add(self, rows: Iterable[bytes]) -> None:
        """Put rows aside; a row begins with its key, which is a digest."""
        for row in rows:
            self._files[row[0]].write(row)

    def ranges(self) -> Iterator[list[bytes]]:
        """All rows, a range at a time."""
        for file in self._files:
            file.seek(0)
            content = file.read()
            yield [content[start : start + ROW_BYTES] for start in range(0, len(content), ROW_BYTES)]


@contextmanager
def open_spill(in_memory_bytes: int = IN_MEMORY_BYTES) -> Iterator[Spill]:
    """Room for rows; its files have no name and end with it."""
    with ExitStack() as files:
        yield Spill([files.enter_context(SpooledTemporaryFile(in_memory_bytes)) for _ in range(RANGES)])
