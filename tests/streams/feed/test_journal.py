import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from streams.feeding import journal as journal_module
from streams.feeding.journal import FILE_NAME, JournalError, Progress, open_journal, state_folder

HALF, WHOLE = Progress(3, whole=False, source="a"), Progress(7, whole=True, source="")


def test_progress_outlives_the_process_that_made_it(tmp_path):
    with open_journal(tmp_path / "new", "cluster", "topic") as journal:
        assert journal.progress("f" * 64) is None
        journal.note("f" * 64, HALF)
    with open_journal(tmp_path / "new", "cluster", "topic") as journal:
        assert HALF == journal.progress("f" * 64)
        journal.note("f" * 64, WHOLE)
        assert WHOLE == journal.progress("f" * 64)


@pytest.mark.parametrize(("cluster", "topic"), [("other", "topic"), ("cluster", "other")])
def test_another_cluster_or_topic_was_fed_nothing(tmp_path, cluster, topic):
    with open_journal(tmp_path, "cluster", "topic") as journal:
        journal.note("f" * 64, WHOLE)
    with open_journal(tmp_path, cluster, topic) as journal:
        assert journal.progress("f" * 64) is None


def test_progress_in_records_of_another_cut_does_not_count(tmp_path, monkeypatch):
    with open_journal(tmp_path, "cluster", "topic") as journal:
        journal.note("f" * 64, HALF)
        monkeypatch.setattr(journal_module, "SCHEME", journal_module.SCHEME + 1)

        assert journal.progress("f" * 64) is None


def test_a_journal_that_cannot_be_used_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / FILE_NAME).write_bytes(b"no database, but long enough to be taken for one" * 30)

    for folder in (tmp_path / "file", tmp_path):
        with pytest.raises(JournalError, match="CLAIMSTREAM_STATE__DIR"), open_journal(folder, "cluster", "topic"):
            pass


def test_a_journal_another_feed_writes_can_be_read(tmp_path):
    with open_journal(tmp_path, "cluster", "topic") as journal, closing(sqlite3.connect(tmp_path / FILE_NAME)) as other:
        other.execute("BEGIN IMMEDIATE")

        assert journal.progress("f" * 64) is None


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {}, ".local/state/claimstream"),
        ("linux", {"XDG_STATE_HOME": "/state"}, "/state/claimstream"),
        ("darwin", {}, "Library/Application Support/claimstream"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/claimstream"),
        ("win32", {}, "AppData/Local/claimstream"),
    ],
)
def test_the_folder_is_that_of_the_platform(platform, environment, folder):
    assert Path.home() / folder == state_folder(environment, platform)
