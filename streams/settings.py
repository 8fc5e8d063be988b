"""Settings: environment `CLAIMSTREAM_*`, then `claimstream.toml`, then defaults; flags win over all of them.

Every error names the setting. Secrets come from files and are never printed.
"""

import difflib
import ipaddress
import os
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from streams.topic_layout import Layout

PREFIX = "CLAIMSTREAM_"
SETTINGS_FILE = "claimstream.toml"
NOT_SETTINGS = frozenset({"CLAIMSTREAM_SHARED", "CLAIMSTREAM_KAFKA__JARS"})
"""Variables other parts read: where the tests find sample files, where the embedded Kafka finds its jars."""


class SettingsError(Exception):
    """A setting that cannot be used: one sentence with its name, what is wrong and what to write."""


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


def _is_loopback(address: str) -> bool:
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


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_list)]
Addresses = Annotated[str, AfterValidator(_addresses)]
NameMap = Annotated[dict[str, str], NoDecode, BeforeValidator(_pairs)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BrokerSettings(_Section):
    """Where Kafka is and how its topics are laid out."""

    bootstrap: Addresses = "127.0.0.1:9092"
    prefix: str = ""
    partitions: int = Field(8, ge=1, le=1000, description="of patient-events, the outcomes and the changelog")
    received_partitions: int = Field(4, ge=1, le=1000, description="of claims.received")
    allow_plaintext: bool = False
    group: str = "claimstream"
    group_instance_id: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._-]{1,200}$",
        description="a name only this worker has, and keeps: a restart within the session needs no rebalance",
    )
    session_timeout_seconds: float = Field(10.0, ge=6, le=1800, description="when others take over a worker that died")
    stuck_seconds: float = Field(120.0, gt=0, description="a partition that stands still for so long ends the worker")
    commit_interval_seconds: float = Field(0.25, gt=0, description="bounds what is repeated after a crash")

    def layout(self) -> Layout:
        """The partition counts of the topics."""
        return Layout(partitions=self.partitions, received_partitions=self.received_partitions)

    def as_process(self, number: int) -> "BrokerSettings":
        """The settings of one of several processes: each is a member of its own."""
        name = self.group_instance_id
        return self.model_copy(update={"group_instance_id": name and f"{name}-{number}"})

    def client_options(self) -> dict[str, Any]:
        """What every Kafka client of ours is made with. PLAINTEXT goes only to loopback unless allowed."""
        remote = [address for address in self.bootstrap.split(",") if not _is_loopback(address)]
        if remote and not self.allow_plaintext:
            raise SettingsError(
                f"{PREFIX}BROKER__BOOTSTRAP names {remote[0]}, which is not this machine, and the connection is not "
                f"encrypted; use a loopback address or set {PREFIX}BROKER__ALLOW_PLAINTEXT=true"
            )
        return {"bootstrap_servers": self.bootstrap}


class HttpSettings(_Section):
    """The endpoint of metrics and probes; port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = Field(9464, ge=0, le=65535)


class StateSettings(_Section):
    """Where a worker keeps local files. State itself is rebuilt from its changelog."""

    dir: Path | None = None


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,  # compose files pass variables nobody set as empty ones
        extra="forbid",
        frozen=True,
        toml_file=SETTINGS_FILE,
    )

    broker: BrokerSettings = BrokerSettings()
    http: HttpSettings = HttpSettings()
    state: StateSettings = StateSettings()
    sources: Names = ()
    tenants: NameMap = Field({}, description="source=tenant, comma separated")
    payer_aliases: NameMap = Field({}, description="payer id=alias, comma separated")
    token_key_file: Path | None = None
    packs: Path | None = None
    log_level: Literal["info", "debug"] = "info"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then the environment, then the file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @cached_property
    def token_key(self) -> bytes | None:
        """The secret key of patient tokens, or None when no file is set."""
        if self.token_key_file is None:
            return None
        try:
            key = self.token_key_file.read_bytes().strip()
        except OSError as error:
            raise SettingsError(
                f"{PREFIX}TOKEN_KEY_FILE cannot be read ({error.strerror}); name a readable file that holds the key"
            ) from error
        if not key:
            raise SettingsError(f"{PREFIX}TOKEN_KEY_FILE names an empty file; put 32 random bytes into it")
        return key


def load_settings(**flags: Any) -> Settings:
    """Read the settings; `flags` are sections or values given on the command line.

    Raises SettingsError with one sentence that names the setting.
    """
    _refuse_unknown(os.environ)
    try:
        return Settings(**flags)
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from error
    except ValueError as error:  # not TOML; where, but not what stands there, which may be a secret
        place = re.search("line [0-9]+", str(error))
        at = f" at {place[0]}" if place else ""
        raise SettingsError(f"{SETTINGS_FILE} is not TOML{at}; correct it there") from error
    except OSError as error:
        raise SettingsError(
            f"{SETTINGS_FILE} cannot be read ({error.strerror}); check its permissions, or move it away"
        ) from error


def known_variables() -> list[str]:
    """Every environment variable that is a setting."""
    names = []
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, _Section):
            names += [f"{PREFIX}{name}__{inner}".upper() for inner in section.model_fields]
        else:
            names.append(f"{PREFIX}{name}".upper())
    return names


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = known_variables()
    for name in environment:
        if name.upper().startswith(PREFIX) and name.upper() not in known and name not in NOT_SETTINGS:
            raise SettingsError(f"{name} is not a setting; did you mean {_nearest(name)}?")


def _nearest(name: str) -> str:
    return difflib.get_close_matches(name.upper(), known_variables(), 1, 0)[0]


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    variable = PREFIX + "__".join(str(part) for part in first["loc"]).upper()
    if first["type"] == "extra_forbidden":
        entry = ".".join(str(part) for part in first["loc"])
        return f"{entry} in {SETTINGS_FILE} is not a setting; did you mean {_nearest(variable)}?"
    why = first["msg"].removeprefix("Value error, ")
    return f"{variable} (or its entry in {SETTINGS_FILE}) cannot be used: {why}"
