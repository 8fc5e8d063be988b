"""What was found in one received record: the account that every received item is checked against."""

from schemas.base import Record
from schemas.rejection import Rejection


class ManifestRejection(Record):
    """An item that went to the dead letters: which of the record, and why."""

    index: int
    event_id: str
    rejection: Rejection


class ManifestWarning(Record):
    """A fault of the record that kept no claim from being read."""

    message: str
    at: str


class Manifest(Record):
    """Part `part` of `parts` of what a record held.

    `position` is `topic:partition:offset`, `sha256` that of the record's bytes. `items` counts claims and rejections of
    the whole record; `event_ids` are the claims of this part, in their order, equal ones as often as they stood there;
    `fact_ids` are the authorizations and encounters, which are no items, as nothing is decided of them. `redrive_of` is
    the position of the dead letter that a redriven record was.
    """

    position: str
    source: str
    format: str
    sha256: str
    items: int
    part: int
    parts: int
    event_ids: tuple[str, ...]
    fact_ids: tuple[str, ...] = ()
    rejections: tuple[ManifestRejection, ...]
    warnings: tuple[ManifestWarning, ...]
    unknown_fields: int
    redrive_of: str | None = None
