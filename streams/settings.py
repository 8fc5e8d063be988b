"""Settings: environment `CLAIMSTREAM_*`, then `claimstream.toml`, then defaults; flags win over all of them.

Every error names the setting. Secrets come from files and are never printed.
"""

import difflib
import os
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from streams.broker_settings import BrokerSettings
from streams.setting_types import PREFIX, NameMap, Names, Section, SettingsError

__all__ = ["PREFIX", "BrokerSettings", "Settings", "SettingsError", "known_variables", "load_settings"]

SETTINGS_FILE = "claimstream.toml"
NOT_SETTINGS = frozenset({"CLAIMSTREAM_SHARED", "CLAIMSTREAM_KAFKA__JARS"})
"""Variables other parts read: where the tests find sample files, where the embedded Kafka finds its jars."""


class HttpSettings(Section):
    """The endpoint of metrics and probes; port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = Field(9464, ge=0, le=65535)


class StateSettings(Section):
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

    def require_token_key(self) -> bytes:
        """The secret key of patient tokens. Raises SettingsError when no file is set."""
        if self.token_key is None:
            raise SettingsError(
                f"{PREFIX}TOKEN_KEY_FILE is not set; name a file with a secret key of 32 random bytes for patient "
                "tokens"
            )
        return self.token_key


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
        if isinstance(section, type) and issubclass(section, Section):
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
