"""The faults that break delivery most often, with small feeds: what CI runs of `make chaos`."""

import logging

import pytest

from tests.chaos.playing import play_all
from tests.chaos.scenario import Scenario, Terms
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.waiting import until
from tests.chaos.world import BACKLOG_SECONDS, World

pytestmark = [pytest.mark.kafka, pytest.mark.chaos]

NAMES = (
    "SIGKILL of one of two",
    "SIGTERM x5",
    "broker SIGKILL",
    "network cut",
    "poison",
    "exceptions in rules",
    "exceptions in outputs",
    "exceptions in commits",
)
SLICE = {scenario.name: scenario for scenario in SCENARIOS if scenario.name in NAMES}
TERMS = Terms(seed=5, rate=150.0, scale=0.1)


@pytest.fixture(autouse=True)
def quiet_client(caplog: pytest.LogCaptureFixture) -> None:
    """A broker that is away is no news here."""
    caplog.set_level(logging.CRITICAL, "aiokafka")


async def a_worker_that_lies(world: World) -> None:
    await world.start(fault={"kind": "lies", "every": 25})
    await world.busy()
    world.fault_ended()


async def test_a_worker_that_loses_repeats_and_alters_is_found_out(tmp_path):
    intake, validate = await play_all([Scenario("lies", a_worker_that_lies)], tmp_path, TERMS)

    assert not intake.holds
    assert not validate.holds
    assert min(intake.lost, intake.duplicates, intake.wrong) > 0
    assert min(validate.lost, validate.duplicates, validate.contradictory, validate.wrong) > 0


async def a_backlog_nobody_reads(world: World) -> None:
    many = round(TERMS.rate * BACKLOG_SECONDS) + 1
    await world.produce(world.topics.received, *[(b"{}", b"anybody", [])] * many)

    async def held() -> tuple[bool, str]:
        return world.feeder.held, ""

    async def never() -> tuple[bool, str]:
        return False, "none came"

    await world.until("the feed to be held", held)
    await world.fed(100)
    await until("a worker", never, still_seconds=0.0)


async def test_what_stands_still_is_not_judged_and_nothing_that_waits_is_called_lost(tmp_path):
    rows = await play_all([Scenario("stand", a_backlog_nobody_reads)], tmp_path, TERMS)

    why = "wrong: not judged: waited 0 s for a worker, the last 0 s without a move: none came"
    assert [(False, 0, [why])] * 2 == [(row.holds, row.lost, row.evidence) for row in rows]


@pytest.mark.parametrize("name", NAMES)
async def test_nothing_is_lost_contradicted_or_repeated_beyond_the_bound_under(name, tmp_path):
    rows = await play_all([SLICE[name]], tmp_path, TERMS)

    assert [f"{name} / intake", f"{name} / validate"] == [row.name for row in rows]
    assert [] == [(row.verdict, row.evidence) for row in rows if not row.holds]
