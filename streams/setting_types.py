"""What settings are made of: their error, their sections, and the values people write with commas."""

import ipaddress
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict
from pydantic_settings import NoDecode

PREFIX = "CLAIMSTREAM_"


class SettingsError(Exception):
    """A setting that cannot be used: one sentence with its name, what is wrong and what to write."""


class Section(BaseModel):
    """Settings of one subject."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _comma_list(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _pairs(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    pairs: dict[str, str] = {}
    for part in _comma_list(value):
        name, target = (side.strip() for side in part.partition("=")[::2])
        if not name or not target:
            raise ValueError("an entry is not of the form name=value; write name=value, several comma separated")
        if pairs.setdefault(name, target) != target:
            raise ValueError(f"{name} stands twice with two values; write it once")
    return pairs


def _addresses(value: str) -> str:
    """Broker addresses without the blanks and empty entries people write around commas."""
    parts = _comma_list(value)
    if not parts:
        raise ValueError("it names no broker; write host:port, several comma separated")
    if any(mark in part for part in parts for mark in ("://", "@", "/", " ")):
        raise ValueError("an address is not of the form host:port; write it without scheme, user or path")
    return ",".join(parts)


def is_loopback(address: str) -> bool:
    """Whether host:port, host or [IPv6]:port is on this machine."""
    if address.startswith("["):
        host = address[1:].partition("]")[0]
    elif address.count(":") > 1:
        host = address
    else:
        host = address.partition(":")[0]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _lower(value: Any) -> Any:
    """Kafka's own names are upper case, and people copy them."""
    return value.lower() if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_list)]
Addresses = Annotated[str, AfterValidator(_addresses)]
NameMap = Annotated[dict[str, str], NoDecode, BeforeValidator(_pairs)]
AnyCase = BeforeValidator(_lower)
