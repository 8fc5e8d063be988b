"""`read_fhir`: the claims of a record that holds a FHIR resource, each read or rejected on its own."""

import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import Any, Final

from schemas.rejection import Rejection, RejectionCode
from streams.intake.defects import defect
from streams.intake.exact_json import exact_json
from streams.intake.fhir.claim import ClaimReader
from streams.intake.fhir.models import NAMES
from streams.intake.fhir.places import fhir_path
from streams.intake.fhir.resources import Entry, Place, Resources
from streams.intake.items import Item, ReadClaim, Rejected, Span, Warned
from streams.intake.json_faults import walk

CLAIMS_PER_RECORD_MAX: Final = 25_000
"""As for X12: it bounds the time between two polls of the broker to a few seconds."""

_REFUSED_BYTES_MAX: Final = 64 << 20
"""Most bytes of what is refused of one record: many claims may refer to one large resource, each taking it along."""

_HOLDS: Final = {"Bundle": "entry", "Parameters": "parameter"}
"""What resources are sent in, and its element they stand in. FHIR R4's Claim/$submit takes a Bundle of Bundles too."""

_CLAIM: Final = re.compile(rb'"resourceType"\s*:\s*"Claim"')
_STRAY: Final = 0
"""The number of what is said of Claims that stand where none is read: they are not counted with the others."""


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
    """Walks a resource, or the entries of a Bundle and of those inside it."""

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
        self._written: dict[str, bytes] = {}

    def items(self) -> Iterator[Item]:
        """All items of the record."""
        entries = list(_entries(self._tree, self._tree["resourceType"]))
        claims = [entry for entry in entries if entry.place.kind == "Claim"]
        warnings, stray = self._unread(claims)
        if not claims:
            none = stray or _no_claim({self._tree["resourceType"], *(entry.place.kind for entry in entries)})
            yield self._rejected(none, _STRAY, "", self._record)
            return
        for entry in entries:
            self._resources.add(entry)
        yield from warnings
        if len(claims) == 1 and stray is None:
            # All of the record is what is kept when it is rejected.
            yield from self._read(claims[0].place, self._before + 1, "", lambda: self._record)
        else:
            yield from self._several(claims, stray)

    def _several(self, claims: Sequence[Entry], stray: Rejection | None) -> Iterator[Item]:
        refused_bytes = 0
        # The record stands for itself by its hash: it is hashed once, not again for each of thousands of claims.
        self._bundle_hash = self._bundle_hash or hashlib.sha256(self._bare).digest()
        for index, entry in enumerate(claims):
            number = self._before + index + 1
            where = f"Claim {number} of the Bundle"
            if index >= CLAIMS_PER_RECORD_MAX or refused_bytes > _REFUSED_BYTES_MAX:
                what = "the Bundle has more claims than one record may hold; send its other claims in another Bundle"
                rejection = _rejection("too-many-claims", what, entry.place.at)
                yield self._rejected(rejection, number, where, self._without(claims[:index]))
                return
            for item in self._read(entry.place, number, where, partial(self._alone, entry)):
                if isinstance(item, Rejected):
                    refused_bytes += len(item.original)
                yield item
        if stray is not None:
            yield self._rejected(stray, _STRAY, "", self._without(claims))

    def _unread(self, claims: Sequence[Entry]) -> tuple[list[Warned], Rejection | None]:
        """What is said of Claims besides these: a warning of each within one of these, one rejection for the others.

        What a resource contains has no life of its own in FHIR: a Claim in a Claim, as the one it replaces, is a part
        of it. Others stand in another kind of resource, or in a Bundle of another shape, which its sender has to mend.
        """
        if len(_CLAIM.findall(self._bare)) <= len(claims):
            return [], None
        read = {id(entry.place.tree) for entry in claims}
        inside: tuple[str | int, ...] | None = None
        warnings, strays = [], []
        for path, value in walk(self._tree):
            if not isinstance(value, dict) or value.get("resourceType") != "Claim":
                continue
            if id(value) in read:
                inside = tuple(path)
            elif inside is not None and inside == tuple(path[: len(inside)]):
                what = "this Claim inside another one is a part of that; to have it decided, send it by itself"
                warnings.append(Warned(what, self._at(path)))
            else:
                strays.append(self._at(path))
        if not strays:
            return warnings, None
        more = f" ({len(strays) - 1} more)" if len(strays) > 1 else ""
        what = f"a Claim stands where none is read{more}; send it by itself or as the resource of a Bundle's entry"
        return warnings, _rejection("not-a-claim", what, strays[0])

    def _at(self, path: Sequence[str | int]) -> str:
        """The FHIRPath of what these keys lead to, without a name that could be anybody's."""
        kind = self._tree["resourceType"]
        steps = (step if isinstance(step, int) or step in NAMES else "*" for step in path)
        return f"{kind if kind == 'Claim' or kind in _HOLDS else 'Resource'}{fhir_path(tuple(steps))}"

    def _read(self, place: Place, number: int, where: str, original: Callable[[], bytes]) -> Iterator[Item]:
        reader = ClaimReader(self._resources, place)
        try:
            found = reader.read()
        except Exception as error:  # noqa: BLE001 - a defect of ours is this claim's alone
            found = defect(error, place.at)
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
        return Rejected(rejection, identity, self._span, where, original, number or 1, self._bundle_hash)

    def _alone(self, claim: Entry) -> bytes:
        """The claim with the resources it refers to, in Bundles nested as theirs; itself where it needs no other."""
        needed = self._resources.needed_by(claim.place)
        if not needed:
            return exact_json(claim.place.tree)
        written = b""
        for bundle in claim.place.bundles:
            there = [self._entry(entry) for entry in (claim, *needed) if entry.place.bundles[0] == bundle]
            if there:
                inside = [*there, b'{"resource":%b}' % written] if written else there
                written = b'{"resourceType":"Bundle","type":"collection","entry":[%b]}' % b",".join(inside)
        return written

    def _entry(self, entry: Entry) -> bytes:
        """An entry as it stood in its Bundle; what several claims refer to is written once and kept."""
        at = entry.place.at
        if at not in self._written:
            named = {"fullUrl": entry.url} if entry.url else {}
            self._written[at] = exact_json(named | {"resource": entry.place.tree})
        return self._written[at]

    def _without(self, claims: Sequence[Entry]) -> bytes:
        """The record without these claims."""
        return exact_json(_without(self._tree, {id(entry.place.tree) for entry in claims}))


def _entries(tree: dict[str, Any], at: str, bundles: tuple[str, ...] = (), url: str = "") -> Iterator[Entry]:
    """The resources that are sent in a Bundle, those of a Bundle inside it in its place; else the resource itself."""
    kind = tree.get("resourceType")
    name = _HOLDS.get(kind) if isinstance(kind, str) else None
    if name is None:
        yield Entry.of(tree, at, bundles, url)
        return
    for part, part_at in _parts(tree, at, name):
        resource, named = part.get("resource"), part.get("fullUrl")
        if isinstance(resource, dict):
            full_url = named if isinstance(named, str) else ""
            yield from _entries(resource, f"{part_at}.resource", (at, *bundles), full_url)


def _parts(holder: dict[str, Any], at: str, name: str) -> Iterator[tuple[dict[str, Any], str]]:
    """The entries of a Bundle; the parameters of Parameters, and the parts of these, which are parameters too."""
    several = holder.get(name)
    for index, part in enumerate(several if isinstance(several, list) else ()):
        if isinstance(part, dict):
            part_at = f"{at}.{name}[{index}]"
            yield part, part_at
            yield from _parts(part, part_at, "part")


def _without(tree: Any, gone: Collection[int]) -> Any:
    """A copy of a tree without the objects of these ids."""
    if isinstance(tree, dict):
        return {key: _without(value, gone) for key, value in tree.items() if id(value) not in gone}
    return [_without(value, gone) for value in tree] if isinstance(tree, list) else tree


def _no_claim(kinds: Collection[str]) -> Rejection:
    """Why a record with resources of these kinds is none of ours."""
    if "ClaimResponse" in kinds:
        what = "this FHIR ClaimResponse is an answer, no claim; give an authorization's file with --authorizations"
    elif held := next((kind for kind in _HOLDS if kind in kinds), None):
        what = f"this FHIR {held} has no Claim in it; send Claim resources"
    else:
        what = "this FHIR resource is no Claim; send Claim resources"
    return _rejection("not-a-claim", what, "/resourceType")


def _rejection(code: RejectionCode, message: str, at: str) -> Rejection:
    return Rejection(code=code, message=message, at=at)
