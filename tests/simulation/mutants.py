"""The engine broken on purpose: each of these must be caught, or the simulation proves nothing."""

import asyncio
from collections.abc import Mapping
from typing import Any

from streams.chunks import app as chunk_app
from streams.chunks.chunk import Chunk, Progress, State
from streams.chunks.consumer import ChunkConsumer, ChunkConsumerThread
from streams.chunks.lane import Lane
from streams.chunks.producer import ChunkProducer
from tests.simulation.virtual import Patch


class LaneThatAcksFirst(Lane):
    """The broken commit order."""

    async def _confirm_all(self, chunk: Chunk) -> None:
        chunk.ack()
        await super()._confirm_all(chunk)


async def drain_without_epoch(self: Any, fetcher: Any) -> None:
    if self._skipped:
        await self._read_again()
    wanted, some_full = self._wanted()
    if not wanted:
        await self._wait_moved(0.5)
        return
    fetched = await self._thread.fetch(wanted, 0.02 if some_full else 0.5)
    self._take_in(fetched)
    await asyncio.sleep(0)


def advance_past_everything(self: Progress) -> None:
    if self.pending:
        self.watermark = self.pending[-1].next_offset
    while self.pending and self.pending[0].state is State.DONE:
        self.pending_bytes -= self.pending.popleft().size_bytes
    self._changed()


def take_dropped(self: Chunk) -> bool:
    if self.state not in {State.QUEUED, State.DROPPED}:
        return False
    self.state = State.RUNNING
    return True


async def rewind_in_steps(self: Any, offsets: Any, epoch: int, _asked: int) -> tuple[int, dict[Any, int]]:
    consumer = self._ensure_consumer()
    if offsets is None:
        offsets = await self._committed(consumer)
    elif epoch != self.epoch:
        return self.epoch, {}
    self.epoch += 1
    for tp, offset in offsets.items():
        await asyncio.sleep(0.05)
        if tp in consumer.assignment():
            consumer.seek(tp, offset)
    return self.epoch, {tp: offset for tp, offset in offsets.items() if tp in consumer.assignment()}


def pass_over_what_is_in_hand(self: Progress, position: int) -> None:
    self.watermark = max(self.watermark, position)


async def send_unconfirmed(self: Any, producer: Any, topic: str, partition: int, batches: list[Any]) -> None:
    for batch in batches:
        await self._send(producer, topic, partition, batch)


async def never_renew(self: Any, used: Any) -> None:
    """Keep the producer that lost its sequence."""


MUTANTS: Mapping[str, list[Patch]] = {
    "commit order": [(chunk_app, "Lane", LaneThatAcksFirst)],
    "drop": [(Progress, "drop_queued", lambda _progress: None)],
    "epoch check": [(ChunkConsumer, "_drain_once", drain_without_epoch)],
    "watermark": [(Progress, "advance", advance_past_everything)],
    "take": [(Chunk, "take", take_dropped)],
    "rewind": [(ChunkConsumerThread, "_rewind", rewind_in_steps)],
    "settle": [(Progress, "running", property(lambda _progress: False))],
    "pass over": [(Progress, "pass_over", pass_over_what_is_in_hand)],
    "confirmation": [(ChunkProducer, "_send_in_order", send_unconfirmed)],
    "renewal": [(ChunkProducer, "_renew", never_renew)],
}
