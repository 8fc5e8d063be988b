import hashlib
from typing import NamedTuple

import pytest

from streams.delivery.dead_letters import Provenance, dead_letter_headers, failed_on


class FakeRecord(NamedTuple):
    value: bytes | None = b"ISA*00*SECRET"
    topic: str = "claims.received"
    partition: int = 3
    offset: int = 1234
    timestamp: int = 1_782_000_000_000
    headers: tuple[tuple[str, bytes], ...] = (
        ("content-type", b"application/edi-x12"),
        ("cs-source", b"clearinghouse-a"),
        ("cs-received-on", b"2026-06-20"),
        ("x-member", b"1EG4TE5MK73"),
        ("dlt-attempt", b"7"),
    )


SOURCES = frozenset({"clearinghouse-a"})
WHY = Provenance(
    code="not-x12",
    message="the segment terminator cannot be told",
    ruleset="2026.1",
    worker="w-1",
    at="2000A/CLM/01 segment 17",
    span=(3, 9),
    attempt=2,
)


def test_headers_say_where_a_record_came_from_and_why_it_is_here() -> None:
    assert [
        ("content-type", b"application/edi-x12"),
        ("cs-source", b"clearinghouse-a"),
        ("cs-received-on", b"2026-06-20"),
        ("dlt-original-topic", b"claims.received"),
        ("dlt-original-partition", b"3"),
        ("dlt-original-offset", b"1234"),
        ("dlt-original-timestamp", b"1782000000000"),
        ("dlt-exception-code", b"not-x12"),
        ("dlt-exception-message", b"the segment terminator cannot be told"),
        ("dlt-at", b"2000A/CLM/01 segment 17"),
        ("dlt-span", b"3:9"),
        ("dlt-sha256", hashlib.sha256(b"ISA*00*SECRET").hexdigest().encode()),
        ("dlt-ruleset", b"2026.1"),
        ("dlt-worker", b"w-1"),
        ("dlt-attempt", b"2"),
    ] == dead_letter_headers(FakeRecord(), WHY, SOURCES)


def test_without_a_span_the_whole_record_is_meant() -> None:
    why = Provenance(code="not-x12", message="", ruleset="", worker="")

    assert dict(dead_letter_headers(FakeRecord(), why, SOURCES))["dlt-span"] == b"0:13"


def test_a_tombstone_has_the_hash_of_nothing() -> None:
    headers = dict(dead_letter_headers(FakeRecord(value=None), Provenance("empty", "", "", ""), SOURCES))

    assert headers["dlt-span"] == b"0:0"
    assert hashlib.sha256(b"").hexdigest().encode() == headers["dlt-sha256"]


def test_what_our_own_code_raised_is_named_by_type_never_by_text() -> None:
    why = failed_on(KeyError("1EG4TE5MK73"), ruleset="2026.1", worker="w-1")
    headers = dict(dead_letter_headers(FakeRecord(), why, SOURCES))

    assert headers["dlt-exception-code"] == b"unprocessable"
    assert headers["dlt-exception-message"] == b"our own code failed with KeyError"
    assert not any(b"1EG4TE5MK73" in content for content in headers.values())


def test_a_source_that_is_not_listed_stays_behind() -> None:
    headers = dict(dead_letter_headers(FakeRecord(), WHY, frozenset()))

    assert "cs-source" not in headers


@pytest.mark.parametrize(("sent", "passed"), [(b"0f" * 32, True), (b"0F" * 32, False), (b"SMITH", False)])
def test_an_event_id_is_passed_on_and_nothing_else_in_its_place(sent, passed) -> None:
    headers = dict(dead_letter_headers(FakeRecord(headers=(("cs-event-id", sent),)), WHY, SOURCES))

    assert ("cs-event-id" in headers) == passed


@pytest.mark.parametrize(("sent", "passed"), [(b"501", True), (b"-1", False), (b"SMITH", False)])
def test_the_number_of_the_first_claim_of_a_part_is_passed_on(sent, passed) -> None:
    headers = dict(dead_letter_headers(FakeRecord(headers=(("cs-first-claim", sent),)), WHY, SOURCES))

    assert ("cs-first-claim" in headers) == passed


def test_a_header_without_a_value_stays_behind() -> None:
    valueless = tuple((name, None) for name in ("cs-source", "cs-first-claim", "cs-event-id", "content-type"))

    passed_on = dict(dead_letter_headers(FakeRecord(headers=valueless), WHY, SOURCES))

    assert set() == passed_on.keys() & dict(valueless).keys()
