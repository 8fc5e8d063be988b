"""TLS, SASL and ACLs of an embedded Kafka, for tests of how clients get in and what they may do there."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LISTENERS = ("SSL", "SASL_SSL", "SASL_PLAINTEXT")
MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")
_LOGIN_MODULES = {
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
}


@dataclass(frozen=True, slots=True)
class Security:
    """Three listeners beside the plain one, and an authorizer that denies what no ACL allows.

    SSL asks for a client certificate, whose common name becomes the principal; SASL_SSL and SASL_PLAINTEXT for a name
    and password of `users`, by SCRAM or PLAIN. The plain listener is the tests' own: whoever comes by it may do
    everything. Passwords stand in the broker's folder and for a moment in the list of processes: made-up ones only.
    """

    keystore: Path
    """PEM: the broker's private key (PKCS #8), its certificate and its chain."""
    truststore: Path
    """PEM: the authorities of client certificates."""
    users: Mapping[str, str]

    def properties(self) -> dict[str, str]:
        """Settings of the broker, apart from the addresses of its listeners."""
        plain_users = "".join(f' user_{name}="{password}"' for name, password in self.users.items())
        logins = {
            f"listener.name.{listener.lower()}.{mechanism.lower()}.sasl.jaas.config": (
                f"{_LOGIN_MODULES[mechanism]} required{plain_users if mechanism == 'PLAIN' else ''};"
            )
            for listener in LISTENERS
            if listener.startswith("SASL")
            for mechanism in MECHANISMS
        }
        return logins | {
            "listener.security.protocol.map": ",".join(f"{name}:{name}" for name in ("PLAINTEXT", *LISTENERS))
            + ",CONTROLLER:PLAINTEXT",
            "sasl.enabled.mechanisms": ",".join(MECHANISMS),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.keystore),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.truststore),
            "listener.name.ssl.ssl.client.auth": "required",
            "ssl.principal.mapping.rules": r"RULE:^.*CN=([^,]+).*$/$1/,DEFAULT",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "false",
            "super.users": "User:ANONYMOUS",
        }

    def format_options(self) -> list[str]:
        """What the storage tool is told besides: the users of SCRAM, who are part of the cluster's metadata."""
        return [
            option
            for name, password in self.users.items()
            for mechanism in MECHANISMS
            if mechanism != "PLAIN"
            for option in ("--add-scram", f"{mechanism}=[name={name},password={password}]")
        ]
