"""Chunk delivery for Faust: one fetched run of records of one partition is one unit of work."""

from faust.types.tuples import TP

from streams.chunks.app import ChunkApp, ChunkTopic
from streams.chunks.chunk import Chunk, Progress, Record, State, Turn
from streams.chunks.consumer import Position
from streams.chunks.lane import DeadLetter, DeadLetterOf, Work, place_of
from streams.chunks.pins import PINNED_VERSIONS, PRIVATE_NAMES
from streams.chunks.producer import Outbox, RecordTooLarge, partition_of

__all__ = [
    "PINNED_VERSIONS",
    "PRIVATE_NAMES",
    "TP",
    "Chunk",
    "ChunkApp",
    "ChunkTopic",
    "DeadLetter",
    "DeadLetterOf",
    "Outbox",
    "Position",
    "Progress",
    "Record",
    "RecordTooLarge",
    "State",
    "Turn",
    "Work",
    "partition_of",
    "place_of",
]
