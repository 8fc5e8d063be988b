"""Membership of the group as aiokafka keeps it, over the model broker.

Mirrors `aiokafka.consumer.group_coordinator.GroupCoordinator`: `_coordination_routine`, `_on_join_prepare`,
`ensure_active_group`, `_heartbeat_routine`, `commit_offsets` and `close`; joining and syncing are one request.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from faust.types.tuples import TP

from tests.simulation.broker import BACKOFF_SECONDS, Broker
from tests.simulation.network import Connection

HEARTBEAT_SECONDS = 1.0


class ModelCoordinator:
    """One member of the group; eager rebalances."""

    def __init__(self, broker: Broker, connection: Connection, subscriptions: SubscriptionState) -> None:
        self._broker, self._connection, self._subscriptions = broker, connection, subscriptions
        self._loop = connection.loop
        self.generation, self.member, self._joins = -1, "", 0
        self._rejoin = self._loop.create_future()
        self._closing = self._loop.create_future()
        self._prepared = False
        self._heartbeats: asyncio.Task[None] | None = None
        self._commit_lock = asyncio.Lock()
        self._coordination_task = self._loop.create_task(self._coordinate())

    async def _send(self, name: str, effect: Callable[[Callable[[Any], None]], None]) -> Any:
        return await self._broker.request(self._connection, name, effect)

    async def _coordinate(self) -> None:
        assignment: Any = None
        while not self._closing.done():
            subscription = self._subscriptions.subscription
            if subscription is None:
                await asyncio.wait(
                    [self._subscriptions.wait_for_subscription(), self._closing], return_when=asyncio.FIRST_COMPLETED
                )
                continue
            if subscription.assignment is None or self._rejoin.done():
                if not self._prepared:
                    await self._call(self._revoke, assignment)
                    self._prepared = True
                await self._stop_heartbeats()
                if not await self._join():
                    continue
                self._prepared = False
                self._heartbeats = self._loop.create_task(self._beat())
            assignment = subscription.assignment
            await asyncio.wait([self._closing, self._rejoin], return_when=asyncio.FIRST_COMPLETED)

    async def _call(self, listener: Callable[..., Any], argument: Any) -> None:
        try:
            await listener(argument)
        except Exception as exc:  # noqa: BLE001 - as aiokafka does, which logs it
            self._broker.world.note(f"{self.member}: a rebalance callback failed: {exc!r}")

    async def _revoke(self, assignment: Any) -> None:
        self._subscriptions.begin_reassignment()
        await self._subscriptions.listener.on_partitions_revoked(set(assignment.tps) if assignment else set())

    async def _join(self) -> bool:
        is_new = not self.member
        if is_new:
            self._joins += 1
            self.member = f"{self._connection.process.name}-{self._joins}"
        member = self.member
        try:
            joined = await self._send(
                "join", lambda answer: self._broker.join(member, self._connection.process, answer, is_new=is_new)
            )
        except UnknownMemberIdError:
            self._reset()
            return False
        except KafkaError:
            await asyncio.sleep(BACKOFF_SECONDS)
            return False
        self._rejoin = self._loop.create_future()
        self.generation, partitions = joined
        self._subscriptions.assign_from_subscribed(set(partitions))
        await self._call(self._subscriptions.listener.on_partitions_assigned, set(partitions))
        return True

    async def _beat(self) -> None:
        with suppress(asyncio.CancelledError):
            while self.member:
                await asyncio.sleep(HEARTBEAT_SECONDS)
                member, generation = self.member, self.generation
                try:
                    error = await self._send(
                        "heartbeat",
                        lambda answer: self._broker.heartbeat(member, generation, answer),  # noqa: B023 - awaited
                    )
                except RebalanceInProgressError:
                    self.request_rejoin()
                except (UnknownMemberIdError, IllegalGenerationError):
                    self._reset()
                except KafkaError:
                    continue
                else:
                    assert error is None

    async def _stop_heartbeats(self) -> None:
        if self._heartbeats is not None:
            self._heartbeats.cancel()
            await asyncio.wait([self._heartbeats])
            self._heartbeats = None

    def request_rejoin(self) -> None:
        if not self._rejoin.done():
            self._rejoin.set_result(None)

    def _reset(self) -> None:
        self.generation, self.member = -1, ""
        self.request_rejoin()

    def check_errors(self) -> None:
        """The model pushes none to its user."""

    async def commit_offsets(self, offsets: Mapping[TP, int]) -> None:
        while True:
            try:
                async with self._commit_lock:
                    await asyncio.shield(self._commit(offsets))
            except (UnknownMemberIdError, IllegalGenerationError, RebalanceInProgressError) as exc:
                raise CommitFailedError("Commit cannot be completed since the group has already rebalanced") from exc
            except KafkaError:
                await asyncio.sleep(BACKOFF_SECONDS)
            else:
                return

    async def _commit(self, offsets: Mapping[TP, int]) -> None:
        member, generation = self.member, self.generation
        try:
            await self._send("commit", lambda answer: self._broker.commit(member, generation, offsets, answer))
        except (UnknownMemberIdError, IllegalGenerationError):
            self._reset()
            raise

    async def close(self) -> None:
        if self._closing.done():
            return
        self._closing.set_result(None)
        await asyncio.wait([self._coordination_task])
        await self._stop_heartbeats()
        if self.generation > 0:
            member = self.member
            with suppress(KafkaError):
                await self._send("leave", lambda answer: self._broker.leave(member, answer))
