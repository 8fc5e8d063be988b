"""What judging costs: `evaluate` with everything it derives from a claim, on one core, between reading and deciding.

Two mixes: the *dense* feed of a spine practice, 60 % of claims in scope, and claims out of scope, which are most of
a clearinghouse's. The claims are made before; each is judged once, so nothing derived from one is there already.
"""

# ruff: noqa: INP001 - as the other scripts here

import gc
import statistics
from collections.abc import Iterable, Sequence

from ops.benchmarks.feed import claims
from ops.benchmarks.figure import Figure
from schemas.claim import Claim
from streams import clock
from validators.context import Context, Event
from validators.engine import evaluate
from validators.history import History
from validators.loading import load_ruleset
from validators.ruleset import Ruleset

CLAIMS = 20_000
AT_ONCE = 100
EVENT = Event("e" * 64, 0, str)
NO_HISTORY = History()


def measure() -> Sequence[Figure]:
    """All figures of the suite."""
    ruleset = load_ruleset()
    dense, out_of_scope, in_scope = (_seconds(ruleset, claims(1, CLAIMS, share)) for share in (0.6, 0.0, 1.0))
    return (
        Figure("evaluate, dense mix", statistics.median(dense) * 1e6, "µs a claim", aim=20),
        Figure("evaluate, in scope only", statistics.median(in_scope) * 1e6, "µs a claim"),
        Figure("evaluate, out of scope", statistics.median(out_of_scope) * 1e6, "µs a claim", aim=4),
        Figure("rules", len(ruleset.rules), "rules"),
    )


def _seconds(ruleset: Ruleset, feed: Iterable[Claim]) -> list[float]:
    """Seconds a claim, of each hundred claims."""
    given, seconds = list(feed), []
    for claim in given[: 10 * AT_ONCE]:  # plans and combinations of codes are worked out once, not for every claim
        evaluate(Context(claim, ruleset, EVENT, NO_HISTORY))
    gc.collect()
    gc.freeze()  # a worker does not hold thousands of claims at once: looking through them is no cost of judging one
    for first in range(0, len(given), AT_ONCE):
        batch = given[first : first + AT_ONCE]
        began = clock.monotonic()
        for claim in batch:
            evaluate(Context(claim, ruleset, EVENT, NO_HISTORY))
        seconds.append((clock.monotonic() - began) / len(batch))
    return seconds
