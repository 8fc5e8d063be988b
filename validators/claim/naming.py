"""Who stands on a claim, how findings of this family call them, and where they stand."""

from collections.abc import Iterator
from typing import NamedTuple

from schemas.claim import Address, Claim, Provider


class Place(NamedTuple):
    """Where a provider or person stands: the field, and the line (its index) when it is one of a line."""

    field: str
    line: int | None = None

    @property
    def words(self) -> str:
        """The field in words: `billing provider`."""
        return self.field.replace("_", " ")

    def pointer(self, inner: str) -> str:
        """The JSON pointer to a field of the provider or person."""
        within = "" if self.line is None else f"/service_lines/{self.line}"
        return f"{within}/{self.field}/{inner}"


PROVIDERS = ("billing_provider", "rendering_provider", "referring_provider", "supervising_provider", "service_facility")
PERSONS = ("subscriber", "patient")


def providers(claim: Claim) -> Iterator[tuple[Place, Provider]]:
    """The providers that the claim and its lines name."""
    for field in PROVIDERS:
        if (provider := getattr(claim, field)) is not None:
            yield Place(field), provider
    for index, line in enumerate(claim.service_lines):
        if line.rendering_provider is not None:
            yield Place("rendering_provider", index), line.rendering_provider


def addresses(claim: Claim) -> Iterator[tuple[Place, Address]]:
    """The addresses of the persons and providers of the claim."""
    for field in PERSONS:
        if (person := getattr(claim, field)) is not None and person.address is not None:
            yield Place(field), person.address
    for place, provider in providers(claim):
        if provider.address is not None:
            yield place, provider.address


def treated(claim: Claim) -> Place:
    """Where the person treated stands."""
    return Place("subscriber" if claim.patient is None else "patient")
