"""Tokens that stand for a person: the only reference to one in keys, logs, metrics and state.

All are HMAC-SHA-256 under the site's secret key, so that nobody without it can tell a member id from its token.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.authorization import PatientReference
from schemas.claim import Claim, Payer, Person
from validators.payers import Payers

BUILT_IN_KEY = b"claimstream demo key: not a secret, never for real claims"
"""What `demo` and `check` use when no key is set; a worker refuses to run without a key of its own."""

MEDICARE = "MEDICARE"
TOKEN_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Tokens:
    """Makes tokens under one key; aliases join the payer ids under which a payer knows one member."""

    key: bytes
    payers: Payers
    payer_aliases: Mapping[str, str] = field(default_factory=dict)
    tenants: Mapping[str, str] = field(default_factory=dict)
    _aliases: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        # Payer ids are compared without regard to case, on both sides.
        aliases = {payer_id.upper(): alias.upper() for payer_id, alias in self.payer_aliases.items()}
        object.__setattr__(self, "_aliases", aliases)

    def patient(self, claim: Claim) -> str:
        """The member a claim is about, as 32 hex characters: tenant, payer alias, normalised member id."""
        return self.member(claim.source, claim.payer, claim.subscriber.member_id)

    def member(self, source: str, payer: Payer, member_id: str) -> str:
        """The member of a payer, as a claim, an authorization or an encounter of a source names them."""
        member_id = member_id.upper()
        # One of punctuation alone stays as it is: members must not become one person for want of letters.
        member = "".join(character for character in member_id if character.isalnum()) or member_id
        return self._token("patient", self.tenants.get(source, "default"), self._payer_alias(payer), member)

    def person(self, who: Person | PatientReference, patient_token: str) -> str:
        """The person within the member: birth date and first name of the patient."""
        born = who.birth_date.isoformat() if who.birth_date else ""
        return self._token("person", patient_token, born, (who.first_name or "").upper())

    def fingerprint(self) -> str:
        """Tells two keys apart without giving either away."""
        return self._token("fingerprint")

    def alias_table(self) -> dict[str, str]:
        """Every payer id that stands for another one, as far as settings and packs name it."""
        medicare = (i.upper() for i, match in self.payers.by_id.items() if match.line_of_business == "medicare_ffs")
        return dict.fromkeys(medicare, MEDICARE) | dict(self._aliases)

    def is_medicare(self, payer: Payer) -> bool:
        """Whether its members are those of Medicare, whatever the payer id."""
        return self._payer_alias(payer) == MEDICARE

    def _payer_alias(self, payer: Payer) -> str:
        payer_id = payer.id.upper()
        alias = self._aliases.get(payer_id)
        if alias is not None:
            return alias
        return MEDICARE if self.payers.line_of_business(payer) == "medicare_ffs" else payer_id

    def _token(self, *parts: str) -> str:
        return hmac.new(self.key, "\0".join(parts).encode(), hashlib.sha256).hexdigest()[:TOKEN_LENGTH]
