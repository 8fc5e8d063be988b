"""Finds values in texts however they were written: in any case, escaped, quoted, as hex or base64."""

import base64
import html
import json
import urllib.parse
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from re import Pattern

Hit = tuple[str, str]
"""Where, and the name of the value found there."""


@dataclass(frozen=True)
class Permission:
    """Values that a place may hold, both by pattern of their names, and why."""

    place: Pattern[str]
    value: Pattern[str]
    reason: str

    def covers(self, hit: Hit) -> bool:
        return bool(self.place.fullmatch(hit[0]) and self.value.fullmatch(hit[1]))


class Searcher:
    """Looks for named values; `find` gives the names of those in a text."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._forms = {name: forms_of(text) for name, text in values.items()}

    def find(self, text: bytes) -> set[str]:
        folded = fold(text)
        return {name for name, forms in self._forms.items() if any(form in folded for form in forms)}


class Places:
    """What was seen where."""

    def __init__(self) -> None:
        self._seen: dict[str, list[bytes]] = defaultdict(list)

    def add(self, place: str, *texts: bytes | str) -> None:
        self._seen[place] += [
            text.encode(errors="surrogateescape") if isinstance(text, str) else text for text in texts
        ]

    def __contains__(self, place: str) -> bool:
        return any(self._seen.get(place, ()))

    def hits(self, searcher: Searcher) -> set[Hit]:
        return {(place, name) for place, texts in self._seen.items() for name in searcher.find(b"\n".join(texts))}


def refused(hits: Iterable[Hit], permissions: Sequence[Permission]) -> list[Hit]:
    return sorted(hit for hit in hits if not any(permission.covers(hit) for permission in permissions))


def fold(text: bytes) -> bytes:
    """Without case: as text where it is one, byte by byte elsewhere."""
    return text.decode(errors="surrogateescape").lower().encode(errors="surrogateescape")


def forms_of(text: str) -> frozenset[bytes]:
    """Every way in which a value may be written into another text, folded."""
    forms: set[bytes] = set()
    for cased in (text, text.upper(), text.lower()):
        for raw in (cased.encode(), cased.encode("utf-16-le"), cased.encode("latin-1", errors="ignore")):
            if len(raw) < len(text):  # not in this encoding
                continue
            forms |= {raw, raw.hex().encode(), raw.hex(" ").encode(), repr(raw)[2:-1].encode(), *_base64_of(raw)}
        forms |= {
            json.dumps(cased)[1:-1].encode(),
            ascii(cased)[1:-1].encode(),
            html.escape(cased).encode(),
            urllib.parse.quote(cased).encode(),
            urllib.parse.quote_plus(cased).encode(),
        }
    return frozenset(fold(form) for form in forms)


def _base64_of(raw: bytes) -> Iterable[bytes]:
    """The characters that only this value decides, wherever in a longer text it may begin."""
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + raw)
        core = whole[-(-before * 4 // 3) : len(whole.rstrip(b"=")) - (before + len(raw)) % 3]
        if len(core) >= 8:
            yield core
            yield core.translate(bytes.maketrans(b"+/", b"-_"))
