"""Each role on a real broker: the road of a claim with the contract's permissions alone, and every other way denied."""

import json
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from streams.acls import ROLES, Acl, Resource
from streams.broker_acls import add_acls, found_acls
from streams.connecting import BrokerRefused, open_admin
from streams.topics import Layout
from tests.integration.security.conftest import administered_by

ALL_TIME = ("--start", "2020-01-01T00:00:00Z", "--end", "2099-01-01T00:00:00Z")

# What each may do with each topic, in the contract's order of topics: r reads, w writes.
NAMES = ("received", "log", "accepted", "flagged", "denied", "receipts", "manifests", "changelog", "dlt", "log-dlt")
TABLE = {
    # role            received log accepted flagged denied receipts manifests changelog dlt log-dlt
    "worker": "       r        rw  w        w       w      -        w         rw        w   w",
    "feeder": "       w        -   -        -       -      -        -         -         -   -",
    "reader": "       -        -   r        r       r      -        -         -         -   -",
    "redriver": "     w        w   -        -       -      -        -         -         r   r",
    "auditor": "      r        r   r        r       r      r        r         r         r   r",
    "replayer": "     -        r   r        r       r      -        -         -         -   -",
    "purger": "       -        w   -        -       -      -        -         r         -   -",
    "rekeyer": "      -        rw  -        -       -      -        -         rw        -   -",
    "administrator": "-        -   -        -       -      -        -         -         -   -",
    "stranger": "     -        -   -        -       -      -        -         -         -   -",
}


async def test_a_claim_goes_all_the_way_with_the_permissions_of_the_contract_alone(
    topics, access, claimstream, start_worker, claim_file
):
    replayer = access.by_scram("claimstream-replayer")
    start_worker(**access.by_scram("claimstream-worker"))
    fed = claimstream(access.by_scram("claimstream-feeder"), "feed", claim_file)
    decision = await access.first_decision("claimstream-reader", topics, f"{topics.prefix}claimstream-reader-billing")
    replayed = claimstream(replayer, "replay", "run", "--job", "j", *ALL_TIME, "--output", "json")
    compared = claimstream(replayer, "replay", "compare", "--job", "j", "--output", "json")
    summary = json.loads(compared.stdout.splitlines()[0])

    assert (0, f"{claim_file}: 1 record, 1 claim\n", "") == (fed.returncode, fed.stdout, fed.stderr)
    assert "PT-1" == decision["claim_id"]
    assert (0, 1) == (replayed.returncode, json.loads(replayed.stdout)["claims"])
    assert (1, 1) == (summary["claims"], summary["identical"])


async def test_state_is_looked_at_purged_and_rekeyed_with_the_permissions_of_the_contract_alone(
    administered, topics, access, claimstream, start_worker, token_key_file, claim_file
):
    own = {"CLAIMSTREAM_TOKEN_KEY_FILE": str(token_key_file)}
    auditor, purger, rekeyer = (
        access.by_scram(f"claimstream-{role}") | own for role in ("auditor", "purger", "rekeyer")
    )
    start_worker(**access.by_scram("claimstream-worker"))
    claimstream(access.by_scram("claimstream-feeder"), "feed", claim_file)
    token = (await access.first_decision("claimstream-reader", topics, f"{topics.prefix}claimstream-reader"))[
        "patient_token"
    ]
    inspected = claimstream(auditor, "state", "inspect", token, "--output", "json")
    purged = claimstream(purger, "state", "purge", token, "--apply", "--output", "json")
    verified = claimstream(auditor, "state", "verify", "--output", "json")
    to = f"{topics.prefix}new."
    await administered_by(access.kafka, to)
    administrator = access.by_scram("claimstream-administrator")
    applied = claimstream(administrator, "topics", "apply", "--prefix", to)
    rekeyed = claimstream(rekeyer, "rekey", "--from-prefix", topics.prefix, "--prefix", to, "--output", "json")
    denied = [
        claimstream(access.by_scram(f"claimstream-{role}") | own, *command)
        for role, command in (
            ("feeder", ("state", "inspect")),
            ("purger", ("state", "verify")),
            ("auditor", ("state", "purge", token, "--apply")),
            ("replayer", ("rekey", "--from-prefix", topics.prefix, "--prefix", to)),
        )
    ]

    done = (inspected, purged, verified, applied, rekeyed)
    assert [(0, "")] * 5 == [(each.returncode, each.stderr) for each in done]
    assert 1 == json.loads(purged.stdout.splitlines()[0])["proof"]["entries"]
    assert (1, 1) == tuple(json.loads(rekeyed.stdout)[name] for name in ("purged", "purges"))
    # To one who may not see a topic it does not exist.
    assert {2, 3} >= {each.returncode for each in denied}
    assert [("", 1)] * 4 == [(each.stdout, each.stderr.count("\n")) for each in denied]


async def outcome_of(client: AIOKafkaClient, topic: str) -> str:
    """What the broker lets this client do with a topic, asked by a real fetch and a real write: r, w, rw or -."""
    node = client.get_random_node()
    read = await client.send(node, FetchRequest(50, 1, 1 << 20, 0, [(topic, [(0, 0, 1 << 20)])]))
    batch = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1000)
    batch.append(0, timestamp=0, key=b"k", value=b"v", headers=[])
    written = await client.send(node, ProduceRequest(None, -1, 10_000, [(topic, [(0, bytes(batch.build()))])]))
    answers = {letter: for_code(answer.topics[0][1][0][1]).__name__ for letter, answer in (("r", read), ("w", written))}
    assert set(answers.values()) <= {"NoError", "TopicAuthorizationFailedError"}
    return "".join(letter for letter, answer in answers.items() if answer == "NoError") or "-"


async def test_every_role_reads_and_writes_what_the_table_says_and_nothing_else(topics, access, layout: Layout):
    found = {}
    for role in TABLE:
        client = AIOKafkaClient(**access.client(f"claimstream-{role}"))
        await client.bootstrap()
        outcomes = [await outcome_of(client, topic.name) for topic in layout.topics(topics)]
        found[role] = dict(zip(NAMES, outcomes, strict=True))
        await client.close()

    assert {*ROLES, "stranger"} == set(TABLE)
    assert {role: dict(zip(NAMES, row.split(), strict=True)) for role, row in TABLE.items()} == found


async def allowed_to_create(admin: Any, topic: str) -> bool:
    answer = await admin.create_topics([NewTopic(topic, 1, 1)], validate_only=True)
    (name, code, *_) = answer.topic_errors[0]
    allowed = {0: True, TopicAlreadyExistsError.errno: True, TopicAuthorizationFailedError.errno: False}
    assert topic == name
    return allowed[code]


async def allowed_to_look_at(admin: Any, group: str) -> bool:
    try:
        await admin.list_consumer_group_offsets(group)
    except GroupAuthorizationFailedError:
        return False
    return True


async def allowed_to_see_acls(admin: Any, _name: str) -> bool:
    try:
        return await found_acls(admin) is not None
    except BrokerRefused:
        return False


FOR_ITS_ROLES = {
    ("create", "claims.received"): {"administrator"},
    ("create", "claims.another"): {"administrator"},
    ("create", "claims.replay.j.accepted"): {"administrator", "replayer"},
    ("create", "claims.received-dlt.redriven"): {"administrator", "redriver"},
    ("create", "claims.received-dlt.another"): {"administrator"},
    ("look at group", "claimstream"): {"worker", "auditor"},
    ("look at group", "claimstream-reader-billing"): {"reader"},
    ("look at group", "claimstream-replay-j"): {"replayer"},
    ("see ACLs", ""): {"administrator"},
}


async def test_what_is_no_record_is_for_its_roles_alone(topics, access):
    ask = {"create": allowed_to_create, "look at group": allowed_to_look_at, "see ACLs": allowed_to_see_acls}
    found: dict[tuple[str, str], set[str]] = {each: set() for each in FOR_ITS_ROLES}
    for role in TABLE:
        client = access.client(f"claimstream-{role}")
        async with open_admin(client["bootstrap_servers"], client) as admin:
            for what, name in FOR_ITS_ROLES:
                if await ask[what](admin, f"{topics.prefix}{name}"):
                    found[what, name].add(role)

    assert FOR_ITS_ROLES == found


async def test_a_redrive_writes_letter_and_mark_in_one_transaction(topics, access):
    marks = f"{topics.received_dlt}.redriven"
    client = access.client("claimstream-redriver")
    async with open_admin(client["bootstrap_servers"], client) as admin:
        await admin.create_topics([NewTopic(marks, 1, 1)])
    producer = AIOKafkaProducer(**client, transactional_id=f"claimstream-redrive-{topics.received_dlt}")
    async with producer, producer.transaction():
        await producer.send_and_wait(topics.received, b"letter")
        mark = await producer.send_and_wait(marks, b"mark")

    assert (marks, 0) == (mark.topic, mark.offset)


async def test_check_names_what_is_missing_and_what_is_beyond_the_contract(administered, topics, access, claimstream):
    administrator = access.by_scram("claimstream-administrator")
    clean = claimstream(administrator, "topics", "check")
    beyond = [
        Acl("User:claimstream-feeder", Resource("topic", topics.received), "read"),
        Acl("User:*", Resource("topic", topics.flagged), "read"),
        Acl("User:other", Resource("topic", topics.accepted), "read"),
        Acl("User:claimstream-feeder", Resource("topic", f"other.{topics.received}"), "read"),
    ]
    async with open_admin(access.kafka.bootstrap, None) as admin:
        await add_acls(admin, beyond)
    surplus = claimstream(administrator, "topics", "check", "--output", "json")
    planned = claimstream(administrator, "topics", "plan", "--output", "json")
    renamed = claimstream(administrator | {"CLAIMSTREAM_BROKER__PRINCIPALS": "reader=User:billing"}, "topics", "check")
    left_alone = claimstream(access.by_scram("claimstream-worker"), "topics", "check", "--no-acls")
    refused = claimstream(access.by_scram("claimstream-worker"), "topics", "check")

    assert (0, "all topics and ACLs are as the contract has them\n") == (clean.returncode, clean.stdout)
    found = [json.loads(line) for line in surplus.stdout.splitlines()]
    assert 1 == surplus.returncode
    assert ["acl-surplus"] * 2 == [each["kind"] for each in found]
    assert ["User:*", "User:claimstream-feeder"] == [each["acl"]["principal"] for each in found]
    assert "remove it with `kafka-acls.sh --remove --allow-principal 'User:*'" in found[0]["message"]
    acls = [each for each in map(json.loads, planned.stdout.splitlines()) if "acl" in each]
    assert (len(administered.acls()), 2) == tuple(
        sum(each["action"] == action for each in acls) for action in ("keep", "surplus")
    )
    assert f"missing: User:billing may read topic {topics.accepted}; run `claimstream topics apply`" in renamed.stdout
    assert (0, "all topics are as the contract has them\n") == (left_alone.returncode, left_alone.stdout)
    assert (3, "", 1) == (refused.returncode, refused.stdout, refused.stderr.count("\n"))
    assert "does not show its ACLs to this principal" in refused.stderr


def test_a_worker_that_may_not_use_its_group_says_so_instead_of_waiting(topics, access, claimstream, keys):
    variables = access.by_scram("claimstream-worker") | {
        "CLAIMSTREAM_BROKER__GROUP": "another",
        "CLAIMSTREAM_TOKEN_KEY_FILE": str(keys.password_file("claimstream-worker")),
    }
    ended = claimstream(variables, "worker")

    assert (3, "") == (ended.returncode, ended.stdout)
    assert f"does not let us use the consumer group {topics.prefix}another; run `claimstream topics" in ended.stderr
