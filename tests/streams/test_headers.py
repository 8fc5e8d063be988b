from datetime import date

import pytest

from streams import headers


def test_headers_are_read_as_text_whatever_their_bytes():
    given = [("a", b"1"), ("b", b"\xff"), ("c", None), ("a", b"2"), ("d", "é".encode())]

    assert headers.texts(given) == {"a": "2", "b": "\N{REPLACEMENT CHARACTER}", "c": "", "d": "é"}


def test_headers_are_written_in_utf_8():
    assert headers.written({"a": "1", "b": "é"}) == [("a", b"1"), ("b", "é".encode())]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-06-15", date(2026, 6, 15)),
        (" 2026-06-15 ", date(2026, 6, 15)),
        ("20260615", None),
        ("2026-W25-1", None),
        ("2026-02-30", None),
        ("2026-06-15T00:00:00Z", None),
        ("\uff12026-06-15", None),
        ("", None),
        (None, None),
    ],
)
def test_a_day_is_read_as_the_contract_writes_it(text, expected):
    assert headers.day(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1781481600000", date(2026, 6, 15)),
        ("1781481599999", date(2026, 6, 14)),
        ("0", date(1970, 1, 1)),
        ("99999999999999", date(5138, 11, 16)),
        ("999999999999999", None),
        ("-1", None),
        ("²", None),
        ("1.5", None),
        ("", None),
        (None, None),
    ],
)
def test_a_timestamp_is_read_as_its_day_in_utc(text, expected):
    assert headers.day_of_timestamp(text) == expected


def test_a_position_is_topic_partition_and_offset():
    assert headers.position("demo.claims.received", 3, 17) == "demo.claims.received:3:17"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1", 1), ("501", 501), ("0", 1), ("-3", 1), ("", 1), (None, 1), ("²", 1), ("1000000000", 1), ("soon", 1)],
)
def test_the_number_of_a_claim_is_read_or_is_one(text, expected):
    assert headers.ordinal(text) == expected
