"""What happens to the broker and to the network before it."""

import asyncio
from datetime import date

from streams.demo.generator import SOURCES, FeedRecord
from tests.chaos.world import World

FROZEN_SECONDS = 15.0
SHORT_CUT_SECONDS = 7.0  # longer than the request timeout below, shorter than the session timeout of 10 s
LONG_CUT_SECONDS = 16.0  # longer than the session timeout
QUICK_TIMEOUTS = {"kind": "timeouts", "producer_request_timeout": 3.0, "broker_request_timeout": 12.0}
LATENCY_SECONDS = 0.2
FILE_BYTES_MAX = 11 << 20  # a broker allocates index files of 10 MiB
LARGE_RECORDS, LARGE_BYTES = 60, 1 << 20
LIMITED = ("prlimit", f"--fsize={FILE_BYTES_MAX}")


async def restarted(world: World) -> None:
    """SIGTERM of the broker, and a start."""
    await world.start()
    await world.busy()
    await world.broker.terminate()
    await world.broker.start()
    world.fault_ended()


async def killed(world: World) -> None:
    """SIGKILL of the broker, and a start on what it left."""
    await world.start()
    await world.busy()
    world.broker.kafka.kill()
    await world.broker.start()
    world.fault_ended()


async def frozen(world: World) -> None:
    """SIGSTOP of the broker: connections stay open, nothing answers."""
    await world.start()
    await world.busy()
    world.broker.kafka.pause()
    await asyncio.sleep(FROZEN_SECONDS)
    world.broker.kafka.resume()
    world.fault_ended()


async def file_limit_reached(world: World) -> None:
    """The broker's files reach the limit they may have, so it ends; without the limit it has all it promised."""
    await world.start()
    await world.busy()
    large = FeedRecord(b" " * LARGE_BYTES, None, SOURCES[0], date(2026, 6, 1), 1)
    world.feeder.also([large] * LARGE_RECORDS)

    async def look() -> tuple[bool, str]:
        return not world.broker.kafka.running, f"{world.feeder.acknowledged.total()} records acknowledged"

    await world.until("the broker to end by itself", look)
    await world.broker.start_without_launcher()
    world.fault_ended()


async def network_cut(world: World) -> None:
    """Nothing passes for longer than a request may take; sessions outlive it."""
    await _cut(world, SHORT_CUT_SECONDS)


async def network_cut_beyond_the_session(world: World) -> None:
    """Nothing passes for so long that the group forgets its member."""
    await _cut(world, LONG_CUT_SECONDS)


async def _cut(world: World, seconds: float) -> None:
    await world.start(fault=QUICK_TIMEOUTS, bootstrap=world.broker.behind_left)
    await world.busy()
    world.broker.left.cut()
    await asyncio.sleep(seconds)
    world.broker.left.heal()
    world.fault_ended()


async def connections_dropped(world: World) -> None:
    """Every connection is dropped, again and again."""
    await world.start(bootstrap=world.broker.behind_left)
    for _ in range(5):
        await world.busy(300)
        world.broker.left.disconnect()
    world.fault_ended()


async def latency(world: World) -> None:
    """200 ms each way, half of it more or less at random."""
    await world.start(bootstrap=world.broker.behind_left)
    await world.busy()
    world.broker.left.slow_down(LATENCY_SECONDS)
    await world.busy(2000)
    world.broker.left.heal()
    world.fault_ended()


async def half_open(world: World) -> None:
    """Connections are accepted, and nothing passes."""
    await world.start(fault=QUICK_TIMEOUTS, bootstrap=world.broker.behind_left)
    await world.busy()
    world.broker.left.half_open()
    await asyncio.sleep(SHORT_CUT_SECONDS)
    world.broker.left.heal()
    world.fault_ended()


async def answers_lost(world: World) -> None:
    """Requests reach the broker, answers do not come back: what is sent again must not stand there twice."""
    await world.start(fault=QUICK_TIMEOUTS, bootstrap=world.broker.behind_left)
    await world.busy()
    world.broker.left.deafen()
    await asyncio.sleep(SHORT_CUT_SECONDS)
    world.broker.left.disconnect()
    world.broker.left.heal()
    world.fault_ended()


async def one_of_two_cut_off(world: World) -> None:
    """One of two workers alone loses the broker beyond its session: its partitions move, then it comes back."""
    await world.start(bootstrap=world.broker.behind_left)
    await world.start(bootstrap=world.broker.behind_right)
    await world.joined(2)
    await world.busy()
    world.broker.right.cut()
    await asyncio.sleep(LONG_CUT_SECONDS)
    world.broker.right.heal()
    world.fault_ended()
    await world.busy(500)
