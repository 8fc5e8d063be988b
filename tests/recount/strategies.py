"""One patient's log as no sender would write it: few names, days and numbers, so that much falls together."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.recount.in_memory import Step
from tests.recount.making import SOURCES, LogRecord, Made, Member, claim_of, fact_of, logged, purged
from tests.validators.building import line

BEGIN = date(2026, 6, 20)
PEOPLE = (("PAT", "1952-03-04"), ("KIM", "1955-06-07"))
PAYERS: tuple[dict[str, Any], ...] = (
    {"id": "EXCIGNA", "filing_indicator": "CI", "line_of_business": "commercial"},
    {"id": "EXHUMANA", "filing_indicator": "16", "line_of_business": "medicare_advantage"},
    {"id": "EXMEDICARE", "filing_indicator": "MB", "line_of_business": "medicare_ffs"},
)
NUMBERS = ("P1", "P2")
CLAIM_IDS = ("A", "B")
CODES = ("64483", "64483", "64483", "62323", "64484", "62321", "99213", "62310")
DAYS = tuple(date(2026, 6, 15) + timedelta(days) for days in (0, 0, 0, 0, 7, 100))
GAPS = (*(0,) * 12, 1, 1, 3, 3, 29, 30, 31, 60, 61, 365, 700)
AGAIN_GAPS = (0, 0, 0, 0, 3, 31, 31, 61, 700, 731)
"""What comes again is often just known, or just forgotten: what was decided between may then come again itself."""
BILLERS = ({"npi": "1234567893", "taxonomy": "207L00000X"}, {"npi": "1245319599", "taxonomy": "261QA1903X"})
people = st.sampled_from((0, 0, 0, 0, 1))
lines = st.builds(
    lambda code, on, units, number: line(code, service_date_from=str(on), units=units, authorization_number=number),
    st.sampled_from(CODES),
    st.sampled_from(DAYS),
    st.sampled_from(("1", "2")),
    st.none() | st.sampled_from(NUMBERS),
)
claim_fields = st.fixed_dictionaries(
    {
        "claim_id": st.sampled_from(CLAIM_IDS),
        "frequency_code": st.sampled_from(("1", "1", "1", "1", "7", "7", "8", "6")),
        "original_reference": st.none() | st.sampled_from(CLAIM_IDS),
        "claim_type": st.sampled_from((*("professional",) * 5, "institutional")),
        "billing_provider": st.sampled_from((BILLERS[0], *BILLERS)),
        "place_of_service": st.sampled_from(("11", "24")),
        "service_facility": st.sampled_from(({"address": {"state": "TX"}}, {"address": {"state": "FL"}})),
        "authorizations": st.lists(
            st.fixed_dictionaries(
                {"number": st.sampled_from(NUMBERS), "kind": st.sampled_from(("prior_authorization", "referral"))}
            ),
            max_size=1,
        ),
        "service_lines": st.lists(lines, min_size=1, max_size=2),
        "test": st.sampled_from((*(False,) * 9, True)),
    }
)
authorization_fields = st.fixed_dictionaries(
    {
        "authorization_number": st.sampled_from(NUMBERS),
        "kind": st.sampled_from(("prior_authorization", "prior_authorization", "referral")),
        "status": st.sampled_from(("approved", "approved", "denied", "pended", "voided", "partial")),
        "valid_from": st.none() | st.sampled_from(DAYS).map(str),
        "valid_to": st.none() | st.sampled_from(DAYS).map(str),
        "services": st.lists(st.fixed_dictionaries({"procedure_code": st.sampled_from(CODES)}), max_size=2),
        "version": st.none() | st.integers(1, 3),
    }
)
encounter_fields = st.fixed_dictionaries(
    {
        "service_date": st.sampled_from(DAYS).map(str),
        "procedure_code": st.none() | st.sampled_from(CODES),
        "guidance": st.none() | st.sampled_from(("fluoroscopy", "ultrasound", "none")),
        "contrast_used": st.none() | st.booleans(),
        "levels": st.none() | st.just(["L3-L4", "L4-L5", "L5-S1"]),
    }
)


class Move(NamedTuple):
    """What comes next into the log: something new, an earlier record again, or a purge."""

    gap_days: int
    late_days: int
    source: str
    kind: str
    person: int | None
    fields: dict[str, Any]


def _moves(
    kind: str,
    person: st.SearchStrategy[int | None],
    fields: st.SearchStrategy[Any],
    gaps_days: tuple[int, ...] = GAPS,
) -> st.SearchStrategy[Move]:
    return st.builds(
        Move,
        st.sampled_from(gaps_days),
        st.integers(0, 5),
        st.sampled_from((SOURCES[0], *SOURCES)),
        st.just(kind),
        person,
        fields,
    )


_OF_KIND = {
    "claim": _moves("claim", people, claim_fields),
    "authorization": _moves("fact", st.none() | people, authorization_fields),
    "encounter": _moves("fact", st.none() | people, encounter_fields),
    "again": _moves("again", st.none(), st.integers(0, 20), AGAIN_GAPS),
    "purge": _moves("purge", st.none(), st.just({})),
}
NEWS = (*("claim",) * 6, *("authorization",) * 2, *("encounter",) * 2)
news = st.sampled_from(NEWS).flatmap(_OF_KIND.__getitem__)
moves = st.sampled_from((*NEWS * 2, *("again",) * 10, "purge")).flatmap(_OF_KIND.__getitem__)


@st.composite
def logs(draw: st.DrawFn) -> list[LogRecord]:
    """The log of one patient."""
    member = Member(draw(st.sampled_from(PAYERS)), "M1", PEOPLE)
    made: list[Made] = []
    log: list[LogRecord] = []
    day = BEGIN
    for move in (draw(news), *draw(st.lists(moves, min_size=4, max_size=13))):
        day += timedelta(days=move.gap_days)
        arrived_on = day - timedelta(days=move.late_days)
        if move.kind == "purge":
            log.append(purged(log[0].key.decode(), arrived_on, len(log)))
            continue
        if move.kind == "again" and made:
            record = replace(made[move.fields % len(made)], arrived_on=arrived_on)  # type: ignore[operator]
        elif move.kind in ("claim", "fact"):
            make = claim_of if move.kind == "claim" else fact_of
            # No model reads the serial: it makes another event of the same content.
            tree = make(member, move.person, move.fields) | {"serial": len(log)}  # type: ignore[arg-type]
            record = Made.of(tree, move.source, arrived_on)
            made.append(record)
        else:
            continue
        log.append(logged(record, len(log)))
    return log


@st.composite
def plans(draw: st.DrawFn) -> list[Step]:
    """Chunks of any size, some of which end in a crash."""
    ends = st.sampled_from(("well", "well", "in trouble", "in a crash"))
    steps = st.builds(Step, st.integers(1, 5), ends, st.integers(0, 6), st.booleans())
    return draw(st.lists(steps, max_size=8))
