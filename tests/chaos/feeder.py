"""The feeder: claims at a pace, straight to the broker, each acknowledged in the end, be the broker away or not."""

import asyncio
import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError

from streams import clock
from streams.demo.feeding import headers_of
from streams.demo.generator import FeedRecord

IN_FLIGHT = 500
WAIT_SECONDS = 0.05


def producer(bootstrap: str, **options: object) -> AIOKafkaProducer:
    """A producer that neither loses nor repeats."""
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=True,
        linger_ms=5,
        max_request_size=16 << 20,
        **options,
    )


class Feeder:
    """Feeds `records` in the background, `rate` claims a second, over all partitions in turn.

    `acknowledged` counts the SHA-256 of each value the broker has said it holds. Nothing is fed while it is `paused`,
    nor while it is `held`, unless `claims` is below `goal`.
    """

    def __init__(self, bootstrap: str, topic: str, partitions: int, records: Iterable[FeedRecord], rate: float) -> None:
        self._bootstrap = bootstrap
        self.topic = topic
        self._partitions = partitions
        self._records: Iterator[FeedRecord] = iter(records)
        self._also: deque[FeedRecord] = deque()
        self.rate = rate
        self.key_of: Callable[[FeedRecord], bytes] = lambda record: record.source.encode()
        self.claims = self.goal = 0
        self.paused = self.held = False
        self.acknowledged: Counter[str] = Counter()
        self._open = asyncio.Semaphore(IN_FLIGHT)
        self._unanswered: set[asyncio.Future[object]] = set()
        self._parked = self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self._producer: AIOKafkaProducer | None = None

    async def __aenter__(self) -> Self:
        self._producer = producer(self._bootstrap)
        await self._producer.start()
        self._task = asyncio.ensure_future(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])
        assert self._producer is not None
        # One whose broker is gone would wait for ever.
        await asyncio.wait([asyncio.ensure_future(self._producer.stop())], timeout=5)

    async def pause(self) -> None:
        """Feed nothing for a while; return when everything is acknowledged."""
        self.paused = True
        while self._unanswered or not self._parked:  # noqa: ASYNC110 - two things at once
            await asyncio.sleep(WAIT_SECONDS)

    def resume(self) -> None:
        """End `pause`."""
        self.paused = False

    def also(self, records: Iterable[FeedRecord]) -> None:
        """Feed these next."""
        self._also.extend(records)

    async def stop(self) -> None:
        """Feed no more; return when everything is acknowledged. Raises what ended the feeding."""
        self._stopping = True
        assert self._task is not None
        await self._task
        if self._unanswered:
            await asyncio.wait(self._unanswered)

    @property
    def _waits(self) -> bool:
        return not self._stopping and (self.paused or (self.held and self.claims >= self.goal))

    async def _run(self) -> None:
        began, claims = clock.monotonic(), 0
        for number, record in enumerate(self._all()):
            while self._waits:
                self._parked = True
                await asyncio.sleep(WAIT_SECONDS)
            self._parked = False
            if self._stopping:
                return
            await self._open.acquire()
            await self._send(record, number % self._partitions)
            claims += record.items
            self.claims += record.items
            ahead = claims / self.rate - (clock.monotonic() - began)
            if ahead < -1:  # it waited, or the broker was away: go on at the pace, catch nothing up
                began, claims = clock.monotonic(), 0
            await asyncio.sleep(max(0.0, ahead))
        raise AssertionError("the feed came to its end before the scenario did")

    def _all(self) -> Iterator[FeedRecord]:
        for record in self._records:
            while self._also:
                yield self._also.popleft()
            yield record

    async def _send(self, record: FeedRecord, partition: int) -> None:
        assert self._producer is not None
        while True:
            try:
                answer = await self._producer.send(
                    self.topic,
                    record.value,
                    key=self.key_of(record),
                    partition=partition,
                    headers=headers_of(record),
                )
            except KafkaTimeoutError:
                continue  # no room behind what waits: nothing of this one was sent
            break
        sha256 = hashlib.sha256(record.value).hexdigest()
        self._unanswered.add(answer)
        answer.add_done_callback(lambda done: self._answered(done, sha256))

    def _answered(self, answer: "asyncio.Future[object]", sha256: str) -> None:
        self._unanswered.discard(answer)
        self._open.release()
        if not answer.cancelled() and not isinstance(answer.exception(), KafkaError):
            self.acknowledged[sha256] += 1
