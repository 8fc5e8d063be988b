"""The soak's own judgement: what it must call a missed bar."""

from copy import deepcopy
from typing import Any

import pytest

from tests.soak.soak import DESCRIPTORS_MAX_GROWTH, LAG_SECONDS_MAX, LEAK_SHARE_MAX, Sample, violations, worker_report

STEADY = Sample(5.0, 100 << 20, 14, 50.0, 0.1, 1000.0, 1000.0, 1000.0, 0.0)
GOOD: dict[str, Any] = {
    "workers": [worker_report([STEADY] * 10), worker_report([STEADY] * 10)],
    "memory_above_rebuilt_state_share": 0.01,
    "exit_codes": [0, 0],
    "audit_exit_code": 0,
}


def changed(**values: Any) -> dict[str, Any]:
    return deepcopy(GOOD) | values


def with_samples(*samples: Sample) -> dict[str, Any]:
    return changed(workers=[worker_report([STEADY] * 10), worker_report(samples)])


def test_a_steady_run_misses_no_bar():
    assert [] == violations(GOOD)


@pytest.mark.parametrize(
    "report",
    [
        with_samples(*[STEADY] * 5, *[STEADY._replace(descriptors=14 + DESCRIPTORS_MAX_GROWTH + 1)] * 5),
        with_samples(*[STEADY] * 9, STEADY._replace(lag_seconds=LAG_SECONDS_MAX + 1)),
        with_samples(STEADY._replace(unaccounted=1.0), *[STEADY] * 9),
        changed(memory_above_rebuilt_state_share=LEAK_SHARE_MAX + 0.01),
        changed(exit_codes=[0, 70]),
        changed(audit_exit_code=1),
    ],
    ids=["descriptors", "lag", "account", "memory", "exit", "audit"],
)
def test_each_missed_bar_is_said(report):
    assert 1 == len(violations(report))
