import hashlib
import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from streams.embedded_kafka import EmbeddedKafka
from streams.topics import Layout, Topics, apply_topics

LAYOUT = Layout(partitions=2, received_partitions=2, side_partitions=1)
_numbers = itertools.count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker("kafka")


@pytest.fixture(scope="session")
def kafka() -> Iterator[EmbeddedKafka]:
    """One broker for all tests; a test that stops or breaks a broker starts its own."""
    with EmbeddedKafka() as broker:
        yield broker


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """A topic prefix no other test of this session has."""
    name = f"{request.node.nodeid} {next(_numbers)}"
    return f"t{hashlib.sha256(name.encode()).hexdigest()[:8]}."


@pytest.fixture
def layout() -> Layout:
    """Few partitions; a test module that wants others overrides this fixture."""
    return LAYOUT


@pytest.fixture
async def topics(kafka: EmbeddedKafka, prefix: str, layout: Layout) -> AsyncIterator[Topics]:
    """The topics of the contract under a prefix of the test's own, deleted when it ends."""
    names = Topics(prefix)
    await apply_topics(kafka.bootstrap, names, layout)
    yield names
    await delete_topics(kafka.bootstrap, prefix)


async def delete_topics(bootstrap: str, prefix: str) -> None:
    """Delete every topic under a prefix: hundreds of tests would fill the broker's memory with partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([name for name in await admin.list_topics() if name.startswith(prefix)])
    finally:
        await admin.close()
