import logging
import os

from streams.chunks import ChunkApp, DeadLetter


def test_a_worker_that_does_not_stop_says_so_before_it_ends(monkeypatch, caplog):
    app = ChunkApp("app", dead_letter=lambda record, _exc: DeadLetter("dead", record.key, record.value, []))
    ended = []
    monkeypatch.setattr(os, "_exit", lambda code: ended.append((code, caplog.messages)))
    with caplog.at_level(logging.ERROR, "streams.chunks.app"):
        app._end_hard()

    assert ended == [(70, ["the worker did not stop within 25 s and ends; what is not committed is repeated"])]
