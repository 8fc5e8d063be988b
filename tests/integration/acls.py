"""Access rights of a broker: the requests aiokafka has none for."""

from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Int8, Int16, Int32, Schema, String

AUTHORIZED = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
}
"""Settings of a broker that asks for rights where some are noted, and lets everyone do everything elsewhere."""

TOPIC, GROUP = 2, 3
_ALL, _ANY, _DENY, _LITERAL = 2, 1, 2, 3
_ACL = (("principal", String("utf-8")), ("host", String("utf-8")), ("operation", Int8), ("permission", Int8))
_RESOURCE = (("type", Int8), ("name", String("utf-8")), ("pattern", Int8))
_ERROR = (("error_code", Int16), ("error_message", String("utf-8")))


class _CreateResponse(Response):
    API_KEY = 30
    API_VERSION = 1
    SCHEMA = Schema(("throttle_time_ms", Int32), ("results", Array(*_ERROR)))


class _DeleteResponse(Response):
    API_KEY = 31
    API_VERSION = 1
    SCHEMA = Schema(
        ("throttle_time_ms", Int32), ("results", Array(*_ERROR, ("acls", Array(*_ERROR, *_RESOURCE, *_ACL))))
    )


class _Create(RequestStruct):
    API_KEY = 30
    API_VERSION = 1
    RESPONSE_TYPE = _CreateResponse
    SCHEMA = Schema(("acls", Array(*_RESOURCE, *_ACL)))


class _Delete(RequestStruct):
    API_KEY = 31
    API_VERSION = 1
    RESPONSE_TYPE = _DeleteResponse
    SCHEMA = Schema(("acls", Array(*_RESOURCE, *_ACL)))


class _CreateAcls(Request[_Create]):
    API_KEY = 30

    def __init__(self, acls: list[tuple[Any, ...]]) -> None:
        self._acls = acls

    def build(self, request_struct_class: type[_Create]) -> _Create:
        return request_struct_class(self._acls)


class _DeleteAcls(Request[_Delete]):
    API_KEY = 31

    def __init__(self, acls: list[tuple[Any, ...]]) -> None:
        self._acls = acls

    def build(self, request_struct_class: type[_Delete]) -> _Delete:
        return request_struct_class(self._acls)


async def deny(admin: AIOKafkaAdminClient, kind: int, name: str) -> None:
    """Let nobody use a topic or group."""
    answer = await admin._send_request(_CreateAcls([(kind, name, _LITERAL, "User:*", "*", _ALL, _DENY)]))
    assert [error for error, _ in answer.results] == [0]


async def allow(admin: AIOKafkaAdminClient, kind: int, name: str) -> None:
    """Take `deny` back."""
    answer = await admin._send_request(_DeleteAcls([(kind, name, _LITERAL, None, None, _ANY, _ANY)]))
    assert [error for error, *_ in answer.results] == [0]
