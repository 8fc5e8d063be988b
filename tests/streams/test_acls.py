from dataclasses import replace

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from streams.acls import ROLES, Acl, Contract, Resource
from streams.topics import Topics

CONTRACT = Contract(Topics("demo."), "validators")
WANTED = CONTRACT.acls()


def test_every_role_has_permissions_and_nobody_else():
    assert {f"User:claimstream-{role}" for role in ROLES} == {acl.principal for acl in WANTED}
    assert {("*", True)} == {(acl.host, acl.allow) for acl in WANTED}


def test_every_name_stands_under_the_prefix_and_none_is_a_wildcard():
    outside = {acl.resource.name for acl in WANTED if not acl.resource.name.startswith("demo.")}

    assert outside == {
        "kafka-cluster",
        "claimstream-redrive-demo.claims.received-dlt",
        "claimstream-redrive-demo.claims.patient-events-dlt",
    }


def test_claims_are_read_by_those_who_need_them_alone():
    readers = {
        topic: {
            acl.principal.removeprefix("User:claimstream-")
            for acl in WANTED
            if acl.operation == "read" and acl.resource.name == f"demo.claims.{topic}"
        }
        for topic in ("received", "patient-events", "received-dlt", "patient-events-dlt", "state-changelog")
    }

    assert {
        "received": {"worker", "auditor"},
        "patient-events": {"worker", "auditor", "replayer", "rekeyer"},
        "received-dlt": {"auditor", "redriver"},
        "patient-events-dlt": {"auditor", "redriver"},
        "state-changelog": {"worker", "auditor", "purger", "rekeyer"},
    } == readers


def test_nobody_may_delete_and_only_the_administrator_alters():
    altering = {"delete", "alter", "alter-configs", "all", "cluster-action"}

    assert {"User:claimstream-administrator"} == {acl.principal for acl in WANTED if acl.operation in altering}
    assert not [acl for acl in WANTED if acl.operation in {"delete", "all", "cluster-action"}]


def test_roles_may_share_a_principal():
    shared = Contract(Topics(), principals={"worker": "User:one", "feeder": "User:one"})

    assert [] == shared.compare(shared.acls())
    assert {"read", "write"} <= {
        acl.operation
        for acl in shared.acls()
        if acl.principal == "User:one" and acl.resource.name == "claims.patient-events"
    }


def test_what_is_missing_says_who_may_not_do_what():
    reader = Acl("User:claimstream-reader", Resource("topic", "demo.claims.flagged"), "read")
    (difference,) = CONTRACT.compare([acl for acl in WANTED if acl != reader])

    assert (reader, "acl-missing") == (difference.acl, difference.kind)
    assert difference.message == (
        "missing: User:claimstream-reader may read topic demo.claims.flagged; run `claimstream topics apply`"
    )


ONE = Acl("User:claimstream-feeder", Resource("topic", "demo.claims.accepted"), "read")


@pytest.mark.parametrize(
    ("acl", "command"),
    [
        (
            ONE,
            "feeder --allow-host '*' --operation Read --topic demo.claims.accepted --resource-pattern-type literal`",
        ),
        (replace(ONE, resource=Resource("topic", "*")), "--topic '*' --resource-pattern-type literal"),
        (replace(ONE, resource=Resource("topic", "de", "prefixed")), "--topic de --resource-pattern-type prefixed"),
        (replace(ONE, resource=Resource("topic", "demo.claims.replay.j.x")), "--topic demo.claims.replay.j.x"),
        (replace(ONE, principal="User:*"), "--allow-principal 'User:*'"),
        (replace(ONE, resource=Resource("group", "demo.validators")), "--group demo.validators"),
        (replace(ONE, resource=Resource("group", "demo.claimstream-replay-j")), "--group demo.claimstream-replay-j"),
        (replace(ONE, resource=Resource("transactional-id", "*")), "--transactional-id '*'"),
        (replace(ONE, resource=Resource("cluster", "kafka-cluster"), operation="cluster-action"), "ClusterAction"),
        (replace(ONE, operation="describe-configs"), "--operation DescribeConfigs"),
        (replace(ONE, allow=False, host="10.0.0.1"), "--deny-principal User:claimstream-feeder --deny-host 10.0.0.1"),
    ],
)
def test_what_is_beyond_the_contract_says_how_to_remove_it(acl, command):
    (difference,) = CONTRACT.compare([*WANTED, acl])

    assert (acl, "acl-surplus") == (difference.acl, difference.kind)
    assert f"beyond the contract: {acl}; remove it with `kafka-acls.sh --remove " in difference.message
    assert command in difference.message


@pytest.mark.parametrize(
    "acl",
    [
        replace(ONE, principal="User:billing-warehouse"),
        replace(ONE, resource=Resource("topic", "claims.accepted")),
        replace(ONE, resource=Resource("topic", "demo.other.accepted")),
        replace(ONE, resource=Resource("topic", "other", "prefixed")),
        replace(ONE, resource=Resource("group", "other")),
        Acl("User:*", Resource("cluster", "kafka-cluster"), "describe"),
    ],
)
def test_what_touches_nothing_of_this_deployment_is_left_to_others(acl):
    assert CONTRACT.compare([*WANTED, acl]) == []


def test_an_acl_reads_as_a_sentence():
    denied = replace(ONE, allow=False, host="10.0.0.1", resource=Resource("group", "a", "prefixed"))

    assert "User:claimstream-feeder is denied to read group a* from 10.0.0.1" == str(denied)
    assert "User:x may alter the cluster" == str(Acl("User:x", Resource("cluster", "kafka-cluster"), "alter"))


def test_the_private_name_that_asks_for_acls_is_where_it_was():
    assert hasattr(AIOKafkaAdminClient, "_send_request")
