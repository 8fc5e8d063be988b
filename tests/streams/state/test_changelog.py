from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.decision import OUTCOMES
from streams.sealing import Seal, SealBrokenError
from streams.state.changelog import (
    Kept,
    Key,
    UnknownEntryError,
    all_kept_of,
    before,
    current,
    decode,
    encode,
    kept_of,
    key_of,
    parse_key,
    said_by_log,
)
from streams.state.entry import Entry, Issued, Moment, Purge, Redecidable, together
from tests.streams.state.building import authorized, claimed, met, met_again, purged, treated
from tests.validators.building import (
    Desk,
    a_claim,
    an_authorization,
    an_encounter,
    arrived,
    line,
    seal,
)
from tests.validators.strategies import authorizations_of, encounters_of
from validators.history import ROLES, PastClaim, PastLine

TOKEN = "0123456789abcdef" * 2
EVENT = "e" * 64
EVENT_BYTES = bytes.fromhex(EVENT)

texts = st.text(max_size=8)
tokens = st.binary(min_size=16, max_size=16).map(bytes.hex)
hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)
positions = st.integers(0, 2**62)
units = st.decimals(-99, 99, places=1)
lines = st.builds(PastLine, texts, st.frozensets(texts, max_size=4), st.dates(), texts, units, st.none() | tokens)
issued = st.builds(Issued, positions, hashes, st.sampled_from(OUTCOMES))
redecidables = st.builds(Redecidable, st.binary(min_size=1, max_size=40), st.lists(issued, max_size=3).map(tuple))


@st.composite
def meetings(draw: st.DrawFn) -> Entry:
    met = Entry(EVENT, draw(st.builds(Moment, positions, st.dates())), draw(st.none() | st.dates()), draw(tokens))
    claims = st.builds(
        PastClaim,
        event_id=st.just(EVENT),
        position=st.just(met.position),
        role=st.sampled_from(ROLES),
        source=texts,
        billing_npi=texts,
        claim_ref=st.none() | tokens,
        original_ref=st.none() | tokens,
        frequency_code=texts,
        in_scope=st.booleans(),
        lines=st.lists(lines, max_size=4).map(tuple),
    )
    more: st.SearchStrategy[Entry] = st.one_of(
        st.just(met),
        st.builds(lambda claim, again: met._replace(claim=claim, redecidable=again), claims, st.none() | redecidables),
        st.tuples(st.sampled_from(["", met.person]), authorizations_of()).map(
            lambda of: met._replace(person=of[0], authorization=of[1])
        ),
        st.tuples(st.sampled_from(["", met.person]), encounters_of()).map(
            lambda of: met._replace(person=of[0], encounter=of[1])
        ),
        st.builds(Purge, st.integers(0, 2**31), hashes).map(lambda proof: met._replace(person="", purge=proof)),
    )
    return draw(more)


def entries() -> st.SearchStrategy[Entry]:
    """Of events met once, and of some that were met again."""
    several = st.lists(meetings(), min_size=2, max_size=3, unique_by=lambda entry: entry.position).map(together)
    return st.one_of(meetings(), several.filter(bool))  # type: ignore[arg-type]


@given(entries())
def test_an_entry_is_read_back_as_it_was_written(entry: Entry) -> None:
    assert entry == decode(EVENT_BYTES, encode(entry, seal()), seal())


@given(entries())
def test_an_entry_is_written_as_the_same_bytes_each_time(entry: Entry) -> None:
    value = encode(entry, seal())

    assert value == encode(decode(EVENT_BYTES, value, seal()), seal())
    assert value == current(Key(bytes.fromhex(TOKEN), EVENT_BYTES), value, seal())


@given(entries())
def test_how_long_an_entry_is_kept_can_be_told_without_the_key(entry: Entry) -> None:
    value, kinds = encode(entry, seal()), ("claim", "authorization", "encounter", "purge")
    kept = tuple(
        Kept(
            each.moment,
            next((name for name in kinds if getattr(each, name) is not None), "met"),  # type: ignore[arg-type]
            each.redecidable is not None,
        )
        for each in entry.meetings()
    )

    assert kept == all_kept_of(value)
    assert kept[0] == kept_of(value)


def test_a_value_of_before_it_was_told_when_an_event_was_met_earlier_is_read_as_one_met_once() -> None:
    entry = claimed(3, redecidable=True)
    value = encode(entry, seal())
    former = msgspec.msgpack.encode(msgspec.msgpack.decode(value)[:-1])

    assert len(value) - 1 == len(former)
    assert entry == decode(bytes.fromhex(entry.event_id), former, seal())
    assert former == current(Key(bytes.fromhex(TOKEN), EVENT_BYTES), former, seal())
    assert said_by_log(value, with_body=True) == said_by_log(former, with_body=True)


def test_what_an_event_left_earlier_is_not_compared() -> None:
    first = authorized(0)
    second = met_again(first, 5)
    values = [encode(entry, seal()) for entry in (second, second._replace(earlier=None), first)]
    once, alone, other = (said_by_log(value, with_body=True) for value in values)

    assert once == alone
    assert once != other


def test_a_value_can_be_told_as_it_was_before_a_position() -> None:
    first = claimed(2, redecidable=True)
    second = met_again(first, 5)
    value = encode(met_again(second, 7), seal())

    assert [None, encode(first, seal()), encode(second, seal()), value] == [before(value, at) for at in (2, 5, 7, 8)]


def test_a_key_is_the_token_and_the_event() -> None:
    assert f"{TOKEN}{EVENT}".encode() == key_of(TOKEN, EVENT)
    assert Key(bytes.fromhex(TOKEN), EVENT_BYTES) == parse_key(key_of(TOKEN, EVENT))


@pytest.mark.parametrize("key", [None, b"", b"identity", TOKEN.encode(), f"{TOKEN}{EVENT}0".encode()])
def test_what_is_the_key_of_no_entry_has_no_parts(key: bytes | None) -> None:
    assert parse_key(key) is None


KEY = key_of(TOKEN, EVENT)


@pytest.mark.parametrize("version", [0, 1, 3, 127])
@pytest.mark.parametrize(
    "read", [lambda value: decode(EVENT_BYTES, value, seal()), lambda value: current(parse_key(KEY), value, seal())]
)
def test_an_entry_of_another_version_is_refused(version: int, read: Callable[[bytes], object]) -> None:
    value = encode(met(0), seal())
    other = value[:1] + bytes([version]) + value[2:]

    with pytest.raises(UnknownEntryError) as refused:
        read(other)

    assert f"a state entry has version {version}; this worker reads version 2" == str(refused.value)


@pytest.mark.parametrize("build", [claimed, met, treated, purged])
def test_what_names_nobody_can_be_read_under_any_key(build: Callable[[int], Entry]) -> None:
    entry = build(3)
    event = bytes.fromhex(entry.event_id)

    assert entry == decode(event, encode(entry, seal()), Seal(b"another key"))


def test_an_authorization_can_be_read_under_its_key_alone() -> None:
    value = encode(authorized(3), seal())

    with pytest.raises(SealBrokenError):
        decode(EVENT_BYTES, value, Seal(b"another key"))


def test_an_entry_shows_no_claim_id_member_id_number_name_or_free_text() -> None:
    claim = a_claim(
        claim_id="PLANTED-A",
        frequency_code="7",
        original_reference="PLANTED-B",
        subscriber={"member_id": "PLANTED-C", "last_name": "PLANTED-D", "first_name": "PLANTED-E"},
        patient={"last_name": "PLANTED-F", "first_name": "PLANTED-G", "birth_date": "1961-07-29"},
        notes=["PLANTED-H"],
        authorizations=[{"number": "PLANTED-I"}],
        service_lines=[line("62323", note="PLANTED-J", control_number="PLANTED-K")],
    )
    entry = Desk().decide(claim).entry
    assert entry is not None
    assert entry.redecidable is not None
    event = arrived(claim)
    record = key_of(event.patient_token, event.event_id) + encode(entry, seal())

    assert b"PLANTED" not in record.upper()
    assert b"1961" not in record
    assert b"62323" in record


def test_an_entry_of_a_fact_shows_no_member_id_payer_number_name_or_free_text() -> None:
    claim = a_claim(payer={"id": "PLANTED-A"}, subscriber={"member_id": "PLANTED-B"})
    who = {"first_name": "PLANTED-C", "birth_date": "1961-07-29"}
    facts = [
        an_authorization(
            claim,
            authorization_number="PLANTED-M",
            patient=who,
            rendering_npi="PLANTED-D",
            facility_npi="PLANTED-E",
            services=[{"procedure_code": "J1100"}],
        ),
        an_encounter(
            claim,
            patient=who,
            pain_scale="PLANTED-F",
            contraindications=["PLANTED-G"],
            conservative_care={"kinds": ["PLANTED-H"], "exception": "PLANTED-I"},
            anticoagulant={"plan": "PLANTED-J"},
            drugs=[{"name": "PLANTED-K"}],
            not_documented=["PLANTED-L"],
            guidance="ct",
        ),
    ]
    desk = Desk()
    for fact in facts:
        desk.note(fact)
    shown = [key + (value or b"") for key, value in desk.changelog.items()]

    assert 2 == len(shown)
    assert [False, False] == [b"PLANTED" in record.upper() or b"1961" in record for record in shown]
    assert b'"ct"' in shown[1]


@given(st.permutations(["RT", "LT", "50", "KX"]))
def test_the_modifiers_of_a_line_are_written_in_one_order(modifiers: list[str]) -> None:
    def value(of: list[str]) -> bytes:
        entry = Desk().decide(a_claim(service_lines=[line("64483", *of)])).entry
        assert entry is not None
        return encode(entry._replace(event_id=EVENT, redecidable=None), seal())

    assert value(["50", "KX", "LT", "RT"]) == value(modifiers)
