"""What arrives that cannot be read, and code of ours that raises."""

from pathlib import Path

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.chaos.world import World

NULL_HEADERS: list[tuple[str, bytes | None]] = [
    (name, None) for name in ("content-type", "cs-source", "cs-received-on", "cs-first-claim", "cs-event-id")
]
POISON: tuple[tuple[bytes | None, list[tuple[str, bytes | None]]], ...] = (
    (None, []),
    (b"", []),
    (b"\x00" * 100, []),
    (bytes(range(256)), []),
    (b"\xff\xfeI\x00S\x00A\x00", []),
    (b"\x1f\x8b\x08 something compressed", []),
    (b'{"claim_id": "cut off', []),
    (b'{"claim_id": "A", "claim_id": "B"}', []),
    (b'{"claim_id": "A", "total_charge": NaN}', []),
    (b"[" * 100_000, []),
    (b'{"a":' * 500 + b"1" + b"}" * 500, []),
    (b"[]", []),
    (b"ISA*00*", []),
    (b"ISA" + b"*" * 200 + b"~" * 200, []),
    (b'{"resourceType": "Bundle", "entry": [{"resource": null}, 7, {"resource": {"resourceType": "Claim"}}]}', []),
    (b"{}", [("content-type", b"application/vnd.claimstream.claim+json;v=99")]),
    (b"{}", [("content-type", b"\xff\xff"), ("cs-source", b"\xff"), ("cs-received-on", b"2026-W01-1")]),
    (b"{}", [("content-type", b"application/edi-x12"), ("cs-first-claim", b"-3")]),
    (b"{}", NULL_HEADERS),
    (None, NULL_HEADERS),
    (b"x" * (9 << 20), []),
)
"""Bytes and headers that no record should have; what becomes of each is worked out by the checker."""

REFUSED_CLAIMS = 1500
NOT_OF_INTAKE = [
    (b"{}", b"a key", [("content-type", b"application/vnd.claimstream.nothing+json;v=1")]),
    (None, b"a key", []),
    (b"\xff" * 100, b"\xff", [("cs-event-id", b"x")]),
]


async def poison(world: World) -> None:
    """Records of every broken kind, and records in the log that intake did not write."""
    await world.start()
    await world.busy()
    await world.produce(world.topics.received, *((value, b"anybody", headers) for value, headers in POISON))
    await world.produce(world.topics.patient_events, *NOT_OF_INTAKE)
    world.fault_ended()
    await world.busy(500)


async def rules_raise(world: World) -> None:
    """A rule raises for one claim in ten: SYS-02 says so, and nothing is lost."""
    worker = await world.start(fault={"kind": "rules"})
    await world.busy()
    world.struck(worker)
    await world.busy(500)


async def outputs_raise(world: World) -> None:
    """Every four-hundredth output raises for a while."""
    mark = _mark(world)
    worker = await world.start(fault={"kind": "outputs", "while": str(mark), "every": 400})
    await world.busy(2500)
    mark.unlink()
    world.struck(worker)


async def records_raise(world: World) -> None:
    """Our own code fails on one record in forty, every time: these become dead letters, with their bytes."""
    worker = await world.start(fault={"kind": "records", "one_in": 40})
    await world.busy()
    world.struck(worker)
    await world.busy(500)


async def outputs_refused(world: World) -> None:
    """For a while the broker takes smaller batches than it was asked to: chunks are halved until they fit."""
    await world.start()
    await world.busy()
    await _limit(world, 12_000)
    await world.fed(REFUSED_CLAIMS)
    await _limit(world, 2 << 20)
    world.fault_ended()


async def _limit(world: World, size: int) -> None:
    settings = {
        "max.message.bytes": str(size),
        "message.timestamp.type": "LogAppendTime",
        "compression.type": "producer",
    }
    async with world.admin() as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, world.topics.accepted, settings)])


async def commits_raise(world: World) -> None:
    """Commits fail for some seconds with what passes: they are tried again."""
    await _commits_fail(world, "commits")


async def commits_refused(world: World) -> None:
    """Commits are refused for some seconds, as to a worker without the rights: they are tried again, too."""
    await _commits_fail(world, "refused_commits")


async def _commits_fail(world: World, kind: str) -> None:
    mark = _mark(world)
    mark.unlink()
    worker = await world.start(fault={"kind": kind, "while": str(mark)})
    await world.busy()
    mark.touch()
    await world.fed(2500)
    mark.unlink()
    world.struck(worker)


def _mark(world: World) -> Path:
    mark = world.folder / "fault"
    mark.touch()
    return mark
