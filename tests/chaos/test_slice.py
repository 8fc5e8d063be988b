"""The faults that break delivery most often, with small feeds: what CI runs of `make chaos`."""

import logging

import pytest

from tests.chaos.playing import play_all
from tests.chaos.scenario import Terms
from tests.chaos.scenarios import SCENARIOS

pytestmark = pytest.mark.kafka

NAMES = (
    "SIGKILL x3",
    "SIGTERM x5",
    "broker SIGKILL",
    "network cut",
    "poison",
    "exceptions in rules",
    "exceptions in outputs",
    "exceptions in commits",
)
SLICE = {scenario.name: scenario for scenario in SCENARIOS if scenario.name in NAMES}
TERMS = Terms(seed=5, rate=400.0, scale=0.2)


@pytest.fixture(autouse=True)
def quiet_client(caplog: pytest.LogCaptureFixture) -> None:
    """A broker that is away is no news here."""
    caplog.set_level(logging.CRITICAL, "aiokafka")


@pytest.mark.parametrize("name", NAMES)
async def test_nothing_is_lost_contradicted_or_repeated_beyond_the_bound_under(name, tmp_path):
    rows = await play_all([SLICE[name]], tmp_path, TERMS)

    assert [f"{name} / intake", f"{name} / validate"] == [row.name for row in rows]
    assert [] == [(row.verdict, row.evidence) for row in rows if not row.holds]
