"""The resources of a record and what a reference among them stands for."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import ValidationError

from streams.intake.fhir.elements import Element, Reference
from streams.intake.fhir.places import refused_by_model

REFERRED: Final = frozenset(
    {
        "Patient",
        "RelatedPerson",
        "Coverage",
        "Practitioner",
        "PractitionerRole",
        "Organization",
        "Location",
        "Condition",
        "ServiceRequest",
    }
)
"""What a claim is read with; other resources are passed over."""

_Model = TypeVar("_Model", bound=Element)


class Place(NamedTuple):
    """A resource, where it stands, and the resource that contains it: itself, unless it is contained.

    `base` is what its full URL has before `Patient/1`; `bundles` are the places of the Bundles around it, inner first.
    """

    tree: dict[str, Any]
    at: str
    root: dict[str, Any]
    root_at: str
    base: str
    bundles: tuple[str, ...]

    @property
    def kind(self) -> str:
        """Its resourceType."""
        kind = self.tree.get("resourceType")
        return kind if isinstance(kind, str) else ""


class Entry(NamedTuple):
    """A resource that is in no other one, and its full URL where it has one."""

    url: str
    place: Place

    @classmethod
    def of(cls, tree: dict[str, Any], at: str, bundles: tuple[str, ...] = (), url: str = "") -> "Entry":
        """The entry of a resource that stands there."""
        name = _name(tree)
        base = url.removesuffix(name) if url.endswith(f"/{name}") else ""
        return cls(url, Place(tree, at, tree, at, base, bundles))


@dataclass(slots=True)
class Resources:
    """The resources of a record, found by reference; each is checked against its model once."""

    _by_key: dict[tuple[str, str], list[Entry]] = field(default_factory=dict)
    _read: dict[str, Element] = field(default_factory=dict)
    _contained: dict[str, dict[str, Place]] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """Make an entry known in its Bundle by its full URL, by `Patient/1` and, without a URL, under any base."""
        place = entry.place
        if place.kind not in REFERRED or not place.bundles:
            return
        keys = [_name(place.tree)] if isinstance(place.tree.get("id"), str) else []
        keys += [entry.url] if entry.url else [f"*/{key}" for key in keys]
        for key in keys:
            known = self._by_key.setdefault((place.bundles[0], key), [])
            if not known or known[0].place.tree != place.tree:
                known.append(entry)

    def candidates(self, reference: str, holder: Place) -> list[Entry]:
        """The entries a reference may mean; more than one where the Bundle does not say which.

        They are those of the innermost Bundle that has any: one sent inside another has its own `Patient/1`.
        """
        bare = reference.partition("/_history/")[0]
        if "://" in bare:
            keys = [bare, "*/" + "/".join(bare.rsplit("/", 2)[1:])]
        else:
            keys = [holder.base + bare, bare] if holder.base else [bare]
        for bundle in holder.bundles:
            for key in keys:
                if found := self._by_key.get((bundle, key)):
                    return found
        return []

    def find(self, reference: Reference | None, holder: Place, kinds: Collection[str]) -> Place | None:
        """The resource of one of these kinds that `holder` refers to; None where it is not in the record."""
        target = reference.reference.strip() if reference is not None and reference.reference else ""
        if not target:
            return None
        if target.startswith("#"):
            place = self._inside(holder).get(target[1:])
        else:
            among = self.candidates(target, holder)
            place = among[0].place if len(among) == 1 else None
        return place if place is not None and place.kind in kinds else None

    def read(self, place: Place, model: type[_Model]) -> _Model:
        """A resource as its model has it. Raises RefusedError where a type is wrong."""
        known = self._read.get(place.at)
        if not isinstance(known, model):
            try:
                known = model.model_validate(place.tree)
            except ValidationError as error:
                raise refused_by_model(error, place.kind, place.at) from None
            self._read[place.at] = known
        return known

    def needed_by(self, claim: Place) -> list[Entry]:
        """All entries that a claim, and what it refers to, may refer to."""
        needed: dict[str, Entry] = {}
        waiting = [claim]
        while waiting:
            holder = waiting.pop()
            for reference in _references(holder.tree):
                for entry in self.candidates(reference.strip(), holder):
                    if entry.place.at not in needed:
                        needed[entry.place.at] = entry
                        waiting.append(entry.place)
        return list(needed.values())

    def _inside(self, holder: Place) -> dict[str, Place]:
        known = self._contained.get(holder.root_at)
        if known is None:
            known = self._contained[holder.root_at] = {}
            contained = holder.root.get("contained")
            for index, tree in enumerate(contained if isinstance(contained, list) else ()):
                if isinstance(tree, dict) and isinstance(tree.get("id"), str):
                    at = f"{holder.root_at}.contained[{index}]"
                    known.setdefault(tree["id"], holder._replace(tree=tree, at=at))
        return known


def _name(tree: dict[str, Any]) -> str:
    """`Patient/1`."""
    return f"{tree.get('resourceType')}/{tree.get('id')}"


def _references(tree: Any) -> Iterator[str]:
    """Every literal reference in a resource, those of its contained ones among them."""
    open_ = [tree]
    while open_:
        value = open_.pop()
        if isinstance(value, dict):
            target = value.get("reference")
            if isinstance(target, str):
                yield target
            open_ += value.values()
        elif isinstance(value, list):
            open_ += value
