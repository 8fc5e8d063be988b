from dataclasses import replace

from schemas.codec import content_type
from streams.cli.trace_text import print_events
from streams.delivery.trace.run import Asked
from streams.delivery.trace.steps import Event
from tests.streams.delivery.test_trace import A, B, traced
from tests.streams.delivery.topic_records import (
    NAMES,
    Letters,
    Made,
    decision,
    event,
    logged,
    manifest,
    received,
    texts,
)


def shown(events: list[Event], capsys, claim_id: str = "C-1") -> str:
    print_events(events, Asked(NAMES, claim_id))
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    return text


def test_a_decided_claim_is_a_timeline(capsys):
    record = received(0)
    first = replace(
        decision(A, 0, "denied-risk", findings=[{"rule": "CODE-03"}, {"rule": "LVL-01"}], amount_at_risk="90.00"),
        timestamp=3000,
    )
    second = replace(decision(A, 0, revision=1, cause="late-authorization"), timestamp=4000)
    body = b'{"decision_id":"%b","superseded_by":"%b"}' % (event("one").encode(), event("two").encode())
    headers = texts(content_type=content_type("withdrawal"), cs_event_id=A)
    withdrawn = Made(NAMES.denied_risk, 0, 1, body, headers, 5000)
    text = shown(
        traced(manifest(record, [A]), logged(A, record, 3), first, replace(first, offset=9), second, withdrawn), capsys
    )

    assert text == (
        "claim C-1 · 1 event · broker times, UTC\n"
        "\n"
        f"event {A}\n"
        "  1970-01-01 00:00:01.000  received     by-hand.claims.received:0:0\n"
        "  1970-01-01 00:00:02.000  parsed       by-hand.claims.manifests:0:0\n"
        "                                        json of s · 1 item\n"
        "  1970-01-01 00:00:02.000  logged       by-hand.claims.patient-events:0:3\n"
        "  1970-01-01 00:00:03.000  decided      by-hand.claims.denied-risk:0:0\n"
        "                                        denied-risk: CODE-03, LVL-01\n"
        "                                        $90.00 at risk of $100.00\n"
        "                                        revision 0 · first-decision\n"
        "                                        rules 2026.11 (rules)\n"
        "                                        1 more with the same bytes\n"
        "  1970-01-01 00:00:04.000  decided      by-hand.claims.accepted:0:0\n"
        "                                        accepted\n"
        "                                        $0.00 at risk of $100.00\n"
        "                                        revision 1 · late-authorization\n"
        "                                        rules 2026.11 (rules)\n"
        "  1970-01-01 00:00:05.000  withdrawn    by-hand.claims.denied-risk:0:1\n"
        f"                                        decision {event('one')[:12]} made way for\n"
        f"                                        {event('two')[:12]}\n"
        "                           receipt      none yet\n"
    )


def test_a_dead_letter_is_told_with_code_place_and_words(capsys):
    letters = Letters()
    refused = letters.of(received(0), B, code="missing-field", value=b'"C-1"')
    whole = letters.of(received(1), value=b'"C-1"')
    text = shown(traced(refused, whole), capsys)

    assert "claim C-1 · 2 events" in text
    assert f"event {B}\n" in text
    assert "a record that could not be read as a whole\n" in text
    assert "  dead letter  by-hand.claims.received-dlt:0:1\n" in text
    assert "missing-field at /somewhere\n" in text
    assert "it is missing-field\n" in text


def test_a_claim_without_decision_says_where_to_look(capsys):
    text = " ".join(shown(traced(logged(A, received(0), 0)), capsys).split())

    assert "decided not yet; claimstream audit conserve says whether it is lost or in progress" in text


def test_a_claim_that_was_redriven_after_its_dead_letter_is_not_decided_yet(capsys):
    log, letters = logged(A, received(0), 3), Letters()
    letter, again = letters.of(log, A, value=b'"C-1"'), logged(A, received(0), 7)
    failed = [replace(log, timestamp=1000), replace(letter, timestamp=1100)]

    assert "decided not yet" not in " ".join(shown(traced(*failed), capsys).split())
    text = " ".join(shown(traced(failed[0], replace(again, timestamp=1200), failed[1]), capsys).split())
    assert "decided not yet" in text


def test_no_event_is_a_sentence_that_steers_no_terminal(capsys):
    text = shown([], capsys, "C-\x1b[31m9")

    assert "no event with this claim number was found in by-hand.claims.patient-events" in text
    assert "\x1b" not in text


def test_a_time_nobody_wrote_down_is_said_to_be_unknown(capsys):
    letter = Letters().of(received(0), A, value=b'"C-1"')
    headers = [each for each in letter.headers if each[0] != "dlt-original-timestamp"]

    assert "  time unknown             received     " in shown(traced(replace(letter, headers=headers)), capsys)
