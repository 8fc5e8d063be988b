import os
import subprocess
import sys
from pathlib import Path

import pytest

from streams.chunks.pins import CLASS_NAMES
from tests.simulation.clients import ModelConsumer, ModelProducer
from tests.simulation.mutants import MUTANTS
from tests.simulation.scenario import runs

ROOT = Path(__file__).parents[2]
TROUBLE = {
    *("crashes", "stop", "stall", "main stall", "cut", "expired members", "rebalances"),
    *("down", "frozen", "hanging", "gaps", "refused requests", "lost answers", "late fetches", "late answers"),
    *("work that raised", "work that hung", "refused batches", "batches sent twice"),
}
"""What every fifty seeds meet."""


@pytest.mark.parametrize("first", range(1, 201, 50))
def test_nothing_is_lost_early_out_of_order_or_stuck_under_any_seed(first: int) -> None:
    outcomes = list(runs(range(first, first + 50)))

    assert {} == {f"make simulate SEED={o.seed}": o.violations for o in outcomes if o.violations}
    assert TROUBLE <= set().union(*(o.events for o in outcomes))


@pytest.mark.parametrize("mutant", MUTANTS)
def test_an_engine_broken_on_purpose_is_caught_within_a_hundred_seeds(mutant: str) -> None:
    assert any(outcome.violations for outcome in runs(range(1, 101), MUTANTS[mutant]))


def test_a_seed_gives_the_same_run_in_another_process_with_another_hash_seed() -> None:
    code = "from tests.simulation.scenario import run; print([run(seed).digest for seed in (1, 2, 3)])"
    command = [sys.executable, "-W", "ignore", "-c", code]
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    other = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)

    assert f"{[outcome.digest for outcome in runs((1, 2, 3))]}\n" == other.stdout


@pytest.mark.parametrize(
    ("model", "stock"), [(ModelConsumer, "aiokafka.AIOKafkaConsumer"), (ModelProducer, "aiokafka.AIOKafkaProducer")]
)
def test_the_model_has_what_the_engine_uses_of_aiokafka(model: type, stock: str) -> None:
    assert [name for name in CLASS_NAMES[stock] if not hasattr(model, name)] == []
