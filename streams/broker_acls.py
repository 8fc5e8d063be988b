"""The ACLs of a broker, asked for and added. What is there is never removed: the check says how."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from streams.acls import Acl, AclDifference, Contract, Operation, Pattern, Resource, ResourceKind
from streams.connecting import BrokerRefused, open_admin

# The numbers of Kafka's protocol. `admin._send_request` is the one private name: aiokafka's admin client has no
# method for ACLs, though its protocol has the requests.
_ANY, _DENY, _ALLOW = 1, 2, 3
_KINDS: dict[int, ResourceKind] = {2: "topic", 3: "group", 4: "cluster", 5: "transactional-id"}
_PATTERNS: dict[int, Pattern] = {3: "literal", 4: "prefixed"}
_OPERATIONS: dict[int, Operation] = dict(enumerate(get_args(Operation), 2))
_SECURITY_DISABLED = 54


@dataclass(frozen=True, slots=True)
class AclStep:
    """What `apply` would do, or did, about one permission; `surplus`: there, not in the contract, and left alone."""

    acl: Acl
    action: Literal["create", "created", "keep", "surplus"]
    message: str = ""


async def plan_acls(bootstrap: str, contract: Contract, *, client: Mapping[str, Any] | None = None) -> list[AclStep]:
    """What `apply_acls` would do; nothing for a broker without an authorizer."""
    async with open_admin(bootstrap, client) as admin:
        return _steps(contract, await found_acls(admin))


async def apply_acls(bootstrap: str, contract: Contract, *, client: Mapping[str, Any] | None = None) -> list[AclStep]:
    """Add what is missing, and report what is there beyond the contract; returns when all can be used."""
    async with open_admin(bootstrap, client) as admin:
        steps = _steps(contract, await found_acls(admin))
        await add_acls(admin, [step.acl for step in steps if step.action == "create"])
        return [AclStep(step.acl, "created") if step.action == "create" else step for step in steps]


async def check_acls(
    bootstrap: str, contract: Contract, *, client: Mapping[str, Any] | None = None
) -> list[AclDifference] | None:
    """What is missing or beyond the contract; None for a broker without an authorizer."""
    async with open_admin(bootstrap, client) as admin:
        found = await found_acls(admin)
        return None if found is None else contract.compare(found)


def _steps(contract: Contract, found: set[Acl] | None) -> list[AclStep]:
    if found is None:
        return []
    surplus = [each for each in contract.compare(found) if each.kind == "acl-surplus"]
    return [
        *(AclStep(acl, "keep" if acl in found else "create") for acl in contract.acls()),
        *(AclStep(each.acl, "surplus", each.message) for each in surplus),
    ]


async def found_acls(admin: Any) -> set[Acl] | None:
    """Every ACL of the broker; None when it has no authorizer. Raises BrokerRefused when we may not ask."""
    from aiokafka.errors import for_code  # noqa: PLC0415 - names alone need no client
    from aiokafka.protocol.admin import DescribeAclsRequest  # noqa: PLC0415 - as above

    answer = await admin._send_request(DescribeAclsRequest(_ANY, None, _ANY, None, None, _ANY, _ANY))  # noqa: SLF001
    if answer.error_code == _SECURITY_DISABLED:
        return None
    if answer.error_code:
        raise BrokerRefused(
            f"the Kafka broker does not show its ACLs to this principal ({for_code(answer.error_code).__name__}); run "
            "as the administrator of `claimstream topics`, or give --no-acls"
        )
    return {
        Acl(principal, Resource(_KINDS[kind], name, _PATTERNS[pattern]), _OPERATIONS[operation], host, allow == _ALLOW)
        for kind, name, pattern, entries in answer.resources
        if kind in _KINDS and pattern in _PATTERNS
        for principal, host, operation, allow in entries
        if operation in _OPERATIONS
    }


async def add_acls(admin: Any, acls: Sequence[Acl]) -> None:
    """Add permissions; returns when the broker lists them. Raises BrokerRefused."""
    from aiokafka.errors import for_code  # noqa: PLC0415 - as above
    from aiokafka.protocol.admin import CreateAclsRequest  # noqa: PLC0415 - as above

    for acl in acls:
        answer = await admin._send_request(CreateAclsRequest(*_numbers(acl)))  # noqa: SLF001 - see `_ANY`
        for code, text in answer.creation_responses:
            if code:
                raise BrokerRefused(f"the Kafka broker refused the ACL “{acl}”: {text or for_code(code).__name__}")
    while not set(acls) <= (await found_acls(admin) or set()):  # noqa: ASYNC110 - nothing tells when
        await asyncio.sleep(0.05)


def _numbers(acl: Acl) -> tuple[int, str, int, str, str, int, int]:
    kinds, patterns = ({name: number for number, name in each.items()} for each in (_KINDS, _PATTERNS))
    operations = {name: number for number, name in _OPERATIONS.items()}
    resource = acl.resource
    return (
        kinds[resource.kind],
        resource.name,
        patterns[resource.pattern],
        acl.principal,
        acl.host,
        operations[acl.operation],
        _ALLOW if acl.allow else _DENY,
    )
