import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.state.changelog import UnknownEntryError, decode, encode, key_of
from streams.state.patient import Entry, KnownEvent
from tests.validators.building import Desk, a_claim, an_authorization, an_encounter, arrived, arrived_fact, line
from tests.validators.strategies import authorizations_of, encounters_of
from validators.facts import authorization_facts, encounter_facts
from validators.history import PastClaim, PastLine

TOKEN = "0123456789abcdef" * 2
EVENT = "e" * 64

texts = st.text(max_size=8)
lines = st.builds(PastLine, texts, st.frozensets(texts, max_size=4), st.dates(), texts)

authorized = authorizations_of().map(authorization_facts)
sessions = encounters_of().map(encounter_facts)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    position = draw(st.integers(0, 2**62))
    known = KnownEvent(position, draw(st.none() | st.dates()))
    claim = PastClaim(
        event_id=EVENT,
        position=position,
        claim_type=draw(st.sampled_from(["professional", "institutional"])),
        role=draw(st.sampled_from(["professional", "asc-facility", "hospital-facility"])),
        source=draw(texts),
        billing_npi=draw(texts),
        claim_ref=draw(st.none() | texts),
        original_ref=draw(st.none() | texts),
        frequency_code=draw(texts),
        in_scope=draw(st.booleans()),
        lines=tuple(draw(st.lists(lines, max_size=4))),
    )
    person = draw(texts)
    return draw(
        st.sampled_from([Entry(EVENT, known, person, claim), Entry(EVENT, known, "", None)])
        | authorized.map(lambda facts: Entry(EVENT, known, person, authorization=facts))
        | sessions.map(lambda facts: Entry(EVENT, known, person, encounter=facts))
    )


@given(entries())
def test_an_entry_is_read_back_as_it_was_written(entry: Entry) -> None:
    assert (TOKEN, entry) == decode(key_of(TOKEN, EVENT), encode(entry))


@given(entries())
def test_an_entry_is_written_as_the_same_bytes_each_time(entry: Entry) -> None:
    _, again = decode(key_of(TOKEN, EVENT), encode(entry))

    assert encode(entry) == encode(again)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_an_entry_of_another_version_is_refused(version: object) -> None:
    value = json.dumps({"v": version, "p": 0, "r": None}).encode()

    with pytest.raises(UnknownEntryError, match=f"a state entry has version {version}; this worker reads version 1"):
        decode(key_of(TOKEN, EVENT), value)


def test_an_entry_holds_no_claim_id_member_id_name_or_free_text() -> None:
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
    event = arrived(claim)
    record = key_of(event.patient_token, event.event_id) + encode(entry)

    assert b"PLANTED" not in record.upper()
    assert b"1961" not in record
    assert b"62323" in record


def test_an_entry_of_a_fact_holds_no_member_id_payer_name_or_free_text() -> None:
    claim = a_claim(payer={"id": "PLANTED-A"}, subscriber={"member_id": "PLANTED-B"})
    who = {"first_name": "PLANTED-C", "birth_date": "1961-07-29"}
    facts = [
        an_authorization(
            claim,
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
    for fact, shown in zip(facts, (b"J1100", b"ct"), strict=True):
        entry = Desk().note(fact)
        assert entry is not None
        event = arrived_fact(fact)
        record = key_of(event.patient_token, event.event_id) + encode(entry)

        assert b"PLANTED" not in record.upper()
        assert b"1961" not in record
        assert shown in record


@given(st.permutations(["64483", "64484", "62323", "J1100"]))
def test_the_codes_of_an_authorization_are_written_in_one_order(codes: list[str]) -> None:
    services = [{"procedure_code": code} for code in codes]
    facts = authorization_facts(an_authorization(a_claim(), services=services))  # type: ignore[arg-type]
    entry = Entry(EVENT, KnownEvent(0, None), "", authorization=facts)

    assert b'["62323","64483","64484","J1100"]' in encode(entry)
