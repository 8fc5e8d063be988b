from datetime import date

import pytest

from streams.state.entry import Issued, Redecidable, days_before, met_since, seen_since, together
from tests.streams.state.building import BODY, authorized, claimed, met, met_again, purged, treated
from tests.validators.building import DAY, event_id
from validators.ruleset import StateTerms


@pytest.mark.parametrize(
    ("day", "days", "earlier"), [(DAY, 30, date(2026, 5, 21)), (DAY, 0, DAY), (date(1, 1, 31), 366, date.min)]
)
def test_a_day_some_days_earlier_is_never_before_the_first_there_is(day: date, days: int, earlier: date) -> None:
    assert earlier == days_before(day, days)


def test_what_is_seen_and_what_is_known_again_is_counted_from_the_day_of_arrival() -> None:
    terms = StateTerms(look_back_months=3, revision_days=10)

    assert date(2026, 3, 20) == seen_since(DAY, terms)
    assert date(2026, 6, 10) == met_since(DAY, terms)


def test_an_entry_of_which_something_is_read_is_not_only_met() -> None:
    entries = [met(1), claimed(1), authorized(1), treated(1), purged(1)]

    assert [True, False, False, False, False] == [entry.only_met for entry in entries]
    assert {(1, DAY)} == {(entry.position, entry.arrived_on) for entry in entries}


def test_a_decision_more_is_entered_in_the_order_of_the_log_and_once_a_record_of_it() -> None:
    first, second, third = (Issued(position, event_id(str(position)), "flagged") for position in (1, 5, 9))
    one = Redecidable(BODY, (first,)).with_issued(third)
    again = Issued(5, event_id("otherwise"), "accepted")

    assert (first, third) == one.issued
    assert (first, second, third) == one.with_issued(second).issued
    assert (first, again, third) == one.with_issued(second).with_issued(again).issued
    assert BODY == one.sealed


def test_the_meetings_of_an_event_are_told_from_the_last_and_make_one_entry_in_any_order() -> None:
    first = claimed(0)
    second = met_again(first, 3)
    third = met_again(second, 7)

    assert [third, second, first] == list(third.meetings())
    assert third == together([second, third, first])
    assert third == together([first, third, second])
    assert second._replace(earlier=None) == together([second])
    assert together([]) is None


def test_what_an_event_leaves_again_at_one_place_gives_way_there_and_nowhere_else() -> None:
    first = claimed(0, redecidable=True)
    second = met_again(first, 3)

    assert first == first.beside(None)
    assert second == second._replace(earlier=None).beside(first)
    assert second == first.beside(second) == second.beside(second)
    assert met_again(claimed(0), 3)._replace(redecidable=first.redecidable) == claimed(0).beside(second)
