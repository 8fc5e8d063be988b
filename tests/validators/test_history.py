from datetime import date
from decimal import Decimal

import pytest

from validators.history import Consumption, History, PastClaim, PastLine, Relation, Role, consumption

DAY = date(2026, 6, 15)


def past(
    event_id: str,
    claim_ref: str = "ref-1",
    frequency_code: str = "1",
    *,
    original_ref: str | None = None,
    days: tuple[date, ...] = (DAY,),
    role: Role = "professional",
    source: str = "default",
    billing_npi: str = "1234567893",
    in_scope: bool = True,
) -> PastClaim:
    return PastClaim(
        event_id=event_id,
        position=0,
        role=role,
        source=source,
        billing_npi=billing_npi,
        claim_ref=claim_ref,
        original_ref=original_ref,
        frequency_code=frequency_code,
        in_scope=in_scope,
        lines=tuple(PastLine("62323", frozenset(), day, billing_npi, Decimal(1), None) for day in days),
    )


def history_of(*claims: PastClaim) -> History:
    history = History()
    for claim in claims:
        history.add(claim)
    return history


def seen_by(history: History, claim: PastClaim) -> set[str]:
    return {earlier.event_id for earlier, _ in history.lines_seen_by(claim, history.relate(claim))}


ORIGINAL = past("original")


def test_a_first_claim_stands_to_nothing() -> None:
    assert Relation() == History().relate(ORIGINAL)


@pytest.mark.parametrize("frequency_code", ["7", "8"])
@pytest.mark.parametrize(
    "change",
    [
        {"claim_ref": "ref-2", "original_ref": "ref-1", "days": (date(2026, 7, 1),), "billing_npi": "other"},
        {"claim_ref": "ref-1", "days": (date(2026, 7, 1),), "billing_npi": "other"},
        {"claim_ref": "ref-1", "original_ref": "unknown", "days": (date(2026, 7, 1),)},
        {"claim_ref": "ref-2", "original_ref": "unknown"},
        {"claim_ref": "ref-2"},
        {"claim_ref": "ref-2", "source": "another"},
    ],
    ids=[
        "reference",
        "own claim id",
        "own claim id after an unknown reference",
        "biller and dates",
        "no reference",
        "source",
    ],
)
def test_a_change_takes_the_one_claim_it_names_out(frequency_code: str, change: dict[str, object]) -> None:
    history = history_of(ORIGINAL)
    coming = past("change", frequency_code=frequency_code, **change)  # type: ignore[arg-type]

    assert Relation(removes=("original",)) == history.relate(coming)
    assert set() == seen_by(history, coming)
    history.add(coming)
    assert ({"change"} if frequency_code == "7" else set()) == set(history.active)
    assert {} == history.waiting


def test_the_reference_wins_over_the_own_claim_id_and_that_over_biller_and_dates() -> None:
    history = history_of(past("named", "ref-1"), past("same id", "ref-2"), past("same day", "ref-3"))

    assert ("named",) == history.relate(past("change", "ref-2", "7", original_ref="ref-1")).removes
    assert ("same id",) == history.relate(past("change", "ref-2", "7", original_ref="unknown")).removes


@pytest.mark.parametrize(
    "change",
    [
        past("change", "ref-9", "7"),
        past("change", "ref-9", "7", billing_npi="other"),
        past("change", "ref-1", "7", role="hospital-facility"),
        past("change", "ref-9", "8", days=(DAY, date(2026, 6, 16))),
    ],
    ids=["two candidates", "another biller", "another claim type", "one date more"],
)
def test_a_change_without_exactly_one_candidate_waits(change: PastClaim) -> None:
    history = history_of(ORIGINAL, past("second", "ref-2"))

    assert Relation(unresolved=True) == history.relate(change)
    assert {"original", "second"} == seen_by(history, change)
    history.add(change)
    assert {"original", "second"} | ({"change"} if change.frequency_code == "7" else set()) == set(history.active)
    assert {"change"} == set(history.waiting)


@pytest.mark.parametrize("frequency_code", ["7", "8"])
def test_an_original_that_comes_after_its_change_enters_as_replaced(frequency_code: str) -> None:
    change = past("change", "ref-2", frequency_code, original_ref="ref-1")
    history = history_of(change)

    assert Relation(replaced_by="change") == history.relate(ORIGINAL)
    assert set() == seen_by(history, ORIGINAL)
    history.add(ORIGINAL)
    assert ({"change"} if frequency_code == "7" else set()) == set(history.active)
    assert {} == history.waiting


def test_a_claim_that_is_not_the_one_waited_for_enters() -> None:
    history = history_of(past("change", "ref-2", "8", original_ref="ref-1"))
    other = past("other", "ref-3", days=(date(2026, 6, 16),))

    assert Relation() == history.relate(other)
    history.add(other)
    assert ({"other"}, {"change"}) == (set(history.active), set(history.waiting))


def test_a_change_that_waited_and_is_replaced_waits_no_longer() -> None:
    history = history_of(
        past("first", "ref-2", "7", original_ref="ref-1"), past("second", "ref-2", "7", original_ref="ref-1")
    )

    assert {"second"} == set(history.active)
    assert {} == history.waiting


@pytest.mark.parametrize("frequency_code", ["7", "8"])
def test_a_replacement_that_comes_after_its_own_change_takes_its_original_out_and_enters_as_replaced(
    frequency_code: str,
) -> None:
    change = past("change", "ref-3", frequency_code, original_ref="ref-2", days=(date(2026, 7, 1),))
    history = history_of(ORIGINAL, change)
    replacement = past("replacement", "ref-2", "7", original_ref="ref-1")

    assert Relation(removes=("original",), replaced_by="change") == history.relate(replacement)
    assert set() == seen_by(history, replacement)
    history.add(replacement)
    assert ({"change"} if frequency_code == "7" else set()) == set(history.active)
    assert {} == history.waiting


def test_a_replacement_without_its_original_whose_void_came_first_waits_for_nothing() -> None:
    history = history_of(past("void", "ref-2", "8", original_ref="ref-2"))
    replacement = past("replacement", "ref-2", "7", original_ref="ref-1")

    assert Relation(replaced_by="void", unresolved=True) == history.relate(replacement)
    history.add(replacement)
    assert ({}, {}) == (history.active, history.waiting)


def test_a_void_is_never_what_another_change_was_waiting_for() -> None:
    history = history_of(past("first", "ref-1", "8"), past("second", "ref-1", "8"))

    assert {"first", "second"} == set(history.waiting)
    history.add(ORIGINAL)
    assert ({}, {"second"}) == (history.active, set(history.waiting))


def test_an_original_that_comes_after_a_replacement_under_its_own_claim_id_is_no_resubmission_of_it() -> None:
    history = history_of(past("change", "ref-1", "7"))

    assert Relation(replaced_by="change") == history.relate(ORIGINAL)
    history.add(ORIGINAL)
    assert {"change"} == set(history.active)


def test_a_resubmission_that_a_change_was_waiting_for_supersedes_the_earlier_claim_all_the_same() -> None:
    two_days = past("two days", days=(DAY, date(2026, 7, 1)))
    history = history_of(two_days, past("change", "ref-2", "7"))

    assert {"change"} == set(history.waiting)
    assert Relation(removes=("two days",), replaced_by="change") == history.relate(ORIGINAL)
    assert set() == seen_by(history, ORIGINAL)
    history.add(ORIGINAL)
    assert {"change"} == set(history.active)


def test_a_chain_of_replacements_leaves_the_last() -> None:
    history = history_of(
        ORIGINAL, past("first", "ref-2", "7", original_ref="ref-1"), past("second", "ref-3", "7", original_ref="ref-2")
    )

    assert {"second"} == set(history.active)


@pytest.mark.parametrize(
    ("again", "superseded"),
    [
        (past("again"), True),
        (past("again", days=(DAY, date(2026, 7, 1))), True),
        (past("again", days=(date(2026, 7, 1),)), False),
        (past("again", "ref-2"), False),
        (past("again", source="another"), False),
        (past("again", billing_npi="other"), False),
        (past("again", role="hospital-facility"), False),
        (past("again", frequency_code="6"), False),
    ],
    ids=["same", "one date", "no date", "claim id", "source", "biller", "claim type", "frequency code"],
)
def test_a_resubmission_supersedes_the_earlier_claim(again: PastClaim, superseded: bool) -> None:
    history = history_of(ORIGINAL)

    assert (("original",) if superseded else ()) == history.relate(again).removes
    assert (set() if superseded else {"original"}) == seen_by(history, again)
    history.add(again)
    assert ({"again"} if superseded else {"original", "again"}) == set(history.active)


def test_a_claim_does_not_see_itself() -> None:
    history = history_of(ORIGINAL)

    assert set() == seen_by(history, ORIGINAL)
    assert Relation() == history.relate(ORIGINAL)


def test_the_lines_of_a_claim_out_of_scope_count_for_nothing() -> None:
    assert set() == seen_by(history_of(past("visit", in_scope=False)), past("other", "ref-2"))


def test_nothing_came_before_until_something_did() -> None:
    assert History().is_empty
    assert not history_of(ORIGINAL).is_empty
    assert not history_of(past("void", frequency_code="8")).is_empty


def used(*lines: tuple[str, date, str, str]) -> Consumption:
    """What lines use, each given as its claim, date, code and units."""
    return consumption(
        (past(event_id), PastLine(code, frozenset(), on, "npi", Decimal(units), "token"))
        for event_id, on, code, units in lines
    )


def test_of_an_authorization_nobody_cites_nothing_is_used() -> None:
    assert Consumption(frozenset(), {}) == used()


def test_a_date_is_used_once_however_many_claims_cite_it() -> None:
    found = used(
        ("physician", DAY, "64483", "1"),
        ("physician", DAY, "64484", "1"),
        ("hospital", DAY, "64483", "1"),
        ("another", DAY, "64483", "1"),
        ("physician", date(2026, 7, 1), "64483", "1"),
    )

    assert {DAY, date(2026, 7, 1)} == found.dates


def test_units_add_up_within_a_claim_and_the_claim_that_bills_most_counts() -> None:
    found = used(
        ("physician", DAY, "64484", "1"),
        ("physician", DAY, "64484", "1.5"),
        ("hospital", DAY, "64484", "2"),
        ("hospital", DAY, "64483", "3"),
    )

    assert {(DAY, "64484"): Decimal("2.5"), (DAY, "64483"): Decimal(3)} == found.units


def test_units_of_two_dates_are_told_apart() -> None:
    later = date(2026, 7, 1)

    assert {(DAY, "64483"): Decimal(1), (later, "64483"): Decimal(2)} == used(
        ("physician", DAY, "64483", "1"), ("physician", later, "64483", "2")
    ).units


def test_a_replacement_that_takes_one_waiting_change_out_is_still_what_another_waits_for() -> None:
    taken_out = past("taken out", "ref-2", "7", original_ref="unknown", days=(date(2026, 7, 1),))
    voids = past("voids", "ref-3", "8", original_ref="ref-4", days=(date(2026, 7, 2),))
    history = history_of(taken_out, voids)

    assert {"taken out", "voids"} == set(history.waiting)
    assert Relation(("taken out",), "voids") == history.relate(past("new", "ref-4", "7", original_ref="ref-2"))
