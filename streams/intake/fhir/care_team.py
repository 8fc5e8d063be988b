"""Who took part: `Claim.careTeam`, for the claim and, by `careTeamSequence`, for a line."""

from collections.abc import Sequence
from typing import Any, Final

from streams.intake.fhir.codes import TAXONOMY, code_of, codes_of
from streams.intake.fhir.models import Member
from streams.intake.fhir.parties import read_provider
from streams.intake.fhir.resources import Place, Resources

_RENDERING: Final = ("rendering", "primary")
_REFERRING: Final = ("referring", "referrer")
_SUPERVISING: Final = ("supervising", "supervisor")


class CareTeam:
    """The members of a claim; each provider is read once, when it is asked for."""

    def __init__(self, resources: Resources, members: Sequence[Member], claim: Place) -> None:
        self._resources = resources
        self._claim = claim
        self._roles = [(member, codes_of(member.role)) for member in members]
        self._by_sequence: dict[int, tuple[Member, frozenset[str]]] = {}
        for member, roles in self._roles:
            if member.sequence is not None:
                self._by_sequence.setdefault(member.sequence, (member, roles))
        self._providers: dict[int, dict[str, Any] | None] = {}
        self._rendering = _first(self._roles, _RENDERING)

    def of_claim(self) -> dict[str, dict[str, Any] | None]:
        """The providers of the claim by their field of `schemas.claim.Claim`."""
        return {
            "rendering_provider": self._provider(self._rendering),
            "referring_provider": self._provider(_first(self._roles, _REFERRING)),
            "supervising_provider": self._provider(_first(self._roles, _SUPERVISING)),
        }

    def of_line(self, sequences: Sequence[int | None]) -> dict[str, Any] | None:
        """The rendering provider of a line; None where it is that of the claim."""
        members = [self._by_sequence[one] for one in sequences if one is not None and one in self._by_sequence]
        member = _first(members, _RENDERING)
        return None if member is self._rendering else self._provider(member)

    def _provider(self, member: Member | None) -> dict[str, Any] | None:
        if member is None:
            return None
        if id(member) not in self._providers:
            provider = read_provider(self._resources, member.provider, self._claim)
            taxonomy = code_of(member.qualification, TAXONOMY)
            if taxonomy is not None:
                provider = (provider or {}) | {"taxonomy": taxonomy}
            self._providers[id(member)] = provider
        return self._providers[id(member)]


def _first(members: Sequence[tuple[Member, frozenset[str]]], roles: Sequence[str]) -> Member | None:
    """The first member in the first of these roles that anybody has."""
    return next((member for role in roles for member, has in members if role in has), None)
