import json
from dataclasses import replace

import pytest

from tests.chaos.accounts import Found
from tests.chaos.report import write_report
from tests.chaos.scenario import Row, Terms, crashes, recovery_seconds
from tests.chaos.scenarios import SCENARIOS
from tests.streams.agents.fakes import FakeRecord

ROW = Row(
    "SIGKILL x3 / intake", records=100, lost=0, duplicates=7, contradictory=0, recovery_seconds=1.5, bound=7, wrong=0
)
NOTHING = Found([], [], [], [], [], {}, [])
ENDED_MS = 1000


def received(partition: int, offset: int, timestamp: int) -> FakeRecord:
    return FakeRecord(b"", topic="r", partition=partition, offset=offset, timestamp=timestamp)


def logged(origin: str, arrived: int, timestamp: int, *, offset: int = 0) -> FakeRecord:
    headers = (("cs-origin", origin.encode()), ("cs-arrived-ms", str(arrived).encode()))
    return FakeRecord(b"", headers, topic="log", partition=0, offset=offset, timestamp=timestamp)


def decision(position: str, timestamp: int) -> FakeRecord:
    return FakeRecord(b"", (("cs-position", position.encode()),), timestamp=timestamp)


def test_recovery_ends_with_the_first_answer_in_the_slowest_partition():
    found = replace(
        NOTHING,
        received=[received(0, 0, 900), received(0, 1, 1100), received(0, 2, 1150), received(1, 0, 1200)],
        log=[
            logged("r:0:0", 900, 1050),
            logged("r:0:1", 1100, 3000, offset=1),
            logged("r:0:2", 1150, 3500, offset=2),
            logged("r:1:0", 1200, 2000, offset=3),
        ],
        decisions={"accepted": [decision("log:0:0", 1060), decision("log:0:2", 7000), decision("log:0:3", 6000)]},
    )

    assert (2.0, 5.0) == recovery_seconds(found, ENDED_MS)


def test_without_an_answer_to_what_came_after_the_fault_nothing_has_recovered():
    found = replace(NOTHING, received=[received(0, 0, 900)], log=[logged("r:0:0", 900, 1500)])

    assert (None, None) == recovery_seconds(found, ENDED_MS)


def test_a_crash_may_repeat_what_was_read_since_the_last_commit():
    assert 3 * (0.25 * 800 + 4 * 4 * 200) == crashes(3, 800)
    assert 0 == crashes(0, 800)


@pytest.mark.parametrize(
    "change", [{"lost": 1}, {"contradictory": 1}, {"wrong": 1}, {"duplicates": 8}, {"records": 0}], ids=str
)
def test_a_row_holds_until_one_promise_is_broken(change):
    assert ROW.holds
    assert not replace(ROW, **change).holds


def test_the_report_has_the_agreed_fields(tmp_path):
    write_report(tmp_path / "results" / "report.json", Terms(seed=7, rate=800.0), [ROW])

    report = json.loads((tmp_path / "results" / "report.json").read_text())
    assert {"seed", "rate", "scale", "commit", "rows"} == report.keys()
    agreed = {"name", "records", "lost", "duplicates", "contradictory", "recovery_seconds"}
    assert agreed <= report["rows"][0].keys()
    assert (7, "SIGKILL x3 / intake", True) == (report["seed"], report["rows"][0]["name"], report["rows"][0]["holds"])


def test_every_scenario_has_a_name_of_its_own():
    names = [scenario.name for scenario in SCENARIOS]

    assert sorted(set(names)) == sorted(names)
    assert len(names) * 2 >= 18
