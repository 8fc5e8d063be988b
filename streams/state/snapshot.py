"""A partition of the changelog read linearly, outside any group: the state as a worker would have it that began now."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from streams.chunks import Record
from streams.delivery.linear import read, spans_between
from streams.state import changelog_v1
from streams.state.identity import KEY
from streams.state.patients import Patients

Passed = Callable[[int], None]
"""Is told how many records more have been read."""


@dataclass(slots=True)
class Snapshot:
    """What a partition keeps. `older` are the keys of entries that a former version wrote, which says less of them."""

    patients: Patients
    older: set[bytes] = field(default_factory=set)
    has_identity: bool = False

    def take(self, record: Record) -> None:
        """Take a record of the changelog, in its order. Raises UnknownEntryError."""
        key = record.key or b""
        self.has_identity |= key == KEY
        self.patients.restore(record.key, record.value)
        if record.value is not None and changelog_v1.is_one(record.value):
            self.older.add(key)
        else:
            self.older.discard(key)


async def read_snapshot(consumer: Any, tp: Any, patients: Patients, passed: Passed) -> Snapshot:
    """The state in a partition of the changelog, up to its end of now; `patients` is empty, and filled."""
    snapshot = Snapshot(patients)
    # The end is that of now, not of when a longer reading began: compaction may have taken what stood before that one.
    async for records in read(consumer, await spans_between(consumer, [tp], None, None)):
        for record in records:
            snapshot.take(record)
        passed(len(records))
    return snapshot
