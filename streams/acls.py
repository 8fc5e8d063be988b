"""Who may do what with the topics of the contract: roles, and the ACLs of Kafka they come to.

No broker here; `streams.broker_acls` talks to brokers.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from shlex import quote
from typing import Literal, get_args

from streams.topic_layout import OUTCOMES, Layout, Topics

Role = Literal[
    "worker", "feeder", "reader", "redriver", "auditor", "replayer", "purger", "rekeyer", "administrator",
]  # fmt: skip
ROLES: tuple[Role, ...] = get_args(Role)

Operation = Literal[
    "all", "read", "write", "create", "delete", "alter", "describe", "cluster-action", "describe-configs",
    "alter-configs", "idempotent-write",
]  # fmt: skip
Pattern = Literal["literal", "prefixed"]
ResourceKind = Literal["topic", "group", "cluster", "transactional-id"]
CLUSTER = "kafka-cluster"
EVERYONE = "User:*"


@dataclass(frozen=True, slots=True, order=True)
class Resource:
    """What an ACL is about; `prefixed`: everything whose name begins so."""

    kind: ResourceKind
    name: str
    pattern: Pattern = "literal"

    def __str__(self) -> str:
        if self.kind == "cluster":
            return "the cluster"
        return f"{self.kind} {self.name}{'*' if self.pattern == 'prefixed' else ''}"


@dataclass(frozen=True, slots=True, order=True)
class Acl:
    """One permission as a broker keeps it."""

    principal: str
    resource: Resource
    operation: Operation
    host: str = "*"
    allow: bool = True

    def __str__(self) -> str:
        verb = "may" if self.allow else "is denied to"
        where = "" if self.host == "*" else f" from {self.host}"
        return f"{self.principal} {verb} {self.operation} {self.resource}{where}"


@dataclass(frozen=True, slots=True)
class AclDifference:
    """One permission that is not as the table has it; `message` says what and the fix."""

    acl: Acl
    kind: Literal["acl-missing", "acl-surplus"]
    message: str


@dataclass(frozen=True, slots=True)
class Contract:
    """What the roles may do with the topics of a prefix.

    `group` is the workers' consumer group without the prefix; `principals` names the principal of a role where it is
    not `User:claimstream-<role>`.
    """

    topics: Topics
    group: str = "claimstream"
    principals: Mapping[str, str] = field(default_factory=dict)

    def acls(self) -> list[Acl]:
        """Every permission the roles need, and no other."""
        return sorted(
            {
                Acl(self.principal(role), resource, operation)
                for role, resources, operations in _grants(self.topics, self.group)
                for resource in resources
                for operation in operations
            }
        )

    def principal(self, role: Role) -> str:
        """Who a role is on the broker."""
        return self.principals.get(role, f"User:claimstream-{role}")

    def compare(self, found: Collection[Acl]) -> list[AclDifference]:
        """What is missing, and what our principals (or everyone) have beyond the contract on anything of ours."""
        wanted = self.acls()
        missing = [acl for acl in wanted if acl not in found]
        beyond = sorted(acl for acl in set(found) - set(wanted) if self._touches(acl))
        return [
            *(AclDifference(acl, "acl-missing", f"missing: {acl}; run `claimstream topics apply`") for acl in missing),
            *(AclDifference(acl, "acl-surplus", f"beyond the contract: {acl}; {_removal(acl)}") for acl in beyond),
        ]

    def _touches(self, acl: Acl) -> bool:
        """Whether an ACL lets one of our principals, or everyone, at something of ours; another prefix is not ours."""
        ours = acl.principal in {self.principal(role) for role in ROLES}
        if acl.resource.kind == "cluster" or not (ours or acl.principal == EVERYONE):
            return ours
        prefix = self.topics.prefix
        spaces = {
            "topic": (f"{prefix}claims.",),
            "group": (f"{prefix}{self.group}", f"{prefix}claimstream"),
            "transactional-id": (f"claimstream-redrive-{prefix}claims.",),
        }[acl.resource.kind]
        name, prefixed = acl.resource.name, acl.resource.pattern == "prefixed"
        return any(name == "*" or name.startswith(space) or (prefixed and space.startswith(name)) for space in spaces)


Grant = tuple[Role, tuple[Resource, ...], tuple[Operation, ...]]


def _grants(topics: Topics, group: str) -> Iterator[Grant]:
    """The table. Read and write imply describe; a producer that is idempotent needs no more than write (KIP-679)."""
    received, log, changelog = topics.received, topics.patient_events, topics.state_changelog
    outcomes = tuple(map(topics.outcome, OUTCOMES))
    dead_letters = (topics.received_dlt, topics.patient_events_dlt)
    every = _topics(*(topic.name for topic in Layout().topics(topics)))
    at_work = f"{topics.prefix}{group}"

    yield "worker", _topics(received, log, changelog), ("read",)
    yield "worker", _topics(log, changelog, topics.manifests, *outcomes, *dead_letters), ("write",)
    yield "worker", every, ("describe", "describe-configs")  # it refuses to start where the layout differs
    yield "worker", (Resource("group", at_work),), ("read",)

    yield "feeder", _topics(received), ("write",)

    yield "reader", _topics(*outcomes), ("read",)
    yield "reader", (Resource("group", f"{at_work}-reader", "prefixed"),), ("read",)

    told = (topics.manifests, topics.acknowledgements)
    yield "auditor", _topics(received, log, changelog, *told, *outcomes, *dead_letters), ("read",)
    yield "auditor", (Resource("group", at_work),), ("describe",)

    yield "replayer", _topics(log, *outcomes), ("read",)  # a replay is compared with what was decided live
    own = Resource("topic", f"{topics.prefix}claims.replay.", "prefixed")
    yield "replayer", (own,), ("create", "read", "write", "describe-configs")
    yield "replayer", (Resource("group", f"{topics.prefix}claimstream-replay-", "prefixed"),), ("read",)

    yield "redriver", _topics(*dead_letters), ("read",)
    yield "redriver", _topics(received, log), ("write",)
    marks = _topics(*(f"{name}.redriven" for name in dead_letters))  # of letters that went back, in one transaction
    yield "redriver", marks, ("create", "read", "write", "describe-configs")
    transactions = tuple(Resource("transactional-id", f"claimstream-redrive-{name}") for name in dead_letters)
    yield "redriver", transactions, ("write",)

    yield "purger", _topics(changelog), ("read",)  # what would go, and the proof
    yield "purger", _topics(log), ("write",)

    # From the log of one prefix into that of another, which goes on where it was; and whose state it is going to be.
    yield "rekeyer", _topics(log, changelog), ("read", "write")
    yield "rekeyer", every, ("describe", "describe-configs")  # as the worker

    all_ours = Resource("topic", f"{topics.prefix}claims.", "prefixed")
    yield "administrator", (all_ours,), ("create", "alter", "describe-configs", "alter-configs")
    yield "administrator", (Resource("cluster", CLUSTER),), ("alter", "describe")


def _topics(*names: str) -> tuple[Resource, ...]:
    return tuple(Resource("topic", name) for name in names)


def _removal(acl: Acl) -> str:
    kind = "allow" if acl.allow else "deny"
    name = quote(acl.resource.name)
    which = "--cluster" if acl.resource.kind == "cluster" else f"--{acl.resource.kind} {name}"
    operation = "".join(part.capitalize() for part in acl.operation.split("-"))
    return (
        f"remove it with `kafka-acls.sh --remove --{kind}-principal {quote(acl.principal)} --{kind}-host "
        f"{quote(acl.host)} --operation {operation} {which} --resource-pattern-type {acl.resource.pattern}`"
    )
