from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from schemas.claim import Claim
from tests.validators.building import Desk, a_claim, decided, line
from validators.context import Context
from validators.history import Consumption

JUNE, JULY = date(2026, 6, 15), date(2026, 7, 20)


def seen(claim: Claim, *history: Claim) -> Context:
    """What rules see of a claim after others."""
    desk = Desk()
    for earlier in history:
        desk.decide(earlier)
    return desk.decide(claim).context


def injection(claim_id: str, code: str, on: date, **more: Any) -> Claim:
    return a_claim(claim_id=claim_id, service_lines=[line(code, service_date_from=str(on))], **more)


def sessions(*history: Claim, claim: Claim | None = None, on: date = JULY) -> tuple[set[date], set[date]]:
    """The prior sessions of the lower and of the upper spine."""
    context = seen(claim or injection("now", "62323", on), *history)
    return set(context.prior_sessions("lumbar_sacral", on)), set(context.prior_sessions("cervical_thoracic", on))


def test_before_the_first_session_there_is_none() -> None:
    assert (set(), set()) == sessions()


@pytest.mark.parametrize(
    ("code", "region"),
    [
        *((code, 0) for code in ("62322", "62323", "62326", "62327", "64483", "64484")),
        *((code, 1) for code in ("62320", "62321", "62324", "62325", "64479", "64480")),
    ],
)
def test_a_session_is_of_the_region_of_its_code(code: str, region: int) -> None:
    found = sessions(injection("then", code, JUNE))

    assert ({JUNE}, set()) == (found[region], found[1 - region])


@pytest.mark.parametrize("code", ["62311", "0230T", "99213", "77003"])
def test_what_is_no_injection_of_today_is_no_session(code: str) -> None:
    with_injection = a_claim(
        claim_id="then",
        service_lines=[line(code, service_date_from="2026-06-15"), line("62321", service_date_from="2026-06-15")],
    )

    assert (set(), {JUNE}) == sessions(with_injection)


def test_a_day_is_one_session_however_many_claims_lines_and_providers_it_has() -> None:
    two = [line("64483", service_date_from="2026-06-15"), line("64484", service_date_from="2026-06-15")]

    assert ({JUNE}, set()) == sessions(
        injection("one", "62323", JUNE),
        injection("two", "62323", JUNE, billing_provider={"npi": "1245319599"}),
        injection("facility", "64483", JUNE, claim_type="institutional"),
        a_claim(claim_id="lines", service_lines=two),
    )


def test_only_days_before_the_one_asked_for_are_prior() -> None:
    day_before = date(2026, 7, 19)

    assert ({day_before}, set()) == sessions(
        injection("before", "62323", day_before),
        injection("same day", "64483", JULY),
        injection("after", "62323", date(2026, 7, 21)),
    )


def test_an_earlier_day_of_the_claim_itself_is_a_session_too() -> None:
    claim = a_claim(service_lines=[line("62323", service_date_from=str(on)) for on in (JUNE, JULY)])

    assert ({JUNE}, set()) == sessions(claim=claim)
    assert (set(), set()) == sessions(claim=claim, on=JUNE)


@pytest.mark.parametrize("change", ["7", "8"])
def test_a_session_that_was_voided_or_replaced_by_another_day_is_none(change: str) -> None:
    on = date(2026, 6, 22)
    later = injection("then", "62323", on, frequency_code=change)

    assert ({on} if change == "7" else set(), set()) == sessions(injection("then", "62323", JUNE), later)


def test_what_a_claim_replaces_is_no_session_of_its_own() -> None:
    replacement = injection("then", "62323", JULY, frequency_code="7")

    assert (set(), set()) == sessions(injection("then", "62323", JUNE), claim=replacement)


def test_sessions_of_other_persons_and_of_test_claims_are_none() -> None:
    assert (set(), set()) == sessions(
        injection("spouse", "62323", JUNE, patient={"first_name": "ALEX", "birth_date": "1955-05-05"}),
        injection("test", "62323", JUNE, test=True),
    )


CITING = [{"number": "A1"}]


def citing(claim_id: str, *codes: str, **more: Any) -> Claim:
    lines = [line(code, units="2" if code == "64484" else "1") for code in codes or ("64483",)]
    return a_claim(claim_id=claim_id, **{"service_lines": lines, "authorizations": CITING, **more})


def used(*history: Claim, claim: Claim | None = None) -> Consumption:
    context = seen(claim or citing("now"), *history)
    return context.consumed(context.lines[0])


UNUSED = Consumption(frozenset(), {})


def test_before_a_claim_cites_an_authorization_nothing_of_it_is_used() -> None:
    assert UNUSED == used()
    assert UNUSED == used(citing("other", authorizations=[{"number": "A2"}]), citing("none", authorizations=[]))


def test_dates_and_units_of_the_claims_that_cite_it_are_used() -> None:
    july = [line("64483", service_date_from="2026-07-20")]

    assert Consumption(
        frozenset({JUNE, JULY}), {(JUNE, "64483"): Decimal(1), (JUNE, "64484"): Decimal(2), (JULY, "64483"): Decimal(1)}
    ) == used(citing("one", "64483", "64484"), citing("two", service_lines=july))


def test_a_date_is_used_once_when_hospital_and_physician_both_cite_it() -> None:
    assert Consumption(frozenset({JUNE}), {(JUNE, "64483"): Decimal(1)}) == used(
        citing("physician"), citing("hospital", claim_type="institutional")
    )


def test_the_units_of_a_date_are_those_of_the_claim_that_bills_most() -> None:
    second = citing("two", service_lines=[line("64484", units="3")])

    assert {(JUNE, "64484"): Decimal(3)} == used(citing("one", "64484"), second).units
    assert {(JUNE, "64484"): Decimal(4)} == used(citing("one", "64484", "64484"), second).units


def test_only_injections_use_an_authorization() -> None:
    assert frozenset({JUNE}) == used(citing("one", "64483", "77003", "J1100")).dates
    assert {(JUNE, "64483")} == set(used(citing("one", "64483", "77003", "J1100")).units)


def test_a_line_may_cite_a_number_of_its_own() -> None:
    lines = [line("64483", authorization_number="A1"), line("62321")]

    assert {(JUNE, "64483")} == set(used(citing("one", service_lines=lines, authorizations=[{"number": "A2"}])).units)


def test_a_referral_is_no_authorization() -> None:
    assert UNUSED == used(citing("one", authorizations=[{"number": "A1", "kind": "referral"}]))


def test_a_line_that_cites_none_asks_for_none() -> None:
    assert UNUSED == used(citing("one", authorizations=[]), claim=citing("now", authorizations=[]))


@pytest.mark.parametrize("change", ["7", "8", "1"], ids=["replacement", "void", "resubmission"])
def test_what_a_claim_used_is_given_back_when_it_leaves_history(change: str) -> None:
    later = citing("one", frequency_code=change, authorizations=[])

    assert UNUSED == used(citing("one", "64483", "64484"), later)


def test_a_replacement_uses_what_it_says_itself() -> None:
    replacement = citing("one", frequency_code="7")

    assert {(JUNE, "64483"): Decimal(1)} == used(citing("one", "64483", "64484"), replacement).units


def test_a_claim_does_not_use_what_it_replaces() -> None:
    assert UNUSED == used(citing("one"), claim=citing("one", frequency_code="7"))


def test_test_claims_and_other_persons_use_nothing() -> None:
    assert UNUSED == used(
        citing("test", test=True), citing("spouse", patient={"first_name": "ALEX", "birth_date": "1955-05-05"})
    )


def test_a_denied_claim_uses_what_it_cites() -> None:
    assert "denied-risk" == decided(citing("one", "64484")).decision.outcome
    assert frozenset({JUNE}) == used(citing("one", "64484")).dates


def test_a_claim_is_kept_with_tokens_of_its_numbers_and_what_its_lines_cite() -> None:
    past = seen(citing("EX-1", "64483", "J1100", frequency_code="7", original_reference="EX-0")).past

    assert [32, 32] == [len(past.claim_ref or ""), len(past.original_ref or "")]
    assert past.claim_ref != past.original_ref
    assert [("64483", Decimal(1)), ("J1100", Decimal(1))] == [(each.procedure_code, each.units) for each in past.lines]
    (number,) = {each.authorization for each in past.lines}
    assert number is not None
    assert number == seen(citing("EX-2")).past.lines[0].authorization
    assert "A1" not in number


def test_what_rules_share_is_worked_out_once_a_claim_even_when_it_is_nothing() -> None:
    asked: list[Context] = []

    def work_out(context: Context) -> None:
        asked.append(context)

    first, second = seen(a_claim()), seen(a_claim())

    assert [None, None, None] == [context.shared(work_out) for context in (first, first, second)]
    assert [first, second] == asked


@pytest.mark.parametrize(
    ("pointers", "diagnoses"),
    [
        ([2], ("M5417",)),
        ([2, 1], ("M5417", "M5416")),
        ([], ("M5416", "M5417")),
        ([0, 2, 3], ("M5417",)),
        ([3], ()),
    ],
)
def test_a_line_is_for_the_diagnoses_it_points_to_and_for_all_when_it_has_no_pointer(
    pointers: list[int], diagnoses: tuple[str, ...]
) -> None:
    claim = a_claim(
        diagnoses=[{"code": "M54.16"}, {"code": "M54.17"}], service_lines=[line("62323", diagnosis_pointers=pointers)]
    )

    assert [diagnoses] == [each.diagnoses for each in seen(claim).lines]
