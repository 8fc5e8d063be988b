"""Chunk delivery for Faust: one fetched run of records of one partition is one unit of work."""

from faust.types.tuples import TP

from streams.chunks.app import ChunkApp, ChunkTopic
from streams.chunks.chunk import Account, Chunk, Position, Progress, Record, State, Turn
from streams.chunks.consumer import EXIT_STOPPED_HARD
from streams.chunks.lane import DeadLetter, DeadLetterOf, UnaccountedError, Work
from streams.chunks.pins import PINNED_VERSIONS, PRIVATE_NAMES
from streams.chunks.producer import Outbox, partition_of
from streams.chunks.trouble import RecordTooLarge, place_of

__all__ = [
    "EXIT_STOPPED_HARD",
    "PINNED_VERSIONS",
    "PRIVATE_NAMES",
    "TP",
    "Account",
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
    "UnaccountedError",
    "Work",
    "partition_of",
    "place_of",
]
