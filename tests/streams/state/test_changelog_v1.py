from datetime import date
from decimal import Decimal

import pytest

from schemas.authorization import Authorization, AuthorizedService
from schemas.encounter import Encounter
from streams.codes_only import UNSAID
from streams.state.changelog import Key, current, decode, encode
from streams.state.changelog_v1 import LAST_WRITTEN
from streams.state.entry import Entry, Moment
from tests.streams.state.building import moment
from tests.validators.building import DAY, Desk, a_claim, an_authorization, arrived_fact, seal
from validators.history import PastClaim, PastLine

EVENT = "e" * 64
KEY = Key(b"t" * 16, bytes.fromhex(EVENT))

# Written by the last worker that wrote version 1.
OF_VERSION_1: dict[str, tuple[bytes, Entry]] = {
    "a replacement": (
        (
            b'{"a":"professional","b":"1234567893","c":"9d5a1bad20c1f3d02c73bf77ef342776","f":"7","i":true,"l":[["64483",'
            b'["KX","RT"],"2026-06-15","1245319599"],["J1100",[],"2026-06-15","1245319599"]],"o":"d13d0a47904b49fab40cc1aa'
            b'9705f948","p":7,"r":"2026-06-20","s":"default","t":"professional","v":1,"x":"c4402dfc6d1a51e3f3da49369e6b991'
            b'0"}'
        ),
        Entry(
            EVENT,
            Moment(7, LAST_WRITTEN),
            DAY,
            "d13d0a47904b49fab40cc1aa9705f948",
            PastClaim(
                event_id=EVENT,
                position=7,
                role="professional",
                source="default",
                billing_npi="1234567893",
                claim_ref="9d5a1bad20c1f3d02c73bf77ef342776",
                original_ref="c4402dfc6d1a51e3f3da49369e6b9910",
                frequency_code="7",
                in_scope=True,
                lines=(
                    PastLine("64483", frozenset({"KX", "RT"}), date(2026, 6, 15), "1245319599", Decimal(1), None),
                    PastLine("J1100", frozenset(), date(2026, 6, 15), "1245319599", Decimal(1), None),
                ),
            ),
        ),
    ),
    "a claim without a day of receipt": (
        (
            b'{"a":"hospital-facility","b":"1234567893","c":"cc972137b9132c0effc68c89f7b86dfc","f":"1","i":true,"l":[["623'
            b'23",[],"2026-06-15","1245319599"]],"o":"d13d0a47904b49fab40cc1aa9705f948","p":1,"r":null,"s":"default","t":"'
            b'institutional","v":1}'
        ),
        Entry(
            EVENT,
            Moment(1, LAST_WRITTEN),
            None,
            "d13d0a47904b49fab40cc1aa9705f948",
            PastClaim(
                event_id=EVENT,
                position=1,
                role="hospital-facility",
                source="default",
                billing_npi="1234567893",
                claim_ref="cc972137b9132c0effc68c89f7b86dfc",
                original_ref=None,
                frequency_code="1",
                in_scope=True,
                lines=(PastLine("62323", frozenset(), date(2026, 6, 15), "1245319599", Decimal(1), None),),
            ),
        ),
    ),
    "what was only met": (b'{"p":5,"r":"2026-06-20","v":1}', Entry(EVENT, Moment(5, LAST_WRITTEN), DAY)),
    "an authorization of a person": (
        (
            b'{"o":"1880b065e0b5ccba75cfb78e74850db0","p":3,"r":null,"v":1,"z":{"codes":["62323","64484"],"kind":"referral'
            b'","number":"A1","status":"partial","valid_from":"2026-06-01","valid_to":null,"version":3}}'
        ),
        Entry(
            EVENT,
            Moment(3, LAST_WRITTEN),
            person="1880b065e0b5ccba75cfb78e74850db0",
            authorization=Authorization(
                authorization_number="A1",
                kind="referral",
                payer_id=UNSAID,
                member_id=UNSAID,
                status="partial",
                valid_from=date(2026, 6, 1),
                services=(
                    AuthorizedService(procedure_code="62323"),
                    AuthorizedService(procedure_code="64484"),
                ),
                version=3,
            ),
        ),
    ),
    "an encounter of anyone": (
        (
            b'{"e":{"approach":"interlaminar","contrast_exception":"allergy","contrast_used":false,"guidance":"fluoroscopy'
            b'","levels":["L4-L5","L5-S1"],"procedure_code":"62323","purpose":"therapeutic","service_date":"2026-06-15"},"'
            b'o":"","p":4,"r":null,"v":1}'
        ),
        Entry(
            EVENT,
            Moment(4, LAST_WRITTEN),
            encounter=Encounter(
                payer_id=UNSAID,
                member_id=UNSAID,
                service_date=date(2026, 6, 15),
                procedure_code="62323",
                approach="interlaminar",
                levels=("L4-L5", "L5-S1"),
                guidance="fluoroscopy",
                contrast_used=False,
                contrast_exception="allergy",
                purpose="therapeutic",
            ),
        ),
    ),
    "an encounter that says nothing": (
        (
            b'{"e":{"approach":null,"contrast_exception":null,"contrast_used":null,"guidance":null,"levels":null,"procedur'
            b'e_code":null,"purpose":null,"service_date":"2026-06-15"},"o":"","p":5,"r":null,"v":1}'
        ),
        Entry(
            EVENT,
            Moment(5, LAST_WRITTEN),
            encounter=Encounter(payer_id=UNSAID, member_id=UNSAID, service_date=date(2026, 6, 15)),
        ),
    ),
}


@pytest.mark.parametrize("which", OF_VERSION_1)
def test_a_value_of_version_1_is_read_as_this_version_writes_it(which: str) -> None:
    value, entry = OF_VERSION_1[which]
    upgraded = current(KEY, value, seal())

    assert entry == decode(KEY.event, upgraded, seal())
    assert encode(entry, seal()) == upgraded


def test_what_version_1_kept_of_facts_is_what_this_version_keeps_of_the_same() -> None:
    claim = a_claim()
    grant = an_authorization(claim, services=[{"procedure_code": "64484"}], status="denied")
    desk = Desk()
    desk.note(grant)
    (kept,) = desk.patients.of(arrived_fact(grant).patient_token).entries.values()
    old = (
        b'{"o":"","p":0,"r":null,"v":1,"z":{"codes":["64484"],"kind":"prior_authorization","number":"A1","status":'
        b'"denied","valid_from":null,"valid_to":null,"version":null}}'
    )

    assert kept._replace(event_id=EVENT, moment=moment(0, LAST_WRITTEN)) == decode(
        KEY.event, current(KEY, old, seal()), seal()
    )
