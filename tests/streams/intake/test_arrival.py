from dataclasses import replace
from datetime import date

import pytest

from streams.intake.arrival import Circumstances, arrive, event_id
from streams.tokens import Tokens
from tests.streams.intake.building import accepted, claim
from validators.loading import load_ruleset

TOKENS = Tokens(b"key", load_ruleset().payers)
DAYS = [date(2026, 6, day) for day in range(1, 7)]


def test_a_claim_is_dated_by_the_first_that_knows():
    record, header, original, bht, flag, broker = DAYS
    item = replace(accepted(claim(received_on=str(record))), received_on=bht)
    known = {"stated_on": header, "original_on": original, "as_of": flag, "fallback_on": broker}
    dated = []
    for gone in ("claim", "stated_on", "original_on", "bht", "as_of", "fallback_on", ""):
        dated.append(arrive(item, Circumstances("a", **known), TOKENS).claim.received_on)
        if gone == "claim":
            item = replace(item, claim=item.claim.model_copy(update={"received_on": None}))
        elif gone == "bht":
            item = replace(item, received_on=None)
        elif gone:
            known[gone] = None

    assert dated == [*DAYS, None]


@pytest.mark.parametrize(
    ("of_circumstances", "of_claim", "expected"),
    [("a", "b", "a"), (None, "b", "b"), (None, None, "default"), ("", "b", "b"), (None, " ", "default")],
)
def test_the_source_is_that_of_the_circumstances_then_the_claims_own(of_circumstances, of_claim, expected):
    item = accepted(claim(**({"source": of_claim} if of_claim is not None else {})))

    assert arrive(item, Circumstances(of_circumstances), TOKENS).claim.source == expected


def test_equal_bytes_of_one_source_are_one_event_and_of_another_are_not():
    item = accepted(claim())
    first, again, other = (arrive(item, Circumstances(source), TOKENS).event_id for source in ("a", "a", "b"))

    assert first == again
    assert first != other
    assert len(first) == 64


def test_one_byte_more_is_another_event():
    assert event_id("a", (b"x",)) != event_id("a", (b"x ",))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", (b"b",)), ("ab", ())),
        (("a", (b"bc", b"d")), ("a", (b"b", b"cd"))),
        (("a", (b"",)), ("a", ())),
        (("a", (b"1:b",)), ("a", (b"", b"b"))),
    ],
)
def test_parts_of_an_identity_do_not_run_into_each_other(one, other):
    assert event_id(*one) != event_id(*other)


def test_an_arrival_carries_the_tokens_of_its_patient():
    arrived = arrive(accepted(claim()), Circumstances("a"), TOKENS)

    assert arrived.patient_token == TOKENS.patient(arrived.claim)
    assert arrived.person == TOKENS.person(arrived.claim.who, arrived.patient_token)
