import io
import os
import sys
from datetime import date
from pathlib import Path

import pytest

from streams.intake import files
from streams.intake.files import FileRecord, InputFile, UnreadableFileError, describe, expand, records
from tests.streams.intake.building import SMALLEST, encoded

CLAIM = encoded(SMALLEST)
PRETTY = b'{\n  "claim_id": "A",\n  "diagnoses": [\n    {"code": "M5416"}\n  ]\n}\n'


def names(*given: str | Path) -> list[str]:
    return [file.name for file in expand(map(str, given))]


def lines(content: bytes) -> list[int | None]:
    return [record.line for record in records(content)]


def test_a_file_keeps_the_name_it_was_given(tmp_path, monkeypatch):
    (tmp_path / "a.json").write_bytes(CLAIM)
    monkeypatch.chdir(tmp_path)

    assert names("./a.json", "a.json", str(tmp_path / "a.json")) == ["./a.json", "a.json", str(tmp_path / "a.json")]


def test_a_folder_is_every_regular_file_under_it_sorted_by_path(tmp_path):
    for name in ("b.txt", "a/z", "a/y.json", "a-b/x", ".hidden"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(CLAIM)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "link").symlink_to(tmp_path / "b.txt")

    expected = [".hidden", "a/y.json", "a/z", "a-b/x", "b.txt", "link"]
    assert names(tmp_path) == [str(tmp_path / name) for name in expected]


def test_an_empty_folder_has_no_files(tmp_path):
    assert names(tmp_path) == []


def test_a_folder_that_cannot_be_looked_into_is_an_error(tmp_path, monkeypatch):
    def refusing(folder, onerror):
        onerror(PermissionError(13, "Permission denied", str(folder)))
        return iter(())

    monkeypatch.setattr(files.os, "walk", refusing)

    with pytest.raises(UnreadableFileError, match="Permission denied"):
        expand([str(tmp_path)])


def test_a_glob_is_what_it_matches_sorted(tmp_path):
    for name in ("2.json", "1.json", "deep/3.json", "4.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(CLAIM)

    assert names(tmp_path / "*.json") == [str(tmp_path / "1.json"), str(tmp_path / "2.json")]
    assert len(names(tmp_path / "**" / "*.json")) == 3
    assert names(tmp_path / "d*") == [str(tmp_path / "deep/3.json")]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tmp_path):
    (tmp_path / "a[1].json").write_bytes(CLAIM)

    assert names(tmp_path / "a[1].json") == [str(tmp_path / "a[1].json")]


@pytest.mark.parametrize("name", ["nowhere.json", "no*.json", "x" * 5000])
def test_a_name_nothing_answers_to_is_an_error_that_names_it(tmp_path, name):
    with pytest.raises(UnreadableFileError, match=r"there is no such file|cannot be read") as raised:
        expand([str(tmp_path / name)])

    assert name.replace("*", "") in str(raised.value).replace("*", "")


def test_a_file_name_that_is_not_utf_8_is_shown_as_far_as_it_is(tmp_path):
    name = os.fsdecode(os.fsencode(tmp_path) + b"/a\xff.json")
    Path(name).write_bytes(CLAIM)
    (file,) = expand([name])

    assert file.name.endswith("a\N{REPLACEMENT CHARACTER}.json")
    assert file.read() == CLAIM


def test_standard_input_is_a_dash(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CLAIM)))
    (file,) = expand(["-"])

    assert (file.name, file.read(), file.written_on()) == ("-", CLAIM, None)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(UnreadableFileError, match="cannot be read"):
        InputFile("folder", tmp_path).read()
    with pytest.raises(UnreadableFileError, match="gone cannot be read"):
        InputFile("gone", tmp_path / "gone").read()


def test_a_file_was_written_on_its_day_in_utc(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(CLAIM)
    os.utime(path, (1781481600, 1781481600))

    assert InputFile("a", path).written_on() == date(2026, 6, 15)
    assert InputFile("gone", tmp_path / "gone").written_on() is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        CLAIM,
        CLAIM + b"\n",
        PRETTY,
        PRETTY[:-3],
        b"[\n" + CLAIM + b",\n" + CLAIM + b"\n]",
        b"[\n" + CLAIM + b"\n]",
        b"ISA*00*\nCLM*1~\n",
        b"a,b\nc,d\n",
        b'{"a":\n{"b": 1}\n',
        b"\xff\xfe{\x00\n\x00{\x00",
    ],
)
def test_any_other_file_is_one_record(content):
    assert list(records(content)) == [FileRecord(content)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (CLAIM + b"\n" + CLAIM, [1, 2]),
        (CLAIM + b"\r\n\r\n  \r\n" + CLAIM + b"\r\n", [1, 4]),
        (CLAIM + b"\nnot json\n[1]\n" + CLAIM[:20] + b"\n", [1, 2, 3, 4]),
        (CLAIM[:20] + b"\n" + CLAIM + b"\n" + CLAIM, [1, 2, 3]),
        (b"not json\n" + CLAIM + b"\n" + CLAIM, [1, 2, 3]),
        (b"\xef\xbb\xbf" + CLAIM + b"\n" + CLAIM, [1, 2]),
        (b"\n" + CLAIM + b"\n" + CLAIM, [2, 3]),
        (b"{}\n{}\n", [1, 2]),
        (b'{"a": NaN}\n' + CLAIM, [1, 2]),
    ],
)
def test_the_lines_of_a_file_of_json_lines_are_its_records(content, expected):
    assert lines(content) == expected


def test_a_record_of_a_line_knows_its_place_and_its_kind():
    first, second = records(CLAIM + b"\r\n" + b"broken\n")

    assert (first.content, first.offset) == (CLAIM, 0)
    assert (second.content, second.offset) == (b"broken", len(CLAIM) + 2)
    assert second.content_type == "application/json"
    assert FileRecord(b"").content_type is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"ISA*00*GS*HC*X*005010X222A1~ST*837*1*005010X222A1~", "837P 005010X222A1"),
        (b"ISA*00*GS*HC*X*005010X222~", "837P 005010X222"),
        (b"ISA*00*GS*HC*X*005010X223A2~", "X12 005010X223A2"),
        (b"ISA*00*", "X12"),
        (CLAIM, "JSON"),
        (CLAIM + b"\n" + CLAIM, "JSON lines"),
        (b"a,b,c", "unknown format"),
    ],
)
def test_a_file_is_described_in_a_few_words(content, words):
    assert describe(content) == words
