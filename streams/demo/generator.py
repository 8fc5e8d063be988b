"""The feed: records of claims as they arrive from several senders, the same for the same seed, byte for byte.

Some are broken and some come twice, as in any real feed. Nothing here is about a real person.
"""

import random
from collections import deque
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from streams.demo import broken, json_writer, x12_writer
from streams.demo.draft import Draft
from streams.demo.practices import SOURCES, X12_SOURCES
from streams.demo.visits import Visits

__all__ = ["SOURCES", "FeedRecord", "feed"]

X12_CONTENT_TYPE = "application/edi-x12"
CLAIMS_PER_FILE_MAX = 24
REPEATED_ITEMS_MAX = 4
"""A record with more items is not repeated, so that short feeds keep the share of repeats."""

_TRUNCATED_FILES = 0.02
_FILES_WITH_A_BAD_CLAIM = 0.05
_SPOILED_JSON = 0.014
_NO_CLAIM = 0.006
_REPEATED = 0.016


class FeedRecord(NamedTuple):
    """A record for `claims.received`, with the headers it is sent under.

    `items` is how many claims and rejections intake finds in it; `repeated` whether it stood in the feed before.
    """

    value: bytes
    content_type: str | None
    source: str
    received_on: date
    items: int
    repeated: bool = False


def feed(seed: int, claims: int) -> Iterator[FeedRecord]:
    """Records that hold `claims` items in all: claims, what cannot be read, and repeats of either."""
    return _Feed(random.Random(seed), claims).records()  # noqa: S311 - made-up claims keep no secret


class _Feed:
    def __init__(self, rng: random.Random, claims: int) -> None:
        self._rng = rng
        self._left = claims
        self._visits = Visits(rng, claims)
        self._control = rng.randrange(1000, 9000)
        # Each X12 source collects claims until its file is full.
        self._files: dict[str, list[Draft]] = {source: [] for source in X12_SOURCES}
        self._sizes = {source: self._file_size() for source in X12_SOURCES}
        self._recent: deque[FeedRecord] = deque(maxlen=60)

    def records(self) -> Iterator[FeedRecord]:
        for draft in self._visits:
            if self._left <= 0:
                break
            self._left -= 1
            record = self._take(draft)
            if record is not None:
                yield record
                self._recent.append(record)
                yield from self._mishaps()
        for drafts in self._files.values():
            if drafts:
                yield self._file(drafts)

    def _take(self, draft: Draft) -> FeedRecord | None:
        """The record the claim completes, if it does."""
        source = draft.practice.source
        drafts = self._files.get(source)
        if drafts is None:
            return self._json(draft)
        drafts.append(draft)
        if len(drafts) < self._sizes[source]:
            return None
        self._files[source], self._sizes[source] = [], self._file_size()
        return self._file(drafts)

    def _json(self, draft: Draft) -> FeedRecord:
        rng = self._rng
        claim = json_writer.claim_object(draft)
        spoiled = rng.random() < _SPOILED_JSON
        value = broken.spoiled_json(rng, claim) if spoiled else json_writer.json_bytes(claim)
        content_type = json_writer.CONTENT_TYPE if rng.random() < 0.8 else None
        return FeedRecord(value, content_type, draft.practice.source, draft.received_on, 1)

    def _file(self, drafts: list[Draft]) -> FeedRecord:
        rng = self._rng
        self._control += 1
        source = drafts[0].practice.source
        value = x12_writer.interchange(drafts, control=self._control, newlines=source == X12_SOURCES[0])
        mishap = rng.random()
        if mishap < _TRUNCATED_FILES:
            value = broken.truncated_x12(value)
        elif mishap < _TRUNCATED_FILES + _FILES_WITH_A_BAD_CLAIM:
            value = broken.one_bad_claim_in_x12(rng, value)
        content_type = X12_CONTENT_TYPE if rng.random() < 0.7 else None
        received_on = max(draft.received_on for draft in drafts)
        return FeedRecord(value, content_type, source, received_on, len(drafts))

    def _mishaps(self) -> Iterator[FeedRecord]:
        """After a record, at times: a file of another kind, or an earlier record once more."""
        rng = self._rng
        chance = rng.random()
        last = self._recent[-1]
        if chance < _NO_CLAIM and self._left:
            self._left -= 1
            yield FeedRecord(broken.no_claim(rng), None, last.source, last.received_on, 1)
        elif chance < _NO_CLAIM + _REPEATED:
            again = rng.choice(self._recent)
            if again.items <= min(REPEATED_ITEMS_MAX, self._left):
                self._left -= again.items
                yield again._replace(repeated=True)

    def _file_size(self) -> int:
        return self._rng.choice((1, 2, 3, 5, 8, 12, CLAIMS_PER_FILE_MAX))
