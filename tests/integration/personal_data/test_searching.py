import base64
import json
import logging
import re
import urllib.parse

import pytest
from prometheus_client import CollectorRegistry, Counter, generate_latest

from streams.logs import PlainFormatter
from tests.integration.personal_data.searching import Permission, Places, Searcher, refused

NAME, MEMBER = "Wilhelmina Müßig", "1QX7ZK3MW88"
SEARCHER = Searcher({"name": NAME, "member id": MEMBER})


def hits_in(place: str, text: bytes | str) -> set[tuple[str, str]]:
    places = Places()
    places.add(place, text)
    return places.hits(SEARCHER)


def test_a_name_that_is_logged_is_found():
    line = PlainFormatter().format(logging.LogRecord("streams", logging.INFO, "", 0, "read %s", (NAME,), None))

    assert {("log", "name")} == hits_in("log", line)


def test_a_member_id_in_a_header_is_found():
    assert {("header", "member id")} == hits_in("header", b"dlt-at=/members/" + MEMBER.encode())


def test_a_name_that_is_a_label_of_a_metric_is_found():
    registry = CollectorRegistry()
    Counter("claims", "Claims", ["source"], registry=registry).labels(NAME).inc()

    assert {("metrics", "name")} == hits_in("metrics", generate_latest(registry))


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
@pytest.mark.parametrize("after", ["", "d", "de", "def"])
def test_a_value_in_base64_is_found_wherever_it_begins(before, after):
    text = base64.b64encode(f"{before}{MEMBER}{after}".encode())

    assert {("value", "member id")} == hits_in("value", b"prefix" + text + b"suffix")


@pytest.mark.parametrize(
    "text",
    [
        NAME.upper(),
        NAME.lower().encode("latin-1"),
        NAME.encode("utf-16-le"),
        json.dumps({"name": NAME}),
        repr(NAME.encode()),
        ascii(NAME),
        urllib.parse.quote(NAME),
        urllib.parse.quote_plus(NAME),
        NAME.encode().hex(),
        NAME.encode().hex(" ").upper(),
        b"\xff\xfe" + NAME.encode() + b"\xff",
    ],
)
def test_a_name_is_found_however_it_is_written(text):
    assert {("log", "name")} == hits_in("log", text)


def test_what_is_not_there_is_not_found():
    assert set() == hits_in("log", b"Wilhelm Mussig 1QX7ZK3MW8 " + bytes(range(256)))


def test_a_permission_covers_only_its_place_and_value():
    permission = Permission(re.compile("value of .*"), re.compile("claim id"), "the contract has it")
    hits = [("value of accepted", "claim id"), ("key of accepted", "claim id"), ("value of accepted", "name")]

    assert [("key of accepted", "claim id"), ("value of accepted", "name")] == refused(hits, [permission])
