"""Settings of the broker: where it is, how the connection is secured, how its topics are laid out, who may what."""

import stat
from pathlib import Path
from ssl import SSLContext, SSLError, TLSVersion, create_default_context
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from streams.acls import ROLES, Contract
from streams.setting_types import PREFIX, Addresses, AnyCase, NameMap, Section, SettingsError, is_loopback
from streams.topic_layout import Layout, Topics

Protocol = Annotated[Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"], AnyCase]
Mechanism = Annotated[Literal["scram-sha-512", "scram-sha-256", "plain"], AnyCase]

TLS_SETTINGS = ("ca_file", "certificate_file", "key_file", "key_password_file")
SASL_SETTINGS = ("sasl_mechanism", "username", "password_file")


class BrokerSettings(Section):
    """Where Kafka is, how it is spoken to and how its topics are laid out."""

    bootstrap: Addresses = "127.0.0.1:9092"
    prefix: str = ""
    partitions: int = Field(8, ge=1, le=1000, description="of patient-events, the outcomes and the changelog")
    received_partitions: int = Field(4, ge=1, le=1000, description="of claims.received")
    allow_plaintext: bool = False
    security_protocol: Protocol = "plaintext"
    ca_file: Path | None = Field(None, description="PEM; the authorities of the system when it is not set")
    certificate_file: Path | None = Field(None, description="PEM; the client's own certificate and its chain")
    key_file: Path | None = Field(None, description="PEM; the private key of the certificate")
    key_password_file: Path | None = None
    sasl_mechanism: Mechanism = "scram-sha-512"
    username: str | None = None
    password_file: Path | None = None
    principals: NameMap = Field({}, description="role=principal, comma separated, where it is not the default")
    group: str = "claimstream"
    group_instance_id: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._-]{1,200}$",
        description="a name only this worker has, and keeps: a restart within the session needs no rebalance",
    )
    session_timeout_seconds: float = Field(10.0, ge=6, le=1800, description="when others take over a worker that died")
    stuck_seconds: float = Field(120.0, gt=0, description="a partition that stands still for so long ends the worker")
    commit_interval_seconds: float = Field(0.25, gt=0, description="bounds what is repeated after a crash")

    @field_validator("principals")
    @classmethod
    def _known_roles(cls, value: dict[str, str]) -> dict[str, str]:
        unknown = value.keys() - set(ROLES)
        if unknown:
            raise ValueError(f"{min(unknown)} is no role; the roles are {', '.join(ROLES)}")
        if not all(principal.startswith("User:") and len(principal) > len("User:") for principal in value.values()):
            raise ValueError("a principal does not begin with User:; write role=User:name, several comma separated")
        return value

    def layout(self) -> Layout:
        """The partition counts of the topics."""
        return Layout(partitions=self.partitions, received_partitions=self.received_partitions)

    def as_process(self, number: int) -> "BrokerSettings":
        """The settings of one of several processes: each is a member of its own."""
        name = self.group_instance_id
        return self.model_copy(update={"group_instance_id": name and f"{name}-{number}"})

    def contract(self) -> Contract:
        """Who may do what with the topics. Raises ValueError for a prefix that cannot be one."""
        return Contract(Topics(self.prefix), self.group, self.principals)

    def client_options(self) -> dict[str, Any]:
        """What every Kafka client of ours is made with: keyword arguments of aiokafka, secrets among them.

        Raises SettingsError for settings that contradict each other, for a file that cannot be used, and for a
        connection that is neither encrypted nor to this machine, unless it is allowed.
        """
        encrypted = self.security_protocol in ("ssl", "sasl_ssl")
        authenticated = self.security_protocol in ("sasl_plaintext", "sasl_ssl")
        self._refuse_idle(TLS_SETTINGS, "ssl or sasl_ssl", used=encrypted)
        self._refuse_idle(SASL_SETTINGS, "sasl_ssl", used=authenticated)
        options: dict[str, Any] = {"bootstrap_servers": self.bootstrap}
        if self.security_protocol != "plaintext":
            options["security_protocol"] = self.security_protocol.upper()
        if encrypted:
            options["ssl_context"] = self._ssl_context()
        else:
            self._require_loopback()
        if authenticated:
            options |= self._credentials()
        return options

    def _refuse_idle(self, names: tuple[str, ...], protocols: str, *, used: bool) -> None:
        """Refuse settings that would do nothing: whoever wrote them takes the connection for safer than it is."""
        idle = [name for name in names if name in self.model_fields_set and getattr(self, name) is not None]
        if idle and not used:
            raise SettingsError(
                f"{_variable(idle[0])} is set and {_variable('security_protocol')} is {self.security_protocol}, which "
                f"does not use it; set {_variable('security_protocol')}={protocols}, or remove {_variable(idle[0])}"
            )

    def _require_loopback(self) -> None:
        remote = [address for address in self.bootstrap.split(",") if not is_loopback(address)]
        if remote and not self.allow_plaintext:
            raise SettingsError(
                f"{PREFIX}BROKER__BOOTSTRAP names {remote[0]}, which is not this machine, and the connection is not "
                f"encrypted; set {_variable('security_protocol')}=ssl or sasl_ssl, use a loopback address or set "
                f"{PREFIX}BROKER__ALLOW_PLAINTEXT=true"
            )

    def _ssl_context(self) -> SSLContext:
        """TLS 1.2 or later; certificate and host name of the broker are always verified."""
        self._require_together("certificate_file", "key_file")
        if self.key_password_file is not None:
            self._require("key_file", because="key_password_file")
        try:
            context = create_default_context(cafile=self.ca_file)
        except OSError as error:  # SSLError is one
            raise _unusable("ca_file", error, "a PEM file of certificates") from error
        context.minimum_version = TLSVersion.TLSv1_2
        if self.certificate_file is not None and self.key_file is not None:
            _refuse_open_to_all("key_file", self.key_file)
            secret = "" if self.key_password_file is None else _secret("key_password_file", self.key_password_file)
            try:
                # The password is always given: without one OpenSSL would ask for it on the terminal.
                context.load_cert_chain(self.certificate_file, self.key_file, password=lambda: secret)
            except OSError as error:
                wanted = "PEM files that belong together, with the password of the key if it has one"
                raise _unusable("certificate_file", error, wanted, and_of="key_file") from error
        return context

    def _credentials(self) -> dict[str, str]:
        self._require("username", because="security_protocol")
        self._require("password_file", because="security_protocol")
        assert self.password_file is not None
        return {
            "sasl_mechanism": self.sasl_mechanism.upper(),
            "sasl_plain_username": str(self.username),
            "sasl_plain_password": _secret("password_file", self.password_file),
        }

    def _require_together(self, one: str, other: str) -> None:
        for name, because in ((one, other), (other, one)):
            if getattr(self, because) is not None:
                self._require(name, because=because)

    def _require(self, name: str, *, because: str) -> None:
        if getattr(self, name) is None:
            reason = f" {self.security_protocol}" if because == "security_protocol" else ""
            raise SettingsError(f"{_variable(name)} is not set and {_variable(because)}{reason} needs it; set both")


def _variable(name: str) -> str:
    return f"{PREFIX}BROKER__{name}".upper()


def _unusable(name: str, error: OSError, wanted: str, *, and_of: str = "") -> SettingsError:
    """What is wrong with a file, in words of the system; never what stands in it."""
    which = f"{_variable(name)} with {_variable(and_of)}" if and_of else _variable(name)
    reason = (error.reason or "no certificate found") if isinstance(error, SSLError) else error.strerror
    return SettingsError(f"{which} cannot be used ({str(reason).replace('_', ' ').lower()}); name {wanted}")


def _secret(name: str, path: Path) -> str:
    """The text of a file of one line that only its owner and group can read."""
    _refuse_open_to_all(name, path)
    try:
        secret = path.read_bytes().decode().rstrip("\r\n")
    except OSError as error:
        raise _unusable(name, error, "a readable file that holds the password") from error
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"{_variable(name)} names a file that is not UTF-8 text; write the password as UTF-8"
        ) from error
    if not secret:
        raise SettingsError(f"{_variable(name)} names an empty file; write the password into it")
    return secret


def _refuse_open_to_all(name: str, path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise _unusable(name, error, "a file that can be read") from error
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        raise SettingsError(
            f"{_variable(name)} names a file that every user of this machine can read or change; "
            "take that from others with `chmod o= FILE`"
        )
