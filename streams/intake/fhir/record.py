"""`read_fhir`: the claims of a record that holds a FHIR resource, each read or rejected on its own."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from schemas.rejection import Rejection, RejectionCode
from streams.intake.exact_json import exact_json
from streams.intake.fhir.claim import ClaimReader
from streams.intake.fhir.resources import Entry, Place, Resources
from streams.intake.items import Item, ReadClaim, Rejected, Span

CLAIMS_PER_RECORD_MAX: Final = 25_000
"""As for X12: it bounds the time between two polls of the broker to a few seconds."""

_REFUSED_BYTES_MAX: Final = 64 << 20
"""Most bytes of what is refused of one record: many claims may refer to one large resource, each taking it along."""


def read_fhir(
    tree: dict[str, Any], bare: bytes, record: bytes, *, first_ordinal: int = 1, bundle: bytes = b""
) -> Iterator[Item]:
    """The claims, rejections and warnings of a resource in its order; at least one claim or rejection, no exception.

    `tree` is `bare` as `exact_tree` parses it: no number in it was ever a float. `bare` is `record` without white space
    around it, by which an event is known again. What came out of a Bundle of several claims, with its SHA-256 as
    `bundle`, is known again by that and by the number there, which is `first_ordinal` for its first claim.
    """
    start = record.find(bare)
    return _Record(
        tree, bare, record, Span(start, start + len(bare)), first_ordinal=first_ordinal, bundle=bundle
    ).items()


class _Record:
    """Walks a resource, or the entries of a Bundle."""

    def __init__(
        self, tree: dict[str, Any], bare: bytes, record: bytes, span: Span, *, first_ordinal: int, bundle: bytes
    ) -> None:
        self._tree = tree
        self._bare = bare
        self._record = record
        self._span = span
        self._before = first_ordinal - 1 if bundle else 0
        self._bundle_hash = bundle
        self._resources = Resources()
        self._written: dict[int, bytes] = {}

    def items(self) -> Iterator[Item]:
        """All items of the record."""
        if self._tree["resourceType"] == "Claim":
            yield from self._one(Place(self._tree, "Claim", self._tree, "Claim", ""))
            return
        entries = list(_entries(self._tree)) if self._tree["resourceType"] == "Bundle" else []
        claims = [entry for entry in entries if entry.tree.get("resourceType") == "Claim"]
        if not claims:
            yield self._none(entries)
            return
        for entry in entries:
            self._resources.add(entry)
        if len(claims) == 1:
            yield from self._one(claims[0].place)
        else:
            yield from self._several(claims, entries)

    def _one(self, place: Place) -> Iterator[Item]:
        """The only claim of a record: all of the record is what is kept when it is rejected."""
        yield from self._read(place, self._before + 1, "", lambda: self._record)

    def _several(self, claims: Sequence[Entry], entries: Sequence[Entry]) -> Iterator[Item]:
        refused_bytes = 0
        # The record stands for itself by its hash: it is hashed once, not again for each of thousands of claims.
        self._bundle_hash = self._bundle_hash or hashlib.sha256(self._bare).digest()
        for index, entry in enumerate(claims):
            number = self._before + index + 1
            where = f"Claim {number} of the Bundle"
            if index >= CLAIMS_PER_RECORD_MAX or refused_bytes > _REFUSED_BYTES_MAX:
                what = "the Bundle has more claims than one record may hold; send its other claims in another Bundle"
                done = {claim.number for claim in claims[:index]}
                rest = self._bundle([other for other in entries if other.number not in done])
                at = f"Bundle.entry[{entry.number}]"
                yield self._rejected(_rejection("too-many-claims", what, at), number, where, rest)
                return
            for item in self._read(entry.place, number, where, partial(self._alone, entry)):
                if isinstance(item, Rejected):
                    refused_bytes += len(item.original)
                yield item

    def _read(self, place: Place, number: int, where: str, original: Callable[[], bytes]) -> Iterator[Item]:
        reader = ClaimReader(self._resources, place)
        found = reader.read()
        if isinstance(found, Rejection):
            yield self._rejected(found, number, where, original())
            return
        yield from reader.warnings
        yield ReadClaim(found, self._identity(number), self._span, where, reader.created_on)

    def _identity(self, number: int) -> tuple[bytes, ...]:
        """What the claim of that number is known by: its Bundle, where that has several, else the record."""
        return (self._bundle_hash, b"%d" % number) if self._bundle_hash else (self._bare,)

    def _rejected(self, rejection: Rejection, number: int, where: str, original: bytes) -> Rejected:
        identity = self._identity(number)
        return Rejected(rejection, identity, self._span, where, original, number, self._bundle_hash)

    def _alone(self, claim: Entry) -> bytes:
        """The claim with the resources it refers to; the claim itself where it needs no other."""
        needed = self._resources.needed_by(claim.place)
        return self._bundle([claim, *needed]) if needed else exact_json(claim.tree)

    def _bundle(self, entries: Sequence[Entry]) -> bytes:
        """Some entries as a Bundle of their own; what several claims refer to is written once and kept."""
        for entry in entries:
            if entry.number not in self._written:
                named = {"fullUrl": entry.url} if entry.url else {}
                self._written[entry.number] = exact_json(named | {"resource": entry.tree})
        inside = b",".join(self._written[entry.number] for entry in entries)
        return b'{"resourceType":"Bundle","type":"collection","entry":[%b]}' % inside

    def _none(self, entries: Sequence[Entry]) -> Rejected:
        kinds = {self._tree["resourceType"], *(kind for entry in entries if (kind := entry.place.kind))}
        if "ClaimResponse" in kinds:
            what = "this FHIR ClaimResponse is an answer, no claim; give an authorization's file with --authorizations"
        elif "Bundle" in kinds:
            what = "this FHIR Bundle has no Claim in it; send Claim resources"
        else:
            what = "this FHIR resource is no Claim; send Claim resources"
        rejection = _rejection("not-a-claim", what, "/resourceType")
        return Rejected(rejection, (self._bare,), self._span, "", self._record)


def _entries(bundle: dict[str, Any]) -> Iterator[Entry]:
    """The entries of a Bundle that hold a resource."""
    entries = bundle.get("entry")
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
            url = entry.get("fullUrl")
            yield Entry(index, url if isinstance(url, str) else "", entry["resource"])


def _rejection(code: RejectionCode, message: str, at: str) -> Rejection:
    return Rejection(code=code, message=message, at=at)
