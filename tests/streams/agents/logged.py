"""Records of the patient log as intake writes them, and what validate makes of them."""

import json
from datetime import date

from schemas.authorization import Authorization
from schemas.codec import content_type
from schemas.encounter import Encounter
from streams.agents.validate import Validate
from streams.intake.arrival import Circumstances, arrive, arrive_fact
from streams.intake.items import ReadFact, Span
from streams.state import changelog
from streams.state.entry import Entry
from streams.tokens import Tokens
from streams.topic_layout import Topics
from tests.streams.agents.fakes import FakeChunk, FakeOutbox, FakeProgress, FakeRecord, Output
from tests.streams.intake.building import LINE, accepted, claim
from tests.validators.building import event_id, seal
from validators.loading import load_ruleset

RULESET = load_ruleset()
TOPICS = Topics("demo.")
TOKENS = Tokens(b"key", RULESET.payers)
ADD_ON_ALONE = claim(service_lines=[LINE | {"procedure_code": "64484"}])


def logged(tree, offset: int = 17, **changes) -> FakeRecord:
    """A record of the patient log as intake writes it."""
    arrived = arrive(accepted(tree), Circumstances("a"), TOKENS)
    return FakeRecord(
        arrived.claim.model_dump_json(exclude_defaults=True).encode(),
        (
            ("content-type", content_type("claim").encode()),
            ("cs-event-id", arrived.event_id.encode()),
            ("cs-person", arrived.person.encode()),
            ("cs-arrived-ms", b"1781481600000"),
        ),
        key=arrived.patient_token.encode(),
        topic=TOPICS.patient_events,
        offset=offset,
        **changes,
    )


MEMBER = {"payer_id": "MEDICARE", "member_id": "1EG4TE5MK73"}
WHO = {"first_name": "Ebenezer", "birth_date": "1961-03-04"}
AUTHORIZATION = {**MEMBER, "authorization_number": "AX-1", "status": "approved", "services": [{"procedure_code": "J1"}]}
ENCOUNTER = {**MEMBER, "service_date": "2026-06-15", "guidance": "none"}


def read_fact(tree: dict[str, object]) -> ReadFact:
    """An authorization or encounter as reading gives it."""
    model = Authorization if "authorization_number" in tree else Encounter
    return ReadFact(model.model_validate_json(json.dumps(tree)), (json.dumps(tree).encode(),), Span(0, 1))


def logged_fact(tree: dict[str, object], offset: int = 17) -> FakeRecord:
    """A fact in the patient log as intake writes it."""
    arrived = arrive_fact(read_fact(tree), Circumstances("a"), TOKENS)
    kind = "authorization" if isinstance(arrived.fact, Authorization) else "encounter"
    return FakeRecord(
        arrived.fact.model_dump_json(exclude_defaults=True).encode(),
        (
            ("content-type", content_type(kind).encode()),
            ("cs-event-id", arrived.event_id.encode()),
            ("cs-person", arrived.person.encode()),
            ("cs-arrived-ms", b"1781481600000"),
        ),
        key=arrived.patient_token.encode(),
        topic=TOPICS.patient_events,
        offset=offset,
    )


def logged_purge(token: str, offset: int = 17) -> FakeRecord:
    """A request to forget a member in the patient log."""
    return FakeRecord(
        b'{"requested_at": "2026-06-15T00:00:00Z"}',
        (
            ("content-type", content_type("purge").encode()),
            ("cs-event-id", event_id("purge").encode()),
            ("cs-arrived-ms", b"1781481600000"),
        ),
        key=token.encode(),
        topic=TOPICS.patient_events,
        offset=offset,
    )


DAY = date(2026, 6, 15)
"""On which every record of these tests arrived."""


def entry_of(output: Output) -> tuple[str, Entry]:
    """The patient token and entry of a changelog record."""
    key = changelog.parse_key(output.key)
    assert key is not None
    assert output.value is not None
    return key.token.hex(), changelog.decode(key.event, output.value, seal())


async def outputs(validate: Validate, *records: FakeRecord, committed: int = 0) -> FakeOutbox:
    out = FakeOutbox()
    await validate.work(FakeChunk(list(records), progress=FakeProgress(committed)), out)
    return out
