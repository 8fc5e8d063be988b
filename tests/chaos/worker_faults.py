"""What happens to workers: they are killed, stopped, frozen; they come, go and are replaced by a newer version."""

import asyncio
import io
import subprocess
import tarfile

from tests.chaos.workers import EXIT_CLEAN, EXIT_STOPPED_HARD, ROOT
from tests.chaos.world import Skipped, World

FROZEN_SECONDS = 15.0  # longer than the session timeout of 10 s
VERSION_BEFORE = "4aca59a"
"""The last commit before delivery was put to the proof: its changelog and offsets are taken over.

What it puts aside has the ids of now; before that commit they were others, and the checker knows one reading.
"""


async def killed_three_times(world: World) -> None:
    """SIGKILL, each time while both agents are busy; another worker is started at once."""
    await _killed_three_times(world)


async def static_member_killed_three_times(world: World) -> None:
    """As above, by a worker with a name: its successor needs no rebalance and waits for no session to end."""
    await _killed_three_times(world, BROKER__GROUP_INSTANCE_ID="worker-1", BROKER__SESSION_TIMEOUT_SECONDS="60")


async def _killed_three_times(world: World, **settings: str) -> None:
    for _ in range(3):
        worker = await world.start(**settings)
        await world.busy()
        await worker.kill()
        world.fault_ended()
    await world.start(**settings)


async def one_of_two_killed(world: World) -> None:
    """SIGKILL of one of two workers: the other one takes over."""
    worker, _ = await world.start(), await world.start()
    await world.joined(2)
    await world.busy()
    await worker.kill()
    world.fault_ended()
    await world.busy(500)


async def one_of_two_killed_while_the_other_stops(world: World) -> None:
    """SIGTERM of one of two workers at the moment the other is killed: nobody is left to take over, until one comes."""
    stopped, killed = await world.start(), await world.start()
    await world.joined(2)
    await world.busy()
    await asyncio.gather(stopped.terminate(), killed.kill())
    world.fault_ended()
    await world.start()


async def stopped_five_times(world: World) -> None:
    """SIGTERM, each time while both agents are busy; another worker is started when the first has ended."""
    for _ in range(5):
        worker = await world.start()
        await world.busy(800)
        await worker.terminate()
        world.fault_ended()
    await world.start()


async def zombie(world: World) -> None:
    """SIGSTOP beyond the session, so that another worker takes over, then SIGCONT: the first wakes up in the past."""
    frozen = await world.start()
    await world.busy()
    await world.start()
    await world.joined(2)
    await world.busy(500)
    frozen.freeze()
    await asyncio.sleep(FROZEN_SECONDS)
    frozen.thaw()
    world.fault_ended()
    await world.busy(500)


async def one_four_two(world: World) -> None:
    """One worker becomes four, four become two."""
    workers = [await world.start()]
    await world.busy()
    for count in (2, 3, 4):
        workers.append(await world.start())
        await world.joined(count)
        await world.busy(400)
    for worker in workers[:2]:
        await worker.terminate()
        await world.busy(400)
    world.fault_ended()


async def four_restarted(world: World) -> None:
    """Each of four workers is stopped under load and replaced before the next, as an orchestrator rolls them."""
    workers = [await world.start() for _ in range(4)]
    await world.joined(4)
    await world.busy()
    for worker in workers:
        await worker.terminate()
        await world.start()
        await world.joined(4)
        await world.busy(400)
    world.fault_ended()


async def rebalance_under_backlog(world: World) -> None:
    """Workers join and leave while thousands of records wait, so that every fetch is full."""
    await world.fed(6000)
    first = await world.start()
    await world.busy(300)
    second = await world.start()
    await world.joined(2)
    await world.busy(300)
    await first.terminate()
    await world.busy(300)
    await world.start()
    await world.joined(2)
    await world.busy(300)
    await second.terminate()
    world.fault_ended()


async def stopped_while_the_broker_is_frozen(world: World) -> None:
    """SIGTERM with nobody to commit to: the worker ends by itself all the same, and its successor goes on."""
    worker = await world.start()
    await world.busy()
    world.broker.kafka.pause()
    worker.expected = (EXIT_CLEAN, EXIT_STOPPED_HARD)
    await worker.terminate()
    world.broker.kafka.resume()
    world.fault_ended()
    await world.start()


async def rolling_upgrade(world: World) -> None:
    """Two workers of the version before write changelog and offsets, then are replaced one by one under load."""
    folder = world.folder / "before"
    archived = subprocess.run(  # noqa: ASYNC221 - it takes milliseconds
        ["git", "archive", VERSION_BEFORE, "schemas", "validators", "streams"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if archived.returncode:
        raise Skipped(f"the version before, {VERSION_BEFORE}, is not in the history here; fetch the whole history")
    with tarfile.open(fileobj=io.BytesIO(archived.stdout)) as tree:
        tree.extractall(folder, filter="data")
    before = [await world.start(code=folder), await world.start(code=folder)]
    await world.joined(2)
    await world.busy(3000)
    for worker in before:
        await worker.terminate()
        await world.start()
        await world.joined(2)
        await world.busy(500)
    world.fault_ended()
