"""A small slice of `make recount`: the worker under kills against the recount."""

import logging

import pytest

from tests.recount.playing import Terms, play
from tests.recount.site import new_site
from tests.recount.verdict import judge

pytestmark = pytest.mark.kafka


@pytest.fixture(autouse=True)
def quiet_client(caplog: pytest.LogCaptureFixture) -> None:
    """That workers come and go is no news here."""
    caplog.set_level(logging.CRITICAL, "aiokafka")


async def test_a_feed_under_kills_leaves_what_the_recount_gives_and_so_do_its_last_claims_once_more(tmp_path):
    async with new_site(tmp_path) as site:
        played = await play(site, Terms(events=3000, patients=300, kills=2, seed=2), print)
    verdict = judge(played, site.topics)

    assert [] == verdict.differences
    assert 0 == verdict.counted["lost"]
    assert min(verdict.counted[each] for each in ("revisions", "withdrawals", "repeated_claims")) > 0
