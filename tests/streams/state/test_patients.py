from collections.abc import Callable, Iterable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.state import changelog, patients
from streams.state.entry import Entry
from streams.state.patients import Change, Patients
from tests.streams.state.building import (
    OTHER_TOKEN,
    PERSON,
    TOKEN,
    after,
    authorized,
    claimed,
    met,
    met_again,
    moment,
    named,
    purged,
    treated,
)
from tests.validators.building import DAY, nobody, seal
from validators.facts import NOTHING_KNOWN
from validators.ruleset import StateTerms

BUILDERS: list[Callable[..., Entry]] = [met, claimed, authorized, treated, purged]
TERMS = StateTerms(look_back_months=2, revision_days=10)


def bounded() -> Patients:
    """A partition whose state reaches back two months, ten days for what was only met."""
    return Patients(seal(), TERMS)


def kept(state: Patients, token: str = TOKEN) -> dict[str, Entry]:
    """The entries of a member, from the packed form alone."""
    state._open.clear()
    return dict(state.of(token).entries)


def positions(state: Patients, token: str = TOKEN) -> list[int]:
    return sorted(entry.position for entry in kept(state, token).values())


def changed(changes: Iterable[Change]) -> list[str]:
    """The event ids of changes that take entries out."""
    said = list(changes)

    assert all(value is None for _, value in said)
    return [key.decode()[len(TOKEN) :] for key, _ in said]


def swept_clean(state: Patients, committed: int = 0) -> list[Change]:
    """Sweep until there is nothing left to sweep."""
    said: list[Change] = []
    while changes := list(state.swept(committed)):
        said += changes
    return said


def test_what_is_put_is_read_from_the_packed_form_as_it_was() -> None:
    state = nobody()
    entries = [build(position) for position, build in enumerate(BUILDERS)]
    for entry in entries:
        state.put(TOKEN, entry)

    assert entries == list(kept(state).values())
    assert (1, 5) == (len(state), state.events)


def test_members_are_kept_apart_and_all_events_counted() -> None:
    state = nobody()
    state.put(TOKEN, claimed(0))
    state.put(TOKEN, met(1))
    state.put(OTHER_TOKEN, claimed(2))

    assert (2, 3) == (len(state), state.events)
    assert [0, 1] == positions(state)
    assert [2] == positions(state, OTHER_TOKEN)


def test_reading_a_member_nobody_met_leaves_no_trace() -> None:
    state = nobody()

    assert {} == state.of(TOKEN).entries
    assert NOTHING_KNOWN == state.of(TOKEN).facts(PERSON, moment(9))
    assert (0, 0) == (len(state), state.events)


def test_an_event_put_again_is_counted_once_and_kept_as_it_was_put_last() -> None:
    state = nobody()
    state.put(TOKEN, claimed(0, redecidable=True))
    state.put(TOKEN, met(1))
    state.put(TOKEN, claimed(0))

    assert {named(0): claimed(0), named(1): met(1)} == kept(state)
    assert 2 == state.events


@pytest.mark.parametrize("opened", [True, False])
def test_a_member_that_is_open_is_read_as_one_that_is_not(opened: bool) -> None:
    state = nobody()
    state.put(TOKEN, claimed(0))
    if opened:
        assert [named(0)] == list(state.of(TOKEN).entries)
    else:
        state._open.clear()
    state.put(TOKEN, claimed(1))

    assert [named(0), named(1)] == list(state.of(TOKEN).history(PERSON, moment(2)).active)


def test_a_change_alone_enters_nothing() -> None:
    state = nobody()
    change = state.change(TOKEN, claimed(0))

    assert (0, {}) == (state.events, kept(state))
    assert change == state.put(TOKEN, claimed(0))


def test_only_so_many_members_are_kept_open_and_the_ones_read_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patients, "OPEN_PATIENTS", 3)
    state, tokens = nobody(), [f"{number:032x}" for number in range(5)]
    for position, token in enumerate(tokens):
        state.put(token, met(position))
    for token in (*tokens[:3], tokens[0], *tokens[3:]):
        state.of(token)

    assert [tokens[0], *tokens[3:]] == list(state._open)
    assert [1] == positions(state, tokens[1])


def test_members_that_are_only_put_or_restored_are_not_kept_open() -> None:
    state = nobody()
    state.restore(*state.put(TOKEN, met(0)))

    assert {} == state._open


def test_the_record_of_an_entry_says_of_whom_and_what_it_is() -> None:
    key, value = nobody().put(TOKEN, claimed(3))

    assert f"{TOKEN}{named(3)}".encode() == key
    assert value is not None
    assert claimed(3) == changelog.decode(bytes.fromhex(named(3)), value, seal())


@given(st.lists(st.tuples(st.sampled_from(BUILDERS), st.integers(0, 3), st.sampled_from([TOKEN, OTHER_TOKEN]))))
def test_the_records_of_the_changelog_restore_the_state_they_were_made_of(
    puts: list[tuple[Callable[..., Entry], int, str]],
) -> None:
    state, rebuilt = nobody(), nobody()
    for build, position, token in puts:
        rebuilt.restore(*state.put(token, build(position)))

    for token in (TOKEN, OTHER_TOKEN):
        assert kept(state, token) == kept(rebuilt, token)
    assert (len(state), state.events, state.newest) == (len(rebuilt), rebuilt.events, rebuilt.newest)


@given(st.lists(st.tuples(st.sampled_from(BUILDERS), st.integers(0, 3)), max_size=8))
def test_a_compacted_changelog_restores_what_the_whole_one_does(puts: list[tuple[Callable[..., Entry], int]]) -> None:
    state, whole, compacted = nobody(), nobody(), nobody()
    records = [state.put(TOKEN, build(position)) for build, position in puts]
    for key, value in records:
        whole.restore(key, value)
    for key, value in dict(records).items():
        compacted.restore(key, value)

    assert kept(whole) == kept(compacted)
    assert whole.events == compacted.events


def test_a_tombstone_takes_an_entry_out_and_one_of_nothing_does_nothing() -> None:
    state = nobody()
    records = [state.put(TOKEN, met(0)), state.put(TOKEN, met(1))]
    for key, _ in records:
        state.restore(key, None)
        state.restore(key, None)

    assert ({}, 0, 0) == (kept(state), len(state), state.events)


@pytest.mark.parametrize("key", [None, b"", b"identity", f"{TOKEN}{named(1)}0".encode()])
def test_what_is_no_entry_is_passed_over_when_state_is_restored(key: bytes | None) -> None:
    state = nobody()
    state.restore(key, b"anything")

    assert 0 == state.events


def test_a_record_of_a_newer_version_is_refused() -> None:
    key, value = nobody().put(TOKEN, met(0))
    assert value is not None
    newer = value[:1] + bytes([changelog.VERSION + 1]) + value[2:]

    with pytest.raises(changelog.UnknownEntryError):
        nobody().restore(key, newer)


def test_nothing_is_swept_of_what_can_be_seen() -> None:
    state = bounded()
    for position, build in enumerate((claimed, met, authorized, treated)):
        state.put(TOKEN, build(position))

    assert [] == list(state.swept(9))
    assert [0, 1, 2, 3] == positions(state)


# What DAY looks back to is swept ten days later: ten for what was only met, two months for all else.
MET_SINCE, SEEN_SINCE = date(2026, 5, 31), date(2026, 4, 10)


@pytest.mark.parametrize(
    ("build", "since"), [(met, MET_SINCE), (claimed, SEEN_SINCE), (authorized, SEEN_SINCE), (treated, SEEN_SINCE)]
)
def test_an_entry_is_swept_once_it_could_not_be_seen_for_as_long_as_claims_may_be_revised(
    build: Callable[..., Entry], since: date
) -> None:
    day_before = date.fromordinal(since.toordinal() - 1)
    state = bounded()
    state.put(OTHER_TOKEN, build(0, since))
    state.put(TOKEN, build(1, day_before))
    state.put(OTHER_TOKEN, met(2, DAY))

    assert [named(1)] == changed(state.swept(0))
    assert 2 == state.events


def test_what_a_claim_has_seen_is_kept_as_long_as_that_claim_may_come_again() -> None:
    seen_by_the_first_only = date(2026, 2, 10)
    state = bounded()
    state.put(TOKEN, authorized(0, date.fromordinal(seen_by_the_first_only.toordinal() - 1)))
    state.put(TOKEN, authorized(1, seen_by_the_first_only))
    state.put(TOKEN, claimed(2, SEEN_SINCE))
    state.put(TOKEN, met(3, DAY))

    assert [named(0)] == changed(state.swept(0))


def test_what_is_swept_is_gone_for_those_who_have_the_member_open_too() -> None:
    state = bounded()
    state.put(TOKEN, claimed(0, date(2026, 1, 1)))
    patient = state.of(TOKEN)
    state.put(TOKEN, met(1))

    assert [named(0)] == changed(state.swept(0))
    assert [named(1)] == list(patient.entries)


def test_a_member_of_whom_everything_is_swept_is_not_known_any_more() -> None:
    state = bounded()
    state.put(TOKEN, met(0, date(2026, 1, 1)))
    state.put(OTHER_TOKEN, met(1))

    swept_clean(state)

    assert (1, 1) == (len(state), state.events)


def test_a_claim_is_kept_without_its_body_once_it_cannot_be_decided_anew() -> None:
    state, day_before = bounded(), date.fromordinal(MET_SINCE.toordinal() - 1)
    state.put(TOKEN, claimed(0, MET_SINCE, redecidable=True))
    state.put(TOKEN, claimed(1, day_before, redecidable=True))
    state.put(TOKEN, claimed(2, DAY))

    (change,) = state.swept(0)

    assert state.change(TOKEN, claimed(1, day_before)) == change
    assert {
        named(0): claimed(0, MET_SINCE, redecidable=True),
        named(1): claimed(1, day_before),
        named(2): claimed(2, DAY),
    } == kept(state)


TOO_OLD = date.fromordinal(SEEN_SINCE.toordinal() - 1)


def test_what_an_event_left_earlier_is_swept_when_nothing_can_see_it_any_more() -> None:
    state = bounded()
    again = met_again(claimed(0, TOO_OLD), 3)
    state.put(TOKEN, again)

    assert [state.change(TOKEN, again._replace(earlier=None))] == list(state.swept(0))
    assert {named(0): again._replace(earlier=None)} == kept(state)


def test_what_an_event_left_earlier_is_kept_as_long_as_a_claim_that_has_seen_it_may_come_again() -> None:
    state = bounded()
    again = met_again(claimed(0, TOO_OLD), 3)
    for entry in (again, claimed(1, SEEN_SINCE)):
        state.put(TOKEN, entry)

    assert [] == list(state.swept(0))
    assert again == kept(state)[named(0)]


def test_what_an_event_left_earlier_outlasts_that_it_was_only_met_again() -> None:
    state, first = bounded(), claimed(0, TOO_OLD)
    state.put(TOKEN, met_again(first, 3, date(2026, 5, 30))._replace(claim=None))
    for entry in (claimed(1, SEEN_SINCE), met(4)):
        state.put(TOKEN, entry)

    assert [state.change(TOKEN, first)] == list(state.swept(0))
    assert first == kept(state)[named(0)]


def test_an_earlier_claim_is_kept_without_its_body_as_any_other() -> None:
    state = bounded()
    again = met_again(claimed(0, SEEN_SINCE, redecidable=True), 3)
    state.put(TOKEN, again)

    assert [state.change(TOKEN, again._replace(earlier=claimed(0, SEEN_SINCE)))] == list(state.swept(0))


def test_what_was_swept_is_said_again_until_it_is_written_and_then_no_more() -> None:
    state = bounded()
    gone, _ = state.put(TOKEN, met(0, date(2026, 1, 1))), state.put(TOKEN, met(1))

    assert [(gone.key, None)] == list(state.unwritten(0)) == list(state.unwritten(0))
    state.written()
    assert [] == list(state.unwritten(0))


def test_what_came_again_since_it_was_swept_is_not_taken_out() -> None:
    state = bounded()
    gone = [state.put(TOKEN, met(position, date(2026, 1, 1))).key for position in (0, 1)]
    state.put(TOKEN, met(2))

    assert [(key, None) for key in gone] == list(state.unwritten(0))
    state.put(TOKEN, met(0))
    assert [(gone[1], None)] == list(state.unwritten(0))


def test_a_few_members_are_swept_at_once_and_in_the_end_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patients, "SWEPT_AT_ONCE", 2)
    state = bounded()
    for position in range(5):
        state.put(f"{position:032x}", met(position, date(2026, 1, 1)))
    state.put(TOKEN, met(9))
    counts = []
    while changes := list(state.swept(0)):
        counts.append(len(changes))

    assert [2, 2, 1] == counts
    assert 1 == state.events


def test_a_sweep_that_takes_days_reaches_every_member(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patients, "SWEPT_AT_ONCE", 1)
    state = bounded()
    state.put(TOKEN, purged(9))  # stays, in front of the others
    for position in range(3):
        state.put(f"{position:032x}", met(position, date(2026, 1, 1)))
    gone = []
    for day in range(4):
        state.put(OTHER_TOKEN, purged(8, after(day)))
        gone.append(changed(state.swept(0)))

    assert [[], *([named(position)] for position in range(3))] == gone


def test_a_day_on_which_nothing_arrives_is_swept_no_second_time() -> None:
    state = bounded()
    state.put(TOKEN, met(0))
    swept_clean(state)
    state.put(TOKEN, met(1, date(2026, 1, 1)))

    assert [] == list(state.swept(0))
    state.put(TOKEN, met(2, after(1)))
    assert [named(1)] == changed(state.swept(0))


def test_what_a_purge_hides_is_taken_out_once_the_log_is_done_behind_it() -> None:
    state = nobody()
    for entry in (claimed(0, redecidable=True), authorized(1), treated(2), met(3), purged(4, entries=4), claimed(5)):
        state.put(TOKEN, entry)
    state.put(OTHER_TOKEN, claimed(6))

    assert [] == list(state.swept(4))
    assert [named(position) for position in range(4)] == changed(state.swept(5))
    assert {named(4): purged(4, entries=4), named(5): claimed(5)} == kept(state)
    assert [6] == positions(state, OTHER_TOKEN)
    assert [] == list(state.swept(9))


def test_what_a_purge_hides_of_an_event_that_came_again_is_taken_out_of_its_entry() -> None:
    state = nobody()
    again = met_again(claimed(0), 3)
    for entry in (again, purged(2), met(4)):
        state.put(TOKEN, entry)

    assert [state.change(TOKEN, again._replace(earlier=None))] == list(state.swept(3))
    assert {named(0): again._replace(earlier=None), named(2): purged(2), named(4): met(4)} == kept(state)


def test_the_proof_of_a_purge_stays_for_ever_also_when_another_follows() -> None:
    state = bounded()
    state.put(TOKEN, purged(0, date(2020, 1, 1)))
    state.put(TOKEN, met(1))
    state.put(TOKEN, purged(2))

    assert [named(1)] == changed(swept_clean(state, committed=9))
    assert [0, 2] == positions(state)


def test_a_rebuilt_state_takes_out_what_a_purge_hides_though_its_purges_come_in_any_order() -> None:
    state, rebuilt = nobody(), nobody()
    records = [state.put(TOKEN, entry) for entry in (purged(4), claimed(3), purged(2), claimed(1), claimed(0))]
    for key, value in records:
        rebuilt.restore(key, value)

    assert [] == list(rebuilt.swept(4))
    assert {named(0), named(1), named(3)} == set(changed(rebuilt.swept(5)))
    assert [2, 4] == positions(rebuilt)


@given(
    st.lists(
        st.tuples(st.sampled_from([met, claimed, authorized, treated]), st.integers(-80, 0)), min_size=1, max_size=6
    ),
    st.integers(0, 10),
    st.booleans(),
)
def test_sweeping_changes_nothing_that_a_record_of_today_or_of_the_last_days_can_see(
    given_entries: list[tuple[Callable[..., Entry], int]], days_ago: int, came_again: bool
) -> None:
    whole, swept = bounded(), bounded()
    for position, (build, days) in enumerate(given_entries):
        entry = build(position, after(days))
        for state in (whole, swept):
            state.put(TOKEN, met_again(entry, 50 + position) if came_again else entry)
    for state in (whole, swept):
        state.put(OTHER_TOKEN, met(99))
    swept_clean(swept)
    now = moment(len(given_entries), after(-days_ago))
    before, behind = whole.of(TOKEN), swept.of(TOKEN)

    assert before.history(PERSON, now) == behind.history(PERSON, now)
    assert before.facts(PERSON, now) == behind.facts(PERSON, now)
    assert before.reopened(PERSON, now) == behind.reopened(PERSON, now)
    for position in range(len(given_entries)):
        assert before.known(named(position), now) == behind.known(named(position), now)
