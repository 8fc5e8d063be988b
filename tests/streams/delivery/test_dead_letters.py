import hashlib
from typing import NamedTuple

import pytest

from streams.delivery.dead_letters import Provenance, dead_letter_headers, dead_letter_key, failed_on


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
        ("dlt-span", b"3:9"),
        ("dlt-sha256", hashlib.sha256(b"ISA*00*SECRET").hexdigest().encode()),
        ("dlt-exception-code", b"not-x12"),
        ("dlt-exception-message", b"the segment terminator cannot be told"),
        ("dlt-at", b"2000A/CLM/01 segment 17"),
        ("dlt-ruleset", b"2026.1"),
        ("dlt-worker", b"w-1"),
        ("dlt-attempt", b"1"),
        ("dlt-position", b"claims.received:3:1234"),
        ("dlt-of", b"record"),
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
    assert headers["dlt-exception-message"] == b"our own code failed with KeyError"  # it was never raised: no place
    assert not any(b"1EG4TE5MK73" in content for content in headers.values())


def test_a_source_that_is_not_listed_stays_behind() -> None:
    headers = dict(dead_letter_headers(FakeRecord(), WHY, frozenset()))

    assert "cs-source" not in headers


@pytest.mark.parametrize(
    ("name", "sent", "passed"),
    [
        ("cs-event-id", b"0f" * 32, b"0f" * 32),
        ("cs-event-id", b"0F" * 32, None),
        ("cs-event-id", b"SMITH", None),
        ("cs-first-claim", b"501", b"501"),
        ("cs-first-claim", b"1", None),  # which is what its absence says
        ("cs-first-claim", b"-1", None),
        ("cs-first-claim", b"SMITH", None),
        ("cs-bundle", b"0f" * 32, b"0f" * 32),
        ("cs-bundle", b"SMITH", None),
        ("cs-person", b"0f" * 16, b"0f" * 16),
        ("cs-person", b"", b""),
        ("cs-person", b"SMITH", None),
        ("cs-origin", b"demo.claims.received:3:17", b"demo.claims.received:3:17"),
        ("cs-origin", b"SMITH:3:17", None),
        ("cs-arrived-ms", b"1781481600000", b"1781481600000"),
        ("cs-arrived-ms", b"SMITH", None),
        ("cs-received-on", b"2026-06-20", b"2026-06-20"),
        ("cs-received-on", b"SMITH", None),
        ("content-type", b"Application/EDI-X12; charset=SMITH", b"application/edi-x12"),
        ("content-type", b"application/smith", None),
        (
            "content-type",
            b"application/vnd.claimstream.encounter+json",
            b"application/vnd.claimstream.encounter+json;v=1",
        ),
        (
            "content-type",
            b"application/vnd.claimstream.claim+json; v=7",
            b"application/vnd.claimstream.claim+json;v=7",
        ),
        ("content-type", b"application/vnd.claimstream.smith+json", b"application/vnd.claimstream.unknown+json"),
        ("cs-redrive-of", b"claims.received-dlt:0:1", None),
    ],
)
def test_headers_are_passed_on_in_their_form_and_with_nothing_else_in_them(name, sent, passed) -> None:
    headers = dict(dead_letter_headers(FakeRecord(headers=((name, sent),)), WHY, SOURCES))

    assert passed == headers.get(name)


def redriven(**changes: str) -> tuple[tuple[str, bytes], ...]:
    """The headers of a record that failed twice before, some of them changed."""
    said = {
        "dlt-original-topic": "claims.received",
        "dlt-original-partition": "1",
        "dlt-original-offset": "7",
        "dlt-original-timestamp": "1700000000000",
        "dlt-span": "10:20",
        "dlt-sha256": "ab" * 32,
        "dlt-attempt": "2",
    }
    return tuple((name, text.encode()) for name, text in (said | changes).items())


def test_a_redriven_record_keeps_what_was_said_of_it_first_and_has_one_attempt_more() -> None:
    headers = dict(dead_letter_headers(FakeRecord(headers=redriven()), WHY, SOURCES))

    assert redriven()[:-1] == tuple((name, headers[name]) for name, _ in redriven()[:-1])
    assert headers["dlt-attempt"] == b"3"
    assert headers["dlt-exception-code"] == b"not-x12"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("dlt-original-topic", "smith"),
        ("dlt-original-partition", "smith"),
        ("dlt-original-offset", ""),
        ("dlt-original-timestamp", "yesterday"),
        ("dlt-span", "10"),
        ("dlt-sha256", "smith"),
    ],
)
def test_what_only_looks_like_a_redriven_record_is_one_that_failed_for_the_first_time(name, text) -> None:
    headers = dict(dead_letter_headers(FakeRecord(headers=redriven(**{name: text})), WHY, SOURCES))

    assert (headers["dlt-original-offset"], headers["dlt-attempt"]) == (b"1234", b"1")
    assert headers[name] != text.encode()


@pytest.mark.parametrize(
    ("key", "source", "expected"),
    [
        (b"0f" * 16, b"clearinghouse-a", b"0f" * 16),
        (b"SMITH", b"clearinghouse-a", b"clearinghouse-a"),
        (b"SMITH", b"SMITH", b"default"),
        (None, b"", b"default"),
    ],
)
def test_the_key_of_a_dead_letter_is_a_token_or_a_listed_source(key, source, expected) -> None:
    assert expected == dead_letter_key(key, [("cs-source", source)], SOURCES)


def test_a_header_without_a_value_stays_behind() -> None:
    valueless = tuple((name, None) for name in ("cs-source", "cs-first-claim", "cs-event-id", "content-type"))

    passed_on = dict(dead_letter_headers(FakeRecord(headers=valueless), WHY, SOURCES))

    assert set() == passed_on.keys() & dict(valueless).keys()
