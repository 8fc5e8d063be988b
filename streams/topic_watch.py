"""The topics while a worker runs: another number of partitions ends it, a missing one is waited for and said."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from mode import Service

from streams.broker_settings import BrokerSettings
from streams.chunks import ChunkApp
from streams.setting_types import SettingsError
from streams.topics import Topics, TopicsError, check_topics

log = logging.getLogger(__name__)

EVERY_SECONDS = 30.0
EXIT_USAGE = 2


class TopicWatch(Service):
    """Compares the broker's topics with the layout now and then.

    With other counts a patient's claims and history would part, so the worker stops in good order and ends with exit
    code 2. Nothing is lost while a topic is missing: what goes to it waits, and the partitions it comes from stand
    still. An input topic that was deleted is read from its beginning once it is there again.
    """

    def __init__(self, app: ChunkApp, broker: BrokerSettings, every_seconds: float = EVERY_SECONDS) -> None:
        super().__init__()
        self.missing: tuple[str, ...] = ()
        self.on_answer: Callable[[], None] = lambda: None  # the broker took a new connection, or
        self.on_no_answer: Callable[[], None] = lambda: None  # it did not
        self._app = app
        self._broker = broker
        self._topics, self._layout = Topics(broker.prefix), broker.layout()
        self._counted = {self._topics.received, *self._topics.copartitioned}
        self._every_seconds = every_seconds
        self._due = asyncio.Event()

    def soon(self) -> None:
        """Look now."""
        self._due.set()

    @Service.task
    async def _watch(self) -> None:
        while not self.should_stop:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), self._every_seconds)
            self._due.clear()
            await self.look()

    async def look(self) -> None:
        """Compare once; a broker that does not answer, or refuses, is asked again the next time."""
        try:
            client = self._broker.client_options()  # its files may be missing for a moment while secrets change
            differences = await check_topics(self._broker.bootstrap, self._topics, self._layout, client=client)
        except (TopicsError, SettingsError) as error:
            log.warning("the topics could not be looked at: %s", error)
            self.on_no_answer()
            return
        self.on_answer()
        self.missing = tuple(difference.message for difference in differences if difference.kind == "missing")
        for message in self.missing:
            log.error("%s; nothing is lost, what needs it waits", message)
        for difference in differences:
            if difference.kind == "partitions" and difference.topic in self._counted:
                self._app.end(EXIT_USAGE, difference.message)
