"""State entries as records of the compacted changelog: tokens, codes and dates, nothing that names a person.

The key is the patient token and the event id, in hex; the value is MessagePack of version 2. Numbers of authorizations,
and the claims that can be decided anew, are sealed. Values of version 1 were JSON; `changelog_v1` reads them.
"""

from binascii import unhexlify
from collections.abc import Iterator
from datetime import date
from typing import Literal, NamedTuple

import msgspec

from schemas.authorization import Authorization
from schemas.decision import OUTCOMES
from schemas.encounter import Encounter
from streams.sealing import Seal
from streams.state import changelog_v1
from streams.state.entry import Entry, Issued, Moment, Purge, Redecidable
from streams.tokens import TOKEN_LENGTH
from validators.history import ROLES, PastClaim, PastLine

VERSION = 2
EVENT_LENGTH = 64


class UnknownEntryError(Exception):
    """A changelog record of a version this worker does not read: run a worker at least as new as its writer."""


class _Claim(msgspec.Struct, array_like=True, frozen=True):
    role: int
    source: str
    billing_npi: str
    claim_ref: bytes
    original_ref: bytes
    frequency_code: str
    in_scope: bool
    lines: tuple[PastLine, ...]
    sealed: bytes
    issued: tuple[tuple[int, bytes, int], ...]


class _Value(msgspec.Struct, array_like=True, frozen=True):
    version: int
    position: int
    arrived_day: int
    received_day: int
    person: bytes
    claim: _Claim | None
    authorization: bytes
    encounter: bytes
    purge: tuple[int, bytes] | None
    earlier: "_Value | None" = None


class _Glance(msgspec.Struct, array_like=True, frozen=True):
    """A value of which little is looked at: the rest is passed over."""

    version: int
    position: int
    arrived_day: int
    received_day: msgspec.Raw
    person: msgspec.Raw
    claim: msgspec.Raw
    authorization: msgspec.Raw
    encounter: msgspec.Raw
    purge: msgspec.Raw


_NONE = msgspec.Raw(msgspec.msgpack.encode(None))
_encode = msgspec.msgpack.Encoder(decimal_format="string", order="deterministic").encode
_decode = msgspec.msgpack.Decoder(_Value).decode
_glance = msgspec.msgpack.Decoder(_Glance).decode


class Key(NamedTuple):
    """The key of an entry."""

    token: bytes
    """16 bytes."""

    event: bytes
    """32 bytes."""


def key_of(token: str, event_id: str) -> bytes:
    """The key under which an event's entry is compacted."""
    return f"{token}{event_id}".encode()


def parse_key(key: bytes | None) -> Key | None:
    """The parts of a key; None of what is the key of no entry."""
    if key is None or len(key) != TOKEN_LENGTH + EVENT_LENGTH:
        return None
    both = unhexlify(key)
    return Key(both[: TOKEN_LENGTH // 2], both[TOKEN_LENGTH // 2 :])


def encode(entry: Entry, seal: Seal) -> bytes:
    """The value of an entry."""
    return _encode(_packed(entry, seal))


def decode(event: bytes, value: bytes, seal: Seal | None) -> Entry:
    """The entry of a value of this version; without a seal an authorization stays closed, and is not in the entry.

    Raises UnknownEntryError when it was written by a newer version, SealBrokenError when under another key.
    """
    found = _decode(value)
    _require_known(found.version)
    return _entry(event.hex(), found, seal)


def current(key: Key, value: bytes, seal: Seal) -> bytes:
    """A value of any version we know, as this version writes it. Raises UnknownEntryError."""
    if changelog_v1.is_one(value):
        return encode(changelog_v1.decode(key.event.hex(), value), seal)
    _require_known(_glance(value).version)
    return value


EntryKind = Literal["claim", "authorization", "encounter", "met", "purge"]
"""What an entry is of; `met`: nothing is kept of an event but that it was met."""


class Place(NamedTuple):
    """What a rebuild has to know of an entry."""

    moment: Moment
    is_purge: bool


def place_of(value: bytes) -> Place:
    """When and where an event was met, and whether it is a purge; most of a value is passed over."""
    found = _glance(value)
    return Place(Moment(found.position, date.fromordinal(found.arrived_day)), found.purge != _NONE)


class Kept(NamedTuple):
    """What decides how long an entry is kept."""

    moment: Moment
    kind: EntryKind
    is_redecidable: bool


def kept_of(value: bytes) -> Kept:
    """How long an entry is to be kept, without opening what is sealed."""
    return _kept(_decode(value))


def all_kept_of(value: bytes) -> tuple[Kept, ...]:
    """The same of each time that the event was met as a new one, the last first."""
    return tuple(_kept(found) for found in _meetings(_decode(value)))


def before(value: bytes, position: int) -> bytes | None:
    """The value as it was before a position of the log; None when its event was not met by then."""
    found = next((found for found in _meetings(_decode(value)) if found.position < position), None)
    return None if found is None else _encode(found)


def _meetings(found: _Value | None) -> Iterator[_Value]:
    while found is not None:
        yield found
        found = found.earlier


def _kept(found: _Value) -> Kept:
    kinds: tuple[tuple[EntryKind, object], ...] = (
        ("claim", found.claim),
        ("authorization", found.authorization),
        ("encounter", found.encounter),
        ("purge", found.purge),
    )
    return Kept(
        Moment(found.position, date.fromordinal(found.arrived_day)),
        next((kind for kind, part in kinds if part), "met"),
        is_redecidable=found.claim is not None and bool(found.claim.sealed),
    )


def said_by_log(value: bytes, *, with_body: bool) -> object:
    """What of a value the log alone determines, to be compared: all but the decisions made, which rules determined.

    `with_body`: also what it takes to decide a claim anew, which is kept for a while only. What an event left that was
    forgotten before it was met again is left out: it goes when the worker comes to it.
    """
    found = msgspec.structs.replace(_decode(value), earlier=None)
    if found.claim is None:
        return found
    sealed = found.claim.sealed if with_body else b""
    return msgspec.structs.replace(found, claim=msgspec.structs.replace(found.claim, sealed=sealed, issued=()))


def _require_known(version: int) -> None:
    if version != VERSION:
        raise UnknownEntryError(f"a state entry has version {version}; this worker reads version {VERSION}")


def _packed(entry: Entry, seal: Seal) -> _Value:
    return _Value(
        VERSION,
        entry.position,
        entry.arrived_on.toordinal(),
        entry.received_on.toordinal() if entry.received_on else 0,
        bytes.fromhex(entry.person),
        _packed_claim(entry.claim, entry.redecidable) if entry.claim else None,
        seal.close(_json(entry.authorization)) if entry.authorization else b"",
        _json(entry.encounter) if entry.encounter else b"",
        (entry.purge.entries, bytes.fromhex(entry.purge.sha256)) if entry.purge else None,
        _packed(entry.earlier, seal) if entry.earlier else None,
    )


def _entry(event_id: str, found: _Value, seal: Seal | None) -> Entry:
    claim = found.claim
    return Entry(
        event_id,
        Moment(found.position, date.fromordinal(found.arrived_day)),
        date.fromordinal(found.received_day) if found.received_day else None,
        found.person.hex(),
        _past_claim(event_id, found.position, claim) if claim else None,
        Redecidable(claim.sealed, tuple(_issued(each) for each in claim.issued)) if claim and claim.sealed else None,
        Authorization.model_validate_json(seal.open(found.authorization)) if seal and found.authorization else None,
        Encounter.model_validate_json(found.encounter) if found.encounter else None,
        Purge(found.purge[0], found.purge[1].hex()) if found.purge else None,
        _entry(event_id, found.earlier, seal) if found.earlier else None,
    )


def _json(record: Authorization | Encounter) -> bytes:
    return record.model_dump_json(exclude_defaults=True).encode()


def _packed_claim(claim: PastClaim, redecidable: Redecidable | None) -> _Claim:
    return _Claim(
        ROLES.index(claim.role),
        claim.source,
        claim.billing_npi,
        bytes.fromhex(claim.claim_ref or ""),
        bytes.fromhex(claim.original_ref or ""),
        claim.frequency_code,
        claim.in_scope,
        claim.lines,
        redecidable.sealed if redecidable else b"",
        tuple((i.position, bytes.fromhex(i.decision_id), OUTCOMES.index(i.outcome)) for i in redecidable.issued)
        if redecidable
        else (),
    )


def _past_claim(event_id: str, position: int, claim: _Claim) -> PastClaim:
    return PastClaim(
        event_id,
        position,
        ROLES[claim.role],
        claim.source,
        claim.billing_npi,
        claim.claim_ref.hex() or None,
        claim.original_ref.hex() or None,
        claim.frequency_code,
        claim.in_scope,
        claim.lines,
    )


def _issued(packed: tuple[int, bytes, int]) -> Issued:
    position, decision_id, outcome = packed
    return Issued(position, decision_id.hex(), OUTCOMES[outcome])
