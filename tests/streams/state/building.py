"""State entries for tests: an event a position, of one person unless said otherwise."""

from datetime import date, timedelta
from decimal import Decimal

from streams.state.entry import Entry, Issued, Moment, Purge, Redecidable
from tests.validators.building import DAY, a_claim, an_authorization, an_encounter, event_id
from validators.history import PastClaim, PastLine

PERSON, OTHER = "a" * 32, "b" * 32
TOKEN, OTHER_TOKEN = "1" * 32, "2" * 32
BODY = b"sealed"


def named(position: int) -> str:
    """The event that stands at a position."""
    return event_id(f"event-{position}")


def after(days: int) -> date:
    return DAY + timedelta(days=days)


def moment(position: int, arrived_on: date = DAY) -> Moment:
    return Moment(position, arrived_on)


def met(position: int, arrived_on: date = DAY) -> Entry:
    """Nothing but that the event was met."""
    return Entry(named(position), moment(position, arrived_on), DAY, PERSON)


def claimed(
    position: int,
    arrived_on: date = DAY,
    *,
    person: str = PERSON,
    claim_ref: str | None = None,
    frequency_code: str = "1",
    redecidable: bool = False,
) -> Entry:
    """A claim that counts in history."""
    claim = PastClaim(
        event_id=named(position),
        position=position,
        role="professional",
        source="default",
        billing_npi="1234567893",
        claim_ref=claim_ref or event_id(f"ref-{position}")[:32],
        original_ref=None,
        frequency_code=frequency_code,
        in_scope=True,
        lines=(PastLine("62323", frozenset({"LT"}), DAY, "1234567893", Decimal(1), None),),
    )
    issued = (Issued(position, event_id(f"decision-{position}"), "accepted"),)
    entry = Entry(named(position), moment(position, arrived_on), DAY, person, claim)
    return entry._replace(redecidable=Redecidable(BODY, issued)) if redecidable else entry


def authorized(position: int, arrived_on: date = DAY, *, person: str = "") -> Entry:
    """An authorization; its version is its position."""
    record = an_authorization(a_claim(), version=position)
    return Entry(named(position), moment(position, arrived_on), person=person, authorization=record)  # type: ignore[arg-type]


def treated(position: int, arrived_on: date = DAY, *, person: str = "") -> Entry:
    """An encounter; of its images there are as many as its position says."""
    record = an_encounter(a_claim(), image_views=position)
    return Entry(named(position), moment(position, arrived_on), person=person, encounter=record)  # type: ignore[arg-type]


def purged(position: int, arrived_on: date = DAY, entries: int = 0) -> Entry:
    return Entry(named(position), moment(position, arrived_on), purge=Purge(entries, event_id("gone")))


def met_again(entry: Entry, position: int, arrived_on: date = DAY) -> Entry:
    """The event of an entry that was forgotten, met anew behind it."""
    claim = entry.claim and entry.claim._replace(position=position)
    return entry._replace(moment=moment(position, arrived_on), claim=claim, earlier=entry)
