"""What state costs: time a claim, memory for millions of patients, and how fast it is rebuilt.

Two mixes: a *dense* feed is that of a spine practice, most claims in scope; a *sparse* one is that of a clearinghouse,
one claim in fifty. Everything runs in memory, on one core; `make recount` measures a rebuild from Kafka.
"""

# ruff: noqa: INP001 - as the other scripts here

import json
import os
import random
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal

from ops.benchmarks.figure import Figure
from schemas.claim import Claim
from streams import clock
from streams.deciding import Decider
from streams.intake.arrival import Arrived, Circumstances, arrive
from streams.intake.items import ReadClaim, Span
from streams.sealing import Seal
from streams.state import changelog
from streams.state.claim_body import body_of
from streams.state.entry import Entry, Issued, Moment, Redecidable
from streams.state.patients import Patients
from streams.tokens import Tokens
from validators.history import PastClaim, PastLine
from validators.loading import load_ruleset
from validators.ruleset import Ruleset

KEY = b"a key for measurements"
DAY = date(2026, 6, 15)
CLAIMS = 40_000
MEMBERS = 8_000
PATIENTS = 5_000_000
RESTORED = 400_000
REPORT = "--memory"


def measure() -> Sequence[Figure]:
    """All figures of the suite."""
    ruleset = load_ruleset()
    dense, sparse = (_claim_seconds(ruleset, share) for share in (0.6, 0.02))
    return (
        Figure("state, dense feed, median", statistics.median(dense) * 1e6, "µs a claim", aim=5),
        Figure("state, dense feed, 99th percentile", _percentile(dense, 99) * 1e6, "µs a claim"),
        Figure("state, sparse feed, median", statistics.median(sparse) * 1e6, "µs a claim", aim=5),
        Figure("rebuild in memory", _restored_a_second(), "records/s", aim=50_000, more_is_better=True),
        *_memory(),
    )


def _claim_seconds(ruleset: Ruleset, in_scope_share: float) -> list[float]:
    """Per claim, the seconds state takes: reading what is known, sealing the claim, entering it. Not the judging."""
    patients, decider, seconds = Patients(Seal(KEY), ruleset.state), Decider(ruleset), []
    for position, arrived in enumerate(_arrivals(ruleset, in_scope_share)):
        moment = Moment(position, DAY + timedelta(days=position * 700 // CLAIMS))
        began = clock.monotonic()
        patient = patients.of(arrived.patient_token)
        patient.known(arrived.event_id, moment)
        patient.history(arrived.person, moment)
        patient.facts(arrived.person, moment)
        spent = clock.monotonic() - began
        decided = decider.decide(arrived, moment, patients)
        assert decided.entry is not None
        began = clock.monotonic()
        if decided.entry.redecidable is not None:
            patients.seal.close(body_of(decided.context.claim))
        patients.put(arrived.patient_token, decided.entry)
        seconds.append(spent + clock.monotonic() - began)
    return seconds


def _arrivals(ruleset: Ruleset, in_scope_share: float) -> Iterator[Arrived]:
    rng, tokens = random.Random(1), Tokens(KEY, ruleset.payers)  # noqa: S311 - made-up claims keep no secret
    for number in range(CLAIMS):
        member, in_scope = rng.randrange(MEMBERS), rng.random() < in_scope_share
        claim = _claim(number, member, DAY + timedelta(days=number * 700 // CLAIMS), in_scope=in_scope)
        item = ReadClaim(claim, (str(number).encode(),), Span(0, 0), "")
        yield arrive(item, Circumstances(source="clearinghouse"), tokens)


def _claim(number: int, member: int, on: date, *, in_scope: bool) -> Claim:
    codes = ("62323", "J1100") if in_scope else ("99213", "36415")
    lines = [
        {
            "line_number": line,
            "procedure_code": code,
            "charge": "900.00",
            "units": "1",
            "service_date_from": str(on),
            "diagnosis_pointers": [1],
        }
        for line, code in enumerate(codes, start=1)
    ]
    tree = {
        "claim_id": f"B-{number}",
        "claim_type": "professional",
        "received_on": str(on),
        "total_charge": "1800.00",
        "place_of_service": "11",
        "payer": {"id": "EXCIGNA", "line_of_business": "commercial"},
        "subscriber": {"member_id": f"M{member}", "first_name": "A", "birth_date": "1960-01-01"},
        "billing_provider": {"npi": "1234567893", "address": {"state": "FL"}},
        "diagnoses": [{"code": "M5416"}],
        "service_lines": lines,
    }
    return Claim.model_validate_json(json.dumps(tree))


def _percentile(seconds: Sequence[float], percent: int) -> float:
    return sorted(seconds)[len(seconds) * percent // 100]


def _restored_a_second() -> float:
    value, patients = changelog.encode(_entry(body=False), Seal(KEY)), Patients(Seal(KEY), load_ruleset().state)
    keys = [f"{number % 100_000:032x}{number:064x}".encode() for number in range(RESTORED)]
    began = clock.monotonic()
    for key in keys:
        patients.restore(key, value)
    return RESTORED / (clock.monotonic() - began)


def _memory() -> Iterator[Figure]:
    """Resident memory of a process that holds five million patients with an injection each, and nothing else."""
    told = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-m", "ops.benchmarks.state", REPORT], capture_output=True, text=True, check=True
    )
    found = json.loads(told.stdout)
    yield Figure(f"memory of {PATIENTS:,} patients", found["bytes"] / 1e9, "GB", aim=2)
    yield Figure("memory of a patient", found["bytes"] / PATIENTS, "bytes")


def _report_memory() -> None:
    # One claim in twenty-four has come in the last of twenty-four months, and can still be decided anew.
    seal, terms = Seal(KEY), load_ruleset().state
    plain, with_body = (changelog.encode(_entry(body=body), seal) for body in (False, True))
    partitions = [Patients(seal, terms) for _ in range(8)]
    before = _resident_bytes()
    for number in range(PATIENTS):
        key = f"{number:032x}{number:064x}".encode()
        partitions[number % 8].restore(key, plain if number % 24 else with_body)
    print(json.dumps({"bytes": _resident_bytes() - before, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))  # noqa: T201


def _resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as told:  # noqa: PTH123 - a file of the kernel
        return int(told.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _entry(*, body: bool) -> Entry:
    lines = tuple(PastLine(code, frozenset({"RT"}), DAY, "1234567893", Decimal(1), None) for code in ("64483", "J1100"))
    reference = "0" * 32
    claim = PastClaim(
        "0" * 64, 1, "professional", "clearinghouse", "1234567893", reference, None, "1",
        in_scope=True, lines=lines,
    )  # fmt: skip
    issued = (Issued(1, "0" * 64, "accepted"),)
    redecidable = Redecidable(b"x" * 700, issued) if body else None
    return Entry("0" * 64, Moment(123_456, DAY), DAY, reference, claim, redecidable)


if __name__ == "__main__":
    if sys.argv[1:] == [REPORT]:
        _report_memory()
