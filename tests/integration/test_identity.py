import asyncio
import json
from dataclasses import replace

import pytest
from aiokafka import TopicPartition

from streams.clients import open_consumer, open_producer
from streams.state.identity import KEY, Identity, IdentityDiffersError, require_identity
from streams.topics import Layout

LAYOUT = Layout(partitions=2, received_partitions=2)
MINE = Identity("0123", {"EXMEDICARE": "MEDICARE"}, {"clinic": "tenant-1"}, LAYOUT.partitions)
OTHERS = replace(MINE, key_fingerprint="4567")


@pytest.fixture
def layout():
    return LAYOUT


@pytest.fixture
def client(kafka):
    return {"bootstrap_servers": kafka.bootstrap}


async def identities(client, topic):
    """What stands in each partition under the key of identities, in order."""
    tps = [TopicPartition(topic, partition) for partition in range(LAYOUT.partitions)]
    found = {tp.partition: [] for tp in tps}
    async with open_consumer(client) as consumer:
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        ends = await consumer.end_offsets(tps)
        while any([await consumer.position(tp) < ends[tp] for tp in tps]):
            for tp, records in (await consumer.getmany(timeout_ms=500)).items():
                found[tp.partition] += [record.value for record in records if record.key == KEY]
    return found


async def test_the_first_worker_writes_whose_the_state_is_into_every_partition_and_the_next_adds_nothing(
    client, topics
):
    await require_identity(client, topics.state_changelog, MINE)
    await require_identity(client, topics.state_changelog, MINE)

    assert {0: [MINE.written()], 1: [MINE.written()]} == await identities(client, topics.state_changelog)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"key_fingerprint": "4567"}, "CLAIMSTREAM_TOKEN_KEY_FILE holds another key"),
        ({"payer_aliases": {}}, "CLAIMSTREAM_PAYER_ALIASES, or the Medicare payer ids of the packs, are others"),
        ({"tenants": {"clinic": "tenant-2"}}, "CLAIMSTREAM_TENANTS are others"),
    ],
)
async def test_other_settings_are_refused_in_one_sentence_with_the_fix(client, topics, change, said):
    await require_identity(client, topics.state_changelog, MINE)

    with pytest.raises(IdentityDiffersError) as refused:
        await require_identity(client, topics.state_changelog, replace(MINE, **change))
    assert f"the state in {topics.state_changelog} was written with other settings: {said}; set them back, or " in str(
        refused.value
    )
    assert "`claimstream rekey`" in str(refused.value)


def test_another_partition_count_is_a_difference_that_names_both():
    assert "CLAIMSTREAM_BROKER__PARTITIONS is 3, not 2" == replace(MINE, partitions=3).difference(MINE.written())


def test_several_differences_are_one_sentence():
    both = replace(OTHERS, tenants={})

    assert both.difference(MINE.written()) == (
        "CLAIMSTREAM_TOKEN_KEY_FILE holds another key, and CLAIMSTREAM_TENANTS are others"
    )


async def test_of_two_that_begin_at_once_with_different_settings_one_stays_and_stays_after_compaction(client, topics):
    begun = await asyncio.gather(
        *(require_identity(client, topics.state_changelog, each) for each in (MINE, OTHERS)), return_exceptions=True
    )
    written = await identities(client, topics.state_changelog)

    assert 1 <= sum(isinstance(each, IdentityDiffersError) for each in begun)
    assert all(values[0] == values[-1] for values in written.values())


async def test_state_of_a_version_that_wrote_no_identity_becomes_ours(client, topics):
    async with open_producer(client) as producer:
        await producer.send_and_wait(topics.state_changelog, b'{"v":1}', key=b"0" * 96, partition=1)
    await require_identity(client, topics.state_changelog, MINE)

    assert {0: [MINE.written()], 1: [MINE.written()]} == await identities(client, topics.state_changelog)


async def test_a_worker_with_another_key_ends_with_two_and_decides_nothing(topics, start_worker, tmp_path, client):
    layout = {
        "CLAIMSTREAM_BROKER__PARTITIONS": str(LAYOUT.partitions),
        "CLAIMSTREAM_BROKER__RECEIVED_PARTITIONS": str(LAYOUT.received_partitions),
    }
    first = start_worker(**layout)
    await first.says("metrics at")
    stopped = first.terminate()
    (tmp_path / "other.key").write_bytes(b"another key")
    other = start_worker(**layout, CLAIMSTREAM_TOKEN_KEY_FILE=str(tmp_path / "other.key"))

    assert (0, 2) == (stopped, other.process.wait(60))
    assert "CLAIMSTREAM_TOKEN_KEY_FILE holds another key" in other.log()
    assert "another key" not in json.dumps(
        {
            str(p): [v.decode() for v in values]
            for p, values in (await identities(client, topics.state_changelog)).items()
        }
    )
