"""Contract with Faust, mode and aiokafka: when this fails after an upgrade, read streams/chunks before changing it."""

import ast
import importlib
import inspect
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from streams.chunks import PINNED_VERSIONS, PRIVATE_NAMES, ChunkApp, DeadLetter, Record
from streams.chunks.app import ChunkTopic, ChunkTransport
from streams.chunks.consumer import ChunkConsumer, ChunkConsumerThread
from streams.chunks.pins import CLASS_NAMES, INSTANCE_NAMES, STARTED_NAMES
from streams.chunks.producer import BATCH_BYTES, ChunkProducer

ENGINE = sorted(Path(__file__).parents[3].glob("streams/chunks/*.py"))
LISTED = {name for names in PRIVATE_NAMES.values() for name in names}
OF_PYTHON = {"_abc_impl", "_exit"}  # os._exit is public


def dead_letter(record: Record, exc: Exception) -> DeadLetter:
    return DeadLetter("dead", record.key, record.value, [])


@pytest.fixture
async def instances(tmp_path: Path) -> AsyncIterator[dict[str, Any]]:
    app = ChunkApp("pins", broker="kafka://127.0.0.1:1", dead_letter=dead_letter)
    kafka_consumer = AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1")
    yield {
        "app": app,
        "consumer": app.consumer,
        "consumer thread": app.consumer._thread,
        "fetcher": app._fetcher,
        "conductor": app.topics,
        "aiokafka consumer": kafka_consumer,
    }
    kafka_consumer._closed = True  # never started, so there is nothing to close


@pytest.mark.parametrize(("package", "pinned"), PINNED_VERSIONS.items())
def test_the_engine_runs_on_the_versions_it_was_written_for(package: str, pinned: str) -> None:
    assert pinned == version(package)


@pytest.mark.parametrize(("path", "names"), CLASS_NAMES.items())
def test_private_names_of_classes_are_where_they_were(path: str, names: tuple[str, ...]) -> None:
    module, _, name = path.rpartition(".")
    owner = getattr(importlib.import_module(module), name)

    assert [name for name in names if not hasattr(owner, name)] == []


@pytest.mark.parametrize("name", INSTANCE_NAMES)
async def test_private_names_of_instances_are_where_they_were(name: str, instances: dict[str, Any]) -> None:
    assert [attribute for attribute in INSTANCE_NAMES[name] if not hasattr(instances[name], attribute)] == []


@pytest.mark.parametrize(("path", "names"), STARTED_NAMES.items())
def test_private_names_of_connected_instances_are_where_they_were(path: str, names: tuple[str, ...]) -> None:
    module, _, name = path.rpartition(".")
    source = inspect.getsource(getattr(importlib.import_module(module), name))

    assert [name for name in names if f"self.{name} = " not in source] == []


def test_no_name_is_listed_that_the_engine_does_not_use() -> None:
    text = "\n".join(path.read_text() for path in ENGINE if path.name != "pins.py")

    assert [name for names in PRIVATE_NAMES.values() for name in names if name not in text] == []


@pytest.mark.parametrize("path", ENGINE, ids=lambda path: path.name)
def test_every_private_name_of_another_object_is_listed(path: Path) -> None:
    used = {name for node in ast.parse(path.read_text()).body for name in foreign_names(node)}

    assert used - LISTED - OF_PYTHON == set()


@pytest.mark.parametrize(
    "ours", [ChunkApp, ChunkConsumer, ChunkConsumerThread, ChunkProducer, ChunkTopic, ChunkTransport]
)
def test_every_private_name_we_override_is_listed(ours: type) -> None:
    stock = [base for base in ours.__mro__[1:] if not base.__module__.startswith("streams.")]
    overridden = {name for name in vars(ours) if is_private(name) and any(name in vars(base) for base in stock)}

    assert overridden - LISTED - OF_PYTHON == set()


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def foreign_names(node: ast.AST) -> set[str]:
    """Private attributes read in a module's statement, but for those its class sets or defines itself."""
    attributes = [each for each in ast.walk(node) if isinstance(each, ast.Attribute) and is_private(each.attr)]
    of_self = [each for each in attributes if isinstance(each.value, ast.Name) and each.value.id in ("self", "cls")]
    own = {each.attr for each in of_self if isinstance(each.ctx, ast.Store)}
    own |= {each.name for each in ast.walk(node) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
    return {each.attr for each in attributes if each not in of_self or each.attr not in own}


async def test_the_apps_transport_is_ours(instances: dict[str, Any]) -> None:
    app = instances["app"]

    assert ChunkConsumer is type(app.consumer)
    assert ChunkProducer is type(app.producer)


async def test_the_producer_is_idempotent_and_its_batches_are_as_large_as_the_outbox_thinks(
    instances: dict[str, Any],
) -> None:
    producer = instances["app"].producer
    kafka_producer = producer._new_producer()
    kafka_producer._closed = True  # never started, so there is nothing to close

    assert producer.max_batch_size == BATCH_BYTES
    assert producer.compression_type == "zstd"
    assert kafka_producer._txn_manager is not None


async def test_faust_reads_a_clone_of_the_topic_with_the_same_sizes(instances: dict[str, Any]) -> None:
    topic = instances["app"].chunk_topic("in", partitions=1, chunk_max=7, chunk_bytes=8, window=9, window_bytes=10)
    clone = topic.clone(is_iterator=True)

    assert (clone.chunk_max, clone.chunk_bytes, clone.window, clone.window_bytes) == (7, 8, 9, 10)


async def test_an_agent_of_a_stock_topic_is_refused(instances: dict[str, Any]) -> None:
    app = instances["app"]
    with pytest.raises(TypeError, match="chunk_topic"):
        app.agent(app.topic("plain"))
