import asyncio

from streams.chunks.worker import DiscreetWorker

SECRET = "Wilhelmina Quackenbush"


async def wait_for(_name: str, told: asyncio.Event) -> None:
    await told.wait()


async def test_a_worker_asked_what_it_does_shows_places_and_no_variables(capfd):
    told = asyncio.Event()
    task = asyncio.create_task(wait_for(SECRET, told), name="waiting")
    await asyncio.sleep(0)

    await DiscreetWorker._cry(None)
    told.set()
    await task

    shown = capfd.readouterr().err
    assert "task waiting" in shown
    assert "in wait_for" in shown
    assert "most recent call first" in shown
    assert SECRET not in shown


def test_a_worker_stops_in_no_debugger():
    assert DiscreetWorker._enter_debugger(None) is None
