import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from streams.chunks.pins import CLASS_NAMES
from tests.simulation.clients import ModelConsumer, ModelProducer
from tests.simulation.mutants import MUTANTS
from tests.simulation.scenario import Outcome, runs

ROOT = Path(__file__).parents[2]
SEEDS = range(1, 201)


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return list(runs(SEEDS))


def test_nothing_is_lost_committed_too_early_out_of_order_or_stuck_under_any_seed(outcomes: list[Outcome]) -> None:
    assert {} == {f"make simulate SEED={o.seed}": o.violations for o in outcomes if o.violations}


def test_the_seeds_meet_every_kind_of_trouble(outcomes: list[Outcome]) -> None:
    met: Counter[str] = Counter()
    for outcome in outcomes:
        met.update(outcome.events)
    trouble = {"crashes", "stop", "rebalances", "expired members", "fenced commits", "lost answers", "late fetches"}
    trouble |= {"down", "frozen", "cut", "stall", "main stall", "hanging", "gaps", "refused requests", "late answers"}
    trouble |= {
        "work that raised",
        "work that hung",
        "refused batches",
        "batches sent twice",
        "states that failed",
        "stale fetches",
    }

    assert trouble <= met.keys()


@pytest.mark.parametrize("mutant", MUTANTS)
def test_an_engine_broken_on_purpose_is_caught_within_a_hundred_seeds(mutant: str) -> None:
    assert any(outcome.violations for outcome in runs(range(1, 101), MUTANTS[mutant]))


def test_a_seed_gives_the_same_run_in_another_process_with_another_hash_seed(outcomes: list[Outcome]) -> None:
    code = "from tests.simulation.scenario import run; print([run(seed).digest for seed in (1, 2, 3)])"
    command = [sys.executable, "-W", "ignore", "-c", code]
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    other = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)

    assert f"{[outcome.digest for outcome in outcomes[:3]]}\n" == other.stdout


@pytest.mark.parametrize(
    ("model", "stock"), [(ModelConsumer, "aiokafka.AIOKafkaConsumer"), (ModelProducer, "aiokafka.AIOKafkaProducer")]
)
def test_the_model_has_what_the_engine_uses_of_aiokafka(model: type, stock: str) -> None:
    assert [name for name in CLASS_NAMES[stock] if not hasattr(model, name)] == []
