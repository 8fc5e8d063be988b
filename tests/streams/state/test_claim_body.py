import json
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.authorization import Authorization
from schemas.claim import Address, Claim, Person, Provider
from schemas.encounter import Encounter
from streams.codes_only import codes_only_claim
from streams.state.claim_body import body_of, claim_of
from tests.validators.building import Desk, a_claim, arrived, line
from tests.validators.strategies import cases, claims
from validators.decide import decision_bytes

PLANTED = "PLANTED"
STREET = {"line1": PLANTED, "line2": PLANTED, "city": PLANTED}
PERSON: dict[str, Any] = {"last_name": PLANTED, "first_name": PLANTED, "sex": PLANTED}
PROVIDER: dict[str, Any] = {"name": PLANTED, "tax_id": PLANTED, "organization": False}


def planted(claim: Claim) -> Claim:
    """The claim with a name, number, street or note wherever one may stand that no rule reads."""

    def person(of: Person | None) -> Person:
        address = Address(state="FL", postal_code="33101", **STREET)
        return (of or Person()).model_copy(update={**PERSON, "address": address})

    def provider(of: Provider | None) -> Provider:
        address = (of and of.address) or Address()
        return (of or Provider()).model_copy(update={**PROVIDER, "address": address.model_copy(update=STREET)})

    member = {"member_id": PLANTED, "group_number": PLANTED, "relationship": "other"}
    return claim.model_copy(
        update={
            "payer": claim.payer.model_copy(update={"name": PLANTED}),
            "subscriber": person(claim.subscriber).model_copy(update=member),
            "patient": person(claim.patient),
            "billing_provider": provider(claim.billing_provider),
            "rendering_provider": claim.rendering_provider and provider(claim.rendering_provider),
            "referring_provider": provider(claim.referring_provider),
            "supervising_provider": provider(claim.supervising_provider),
            "service_facility": claim.service_facility and provider(claim.service_facility),
            "service_lines": tuple(
                each.model_copy(
                    update={
                        "note": PLANTED,
                        "rendering_provider": each.rendering_provider and provider(each.rendering_provider),
                    }
                )
                for each in claim.service_lines
            ),
            "accident": {"state": PLANTED},
            "notes": (PLANTED,),
            "attachments": ({"control": PLANTED},),
        }
    )


def decided_as(claim: Claim, kept: Claim, before: list[Claim], facts: list[Authorization | Encounter]) -> list[bytes]:
    """The decisions about one event, with the claim itself and with what state keeps of it."""
    event = arrived(claim, "event")
    found = []
    for each in (claim, kept):
        desk = Desk()
        for fact in facts:
            desk.note(fact)
        for earlier in before:
            desk.decide(earlier)
        (made,) = desk.take(replace(event, claim=each))
        found.append(decision_bytes(made.decision))
    return found


@given(cases(), st.lists(claims, max_size=2), st.booleans())
@settings(deadline=None)
def test_a_claim_is_decided_by_its_body_as_by_itself(
    case: tuple[Claim, list[Authorization | Encounter]], before: list[Claim], codes_only: bool
) -> None:
    given_claim, facts = case
    claim = codes_only_claim(given_claim, "0" * 32) if codes_only else planted(given_claim)
    by_itself, by_body = decided_as(claim, claim_of(body_of(claim)), before, facts)

    assert by_itself == by_body


@given(claims)
def test_no_name_number_of_a_person_street_or_note_stands_in_a_body(claim: Claim) -> None:
    assert PLANTED.encode() not in body_of(planted(claim)).upper()


@given(claims)
def test_the_body_of_a_body_is_that_body(claim: Claim) -> None:
    body = body_of(planted(claim))

    assert body == body_of(claim_of(body))


def test_what_rules_of_the_catalogue_read_of_persons_and_providers_is_kept() -> None:
    claim = a_claim(
        subscriber={"birth_date": "1961-07-29", "address": {"state": "FL", "postal_code": "33101"}},
        billing_provider={"npi": "1234567893", "taxonomy": "207L00000X", "address": {"state": "FL"}},
        service_lines=[line("62323", drug={"ndc": "00409-1", "quantity": "2", "unit": "ML"}, control_number="L1")],
    )
    kept = claim_of(body_of(claim))

    assert claim.subscriber.birth_date == kept.subscriber.birth_date
    assert ("FL", "33101") == (kept.subscriber.address.state, kept.subscriber.address.postal_code)  # type: ignore[union-attr]
    assert {"npi": "1234567893", "taxonomy": "207L00000X", "address": {"state": "FL"}} == (
        kept.billing_provider.model_dump(exclude_none=True)
    )
    assert claim.service_lines == kept.service_lines


def test_a_body_is_as_short_as_what_is_said() -> None:
    assert {"claim_id", "claim_type", "total_charge"} <= json.loads(body_of(a_claim())).keys()
    assert b"null" not in body_of(a_claim())
