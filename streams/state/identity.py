"""Whose tokens state and log are made of: the key, the alias tables and the partition count of a prefix.

They stand in every partition of the changelog. With another of them one patient would become two, or two partitions
would hold one patient, and nobody would see it: so a worker that differs does not start.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from aiokafka import TopicPartition

from streams.clients import open_consumer, open_producer
from streams.connecting import TopicsError
from streams.settings import PREFIX, Settings
from streams.tokens import Tokens

KEY = b"identity"
VERSION = 1


class IdentityDiffersError(TopicsError):
    """The state under this prefix was written with another key, alias table or partition count."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a patient token and the partition of a patient; of the key only its fingerprint."""

    key_fingerprint: str
    payer_aliases: Mapping[str, str] = field(default_factory=dict)
    tenants: Mapping[str, str] = field(default_factory=dict)
    partitions: int = 0

    def written(self) -> bytes:
        """As it stands in the changelog."""
        return json.dumps({"v": VERSION} | asdict(self), sort_keys=True, separators=(",", ":")).encode()

    def difference(self, found: bytes) -> str:
        """Which settings are others than those the changelog was written with, in a sentence; empty when none is."""
        theirs = json.loads(found)
        named = {
            "key_fingerprint": f"{PREFIX}TOKEN_KEY_FILE holds another key",
            "payer_aliases": f"{PREFIX}PAYER_ALIASES, or the Medicare payer ids of the packs, are others",
            "tenants": f"{PREFIX}TENANTS are others",
            "partitions": f"{PREFIX}BROKER__PARTITIONS is {self.partitions}, not {theirs.get('partitions')}",
        }
        mine = asdict(self)
        return ", and ".join(said for name, said in named.items() if theirs.get(name) != mine[name])


def identity_of(tokens: Tokens, settings: Settings) -> Identity:
    """The identity that settings and packs come to."""
    return Identity(tokens.fingerprint(), tokens.alias_table(), dict(settings.tenants), settings.broker.partitions)


async def check_identity(client: Mapping[str, Any], changelog: str, mine: Identity) -> None:
    """Raise IdentityDiffersError where a partition of the changelog is not ours; one of nobody's stays so."""
    tps = [TopicPartition(changelog, partition) for partition in range(mine.partitions)]
    _require_same(changelog, mine, await _first_of(client, tps))


async def require_identity(client: Mapping[str, Any], changelog: str, mine: Identity) -> None:
    """Raise IdentityDiffersError unless every partition of the changelog is ours; one of nobody's becomes ours.

    Of two workers that begin at once with different settings, the one that wrote first stays.
    """
    tps = [TopicPartition(changelog, partition) for partition in range(mine.partitions)]
    found = await _first_of(client, tps)
    _require_same(changelog, mine, found)
    if missing := [tp for tp in tps if tp not in found]:
        await _write(client, dict.fromkeys(missing, mine.written()))
        found = await _first_of(client, missing)
        if others := {tp: theirs for tp, theirs in found.items() if mine.difference(theirs)}:
            await _write(client, others)  # compaction keeps the last one, which must be that of who stays
        _require_same(changelog, mine, found)


def _require_same(changelog: str, mine: Identity, found: Mapping[Any, bytes]) -> None:
    for theirs in found.values():
        if difference := mine.difference(theirs):
            raise IdentityDiffersError(
                f"the state in {changelog} was written with other settings: {difference}; set them back, or "
                f"replay the log into a new prefix with `claimstream rekey`"
            )


async def _first_of(client: Mapping[str, Any], tps: Sequence[Any]) -> dict[Any, bytes]:
    """The first identity in each partition that has one: at its beginning, unless an older version began it."""
    found: dict[Any, bytes] = {}
    async with open_consumer(client) as consumer:
        consumer.assign(list(tps))
        ends = await consumer.end_offsets(list(tps))
        for tp, first in (await consumer.beginning_offsets(list(tps))).items():
            consumer.seek(tp, first)
        while left := [tp for tp in tps if tp not in found and await consumer.position(tp) < ends[tp]]:
            for tp, records in (await consumer.getmany(*left, timeout_ms=500)).items():
                if identity := next((record.value for record in records if record.key == KEY), None):
                    found[tp] = identity
    return found


async def _write(client: Mapping[str, Any], identities: Mapping[Any, bytes]) -> None:
    async with open_producer(client) as producer:
        for tp, value in identities.items():
            await producer.send_and_wait(tp.topic, value, key=KEY, partition=tp.partition)
