import json
from collections import Counter

import pytest
from click.testing import CliRunner

from schemas.rejection import REJECTION_CODES
from streams.cli import cli
from streams.cli.redrive_text import FIXES, print_lines, print_report
from streams.delivery.redrive.letters import Choice, Letter, Route, Tally
from streams.topic_layout import Topics

ROUTE = Route.of("claims.received-dlt", Topics())


def letter(offset: int, **changes: str) -> Letter:
    texts = {
        "cs-source": "clinic",
        "dlt-original-topic": "claims.received",
        "dlt-original-partition": "1",
        "dlt-original-offset": "17",
        "dlt-exception-code": "missing-field",
        "dlt-at": "2300/HI segment 28",
        "dlt-attempt": "1",
    }
    return Letter(ROUTE.letters, 0, offset, 1_781_481_600_000 + offset, b"k", b"Quackenbush", texts | changes)


def tally(*letters: Letter) -> Tally:
    found = Tally(2)
    for each in letters:
        found.choose(each)
    return found


SOME = [
    letter(0),
    letter(1, **{"dlt-attempt": "3"}),
    letter(2),
    letter(3, **{"dlt-exception-code": "unprocessable", "dlt-at": "", "cs-source": "clearinghouse-a"}),
]


def test_each_code_has_its_fix_in_words() -> None:
    assert REJECTION_CODES == tuple(FIXES)


def test_a_dry_run_says_what_would_be_sent_what_mends_it_and_what_to_type(capsys) -> None:
    found = tally(*SOME)
    found.redriven, found.passed_over = 1_200, 1
    print_report(ROUTE, found, applied=False, finished=True, typed="claimstream redrive claims.received-dlt --rate 5.0")

    assert (
        capsys.readouterr().out
        == """\
claims.received-dlt → claims.received
4 dead letters to send · 1,200 sent before · 1 not asked for · dry run

  letters  code                     source              attempt  since
        3  missing-field            clinic              1-3      2026-06-15
        1  unprocessable            clearinghouse-a     1        2026-06-15

  missing-field  ask the sender for what is missing, at the places below
  unprocessable  a defect of ours: install the version that mends it, then send

  letter      record it came from           where in that
  0:0         claims.received:1:17          2300/HI segment 28
  0:1         claims.received:1:17          2300/HI segment 28
  0:3         claims.received:1:17          unprocessable

Send them: claimstream redrive claims.received-dlt --rate 5.0 --apply
"""
    )


def test_what_was_sent_is_said_with_what_comes_next(capsys) -> None:
    found = tally(letter(0))
    found.sent, found.foreign = 1, 2
    print_report(ROUTE, found, applied=True, finished=True, typed="claimstream redrive claims.received-dlt")
    out = capsys.readouterr().out

    assert "1 dead letter sent · 2 not of a worker\n" in out
    assert out.endswith("with one attempt more:\nclaimstream redrive claims.received-dlt\n")


def test_json_is_a_summary_then_groups_then_examples(capsys) -> None:
    print_lines(ROUTE, tally(*SOME), applied=False, finished=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert ["summary", "group", "group", "letter", "letter", "letter"] == [line.pop("kind") for line in lines]
    assert lines[0] == {
        "topic": "claims.received-dlt",
        "to": "claims.received",
        "applied": False,
        "finished": True,
        "records": 4,
        "chosen": 4,
        "sent": 0,
        "redriven_before": 0,
        "passed_over": 0,
        "foreign": 0,
        "too_large": 0,
    }
    assert lines[1] == {
        "code": "missing-field",
        "source": "clinic",
        "letters": 3,
        "from": "2026-06-15T00:00:00.000Z",
        "to": "2026-06-15T00:00:00.002Z",
        "attempts": {"1": 2, "3": 1},
    }
    assert lines[5] == {
        "position": "claims.received-dlt:0:3",
        "original": "claims.received:1:17",
        "at": "",
        "code": "unprocessable",
        "source": "clearinghouse-a",
        "attempt": 1,
    }


@pytest.mark.parametrize("applied", [False, True])
def test_what_is_too_large_is_counted_apart_with_its_fix_before_anything_is_sent(capsys, applied) -> None:
    found = tally(letter(0))
    found.leave(letter(7))
    found.sent = int(applied)
    print_report(ROUTE, found, applied=applied, finished=True, typed="claimstream redrive claims.received-dlt")
    shown = capsys.readouterr()
    print_lines(ROUTE, found, applied=applied, finished=True)
    summary, *_, last = map(json.loads, capsys.readouterr().out.splitlines())

    assert f"1 dead letter {'sent' if applied else 'to send'} · 1 too large to be sent" in shown.out
    assert (
        "claimstream: claims.received-dlt:0:7 is larger than claims.received takes and is left out; "
        "ask its sender for smaller records\n"
    ) == shown.err
    assert (2, 1, 1) == (summary["records"], summary["chosen"], summary["too_large"])
    assert ("too-large", "claims.received-dlt:0:7", "missing-field", "ask its sender for smaller records") == tuple(
        last[name] for name in ("kind", "position", "code", "fix")
    )


def test_where_all_are_too_large_there_is_nothing_to_type(capsys) -> None:
    found = tally()
    found.leave(letter(7))
    print_report(ROUTE, found, applied=False, finished=True, typed="claimstream redrive claims.received-dlt")

    assert capsys.readouterr().out.endswith("\nNothing else can be sent.\n")


@pytest.mark.parametrize("broken", ["dlt-original-topic", "dlt-original-offset", "dlt-exception-code"])
def test_what_lacks_our_headers_is_no_letter(broken) -> None:
    def record_of(texts: dict[str, str]) -> object:
        class Record:
            topic, partition, offset, timestamp, key, value = ROUTE.letters, 0, 1, 2, None, b""
            headers = tuple((name, text.encode()) for name, text in texts.items())

        return Record()

    whole = dict(letter(0).texts)

    assert isinstance(Letter.read(record_of(whole)), Letter)
    assert Letter.read(record_of(whole | {broken: "SMITH"})) is None


def test_a_choice_is_by_code_source_and_attempts() -> None:
    chosen = {
        name: [each.offset for each in SOME if choice.takes(each)]
        for name, choice in (
            ("all", Choice()),
            ("code", Choice(codes=("unprocessable", "empty"))),
            ("source", Choice(sources=("clinic",))),
            ("attempts", Choice(attempts_max=2)),
        )
    }

    assert {"all": [0, 1, 2, 3], "code": [3], "source": [0, 1, 2], "attempts": [0, 2, 3]} == chosen


def test_a_letter_is_sent_under_the_headers_of_its_event_and_nothing_of_the_fault() -> None:
    headers = dict(letter(5, **{"dlt-worker": "host:1", "cs-first-claim": "3", "x-odd": "1"}).redriven_headers())

    assert headers == {
        "cs-source": b"clinic",
        "cs-first-claim": b"3",
        "dlt-original-topic": b"claims.received",
        "dlt-original-partition": b"1",
        "dlt-original-offset": b"17",
        "dlt-attempt": b"1",
        "cs-redrive-of": b"claims.received-dlt:0:5",
    }


def test_usage_is_refused_before_a_broker_is_asked() -> None:
    for arguments, words in (
        (["nowhere-dlt"], "name claims.received-dlt or claims.patient-events-dlt"),
        (["claims.received"], "name claims.received-dlt or claims.patient-events-dlt"),
        (["claims.patient-events-dlt", "--source", "clinic"], "do not name a source"),
        (["claims.received-dlt", "--code", "SMITH"], "Invalid value for '--code'"),
        (["claims.received-dlt", "--to", "offset:7"], "is no instant"),
    ):
        ended = CliRunner().invoke(cli, ["redrive", *arguments])

        assert (2, "") == (ended.exit_code, ended.stdout)
        assert words in ended.stderr


def test_counts_account_for_every_record() -> None:
    found = tally(*SOME)
    found.redriven, found.passed_over, found.foreign = 5, 6, 7
    found.leave(letter(9))

    assert (23, Counter({"missing-field": 3, "unprocessable": 1})) == (
        found.records,
        Counter({code: group.letters for (code, _), group in found.groups.items()}),
    )
