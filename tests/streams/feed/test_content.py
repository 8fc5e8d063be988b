import hashlib
import os
import threading

import pytest

from streams.feeding import content as content_module
from streams.feeding.content import Sendable, fingerprint, open_content, sendables
from streams.intake.files import InputFile, UnreadableFileError
from streams.intake.x12 import read_x12
from tests.streams.intake.x12.building import (
    BILLING,
    CLAIM,
    HEADER,
    LINE,
    SUBSCRIBER,
    group,
    interchange,
    one,
    record,
    transaction,
)

LINES = b'{"claim_id": "a"}\r\n\n{"claim_id": "bc"}\n'


def whole(content: bytes) -> list[Sendable]:
    return list(sendables(content))


def test_lines_are_records_and_a_document_is_one():
    first, second = (
        Sendable(line, len(line), at, "application/json") for line, at in ((LINES[:17], 0), (LINES[20:38], 20))
    )

    assert [first, second] == whole(LINES)
    assert [Sendable(b"[1]", 3, 0)] == whole(b"[1]")
    assert [Sendable(b"", 0, 0)] == whole(b"")


def test_lines_of_a_large_file_are_the_same_records(monkeypatch):
    small = whole(LINES * 20)
    monkeypatch.setattr(content_module, "MAX_RECORD_BYTES", 60)

    assert small == whole(LINES * 20)


def test_what_no_topic_takes_has_no_value(monkeypatch):
    monkeypatch.setattr(content_module, "MAX_RECORD_BYTES", 30)
    monkeypatch.setattr(content_module, "SENDABLE_BYTES", 40)
    large = b'{"claim_id": "' + b"x" * 40 + b'"}\n'

    assert [Sendable(None, 50, 0)] == whole(b"[" + b" " * 49)
    assert [Sendable(b"[" + b" " * 39, 40, 0)] == whole(b"[" + b" " * 39)
    assert [None] == [each.value for each in whole(LINES + large + LINES)][2:3]


def test_a_mapped_file_is_split_as_its_bytes_are(tmp_path):
    data = record(interchange(group(transaction(HEADER, BILLING, SUBSCRIBER, *[CLAIM + LINE] * 15_000))))
    (tmp_path / "a").write_bytes(data)
    with open_content(InputFile("a", tmp_path / "a")) as content:
        found = whole(content)

    assert len(found) > 1
    assert found == whole(data)
    assert [each.identity for each in read_x12(data)] == [
        each.identity for part in found for each in read_x12(part.value, part.first_claim)
    ]
    assert 15_000 == sum(each.claims for each in found)


def test_x12_says_what_it_is_and_how_many_claims():
    data = one(CLAIM + LINE, CLAIM + LINE)

    assert [Sendable(data, len(data), 0, "application/edi-x12", 1, 2)] == whole(data)


async def test_the_fingerprint_is_the_sha_256_of_all_of_it():
    content = bytes(3 << 20)

    assert hashlib.sha256(content).hexdigest() == await fingerprint(content)


def test_a_pipe_is_read_to_its_end(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(LINES,))
    writer.start()
    with open_content(InputFile("pipe", tmp_path / "pipe")) as content:
        assert LINES == content[:]
    writer.join()


def test_a_file_that_is_gone_is_named(tmp_path):
    with (
        pytest.raises(UnreadableFileError, match="gone cannot be read"),
        open_content(InputFile("gone", tmp_path / "x")),
    ):
        pass


def test_trouble_of_who_reads_is_not_taken_for_the_file(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(BrokenPipeError), open_content(InputFile("a", tmp_path / "a")):
        raise BrokenPipeError
