import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiokafka import AIOKafkaConsumer
from cryptography.hazmat.primitives import serialization

from streams.acls import ROLES, Contract
from streams.broker_acls import add_acls
from streams.connecting import open_admin
from streams.embedded_kafka import EmbeddedKafka, Security
from streams.settings import BrokerSettings
from streams.topics import Layout, Topics

ROOT = Path(__file__).parents[3]
Variables = dict[str, str]
LAID_OUT = {"CLAIMSTREAM_BROKER__PARTITIONS": "2", "CLAIMSTREAM_BROKER__RECEIVED_PARTITIONS": "2"}
CLAIM = {
    "claim_id": "PT-1",
    "claim_type": "professional",
    "total_charge": "1850.00",
    "payer": {"id": "MCR", "filing_indicator": "MB"},
    "subscriber": {"member_id": "M1"},
    "billing_provider": {"npi": "1234567893"},
    "diagnoses": [{"code": "M5416"}],
    "service_lines": [
        {
            "line_number": 1,
            "procedure_code": "62323",
            "charge": "1850.00",
            "units": "1",
            "service_date_from": "2026-06-15",
        }
    ],
}
Run = Callable[..., subprocess.CompletedProcess[str]]


def password_of(user: str) -> str:
    return f"s3cret-of-{user}"


@dataclass(frozen=True)
class Keys:
    """Certificates made for these tests, and files of passwords, as an operator would lay them out."""

    folder: Path
    authority: trustme.CA

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.pem"

    def server(self, certificate: trustme.LeafCert, name: str = "broker") -> Path:
        """A keystore as Kafka reads it: the key as PKCS #8, then the chain."""
        key = serialization.load_pem_private_key(certificate.private_key_pem.bytes(), None)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = self.folder / f"{name}-keystore.pem"
        path.write_bytes(pem + b"".join(part.bytes() for part in certificate.cert_chain_pems))
        return path

    def client(self, user: str) -> tuple[Path, Path]:
        """The certificate and key of a user, its common name."""
        certificate, key = self.folder / f"{user}.pem", self.folder / f"{user}.key"
        if not key.exists():
            issued = self.authority.issue_cert("client.invalid", common_name=user)
            issued.cert_chain_pems[0].write_to_path(certificate)
            self.private(key, issued.private_key_pem.bytes())
        return certificate, key

    def password_file(self, user: str, password: str | None = None) -> Path:
        return self.private(self.folder / f"{user}.password", (password or password_of(user)).encode() + b"\n")

    @staticmethod
    def private(path: Path, content: bytes) -> Path:
        path.touch(mode=0o600)
        path.write_bytes(content)
        return path


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    made = Keys(tmp_path_factory.mktemp("keys"), trustme.CA())
    made.authority.cert_pem.write_to_path(made.ca_file)
    return made


@pytest.fixture(scope="session")
def kafka(keys: Keys) -> Iterator[EmbeddedKafka]:
    """A broker with TLS, SASL and ACLs; `bootstrap` is its plain listener, by which the tests themselves may all."""
    certificate = keys.authority.issue_cert("127.0.0.1", common_name="broker")
    users = {f"claimstream-{role}": password_of(f"claimstream-{role}") for role in (*ROLES, "stranger")}
    with EmbeddedKafka(security=Security(keys.server(certificate), keys.ca_file, users)) as broker:
        yield broker


@dataclass(frozen=True)
class Access:
    """The settings by which a user gets into the broker, in each of the ways there are."""

    kafka: EmbeddedKafka
    keys: Keys

    def by_scram(self, user: str, mechanism: str = "SCRAM-SHA-512") -> Variables:
        return self._named("SASL_SSL", user) | {"CLAIMSTREAM_BROKER__SASL_MECHANISM": mechanism}

    def by_plain(self, user: str, protocol: str = "SASL_SSL") -> Variables:
        return self._named(protocol, user) | {"CLAIMSTREAM_BROKER__SASL_MECHANISM": "PLAIN"}

    def by_certificate(self, user: str) -> Variables:
        certificate, key = self.keys.client(user)
        return self._at("SSL") | {
            "CLAIMSTREAM_BROKER__CERTIFICATE_FILE": str(certificate),
            "CLAIMSTREAM_BROKER__KEY_FILE": str(key),
        }

    def client(self, user: str) -> dict[str, Any]:
        """The options of a Kafka client of this user."""
        return self.settings(self.by_scram(user)).client_options()

    @staticmethod
    def settings(variables: Variables, **others: str) -> BrokerSettings:
        """The broker settings these variables come to."""
        named = {name.removeprefix("CLAIMSTREAM_BROKER__").lower(): value for name, value in variables.items()}
        return BrokerSettings(**(named | others))

    async def first_decision(self, user: str, topics: Topics, group: str) -> Any:
        """The first decision there is, read as whoever bills reads them: in a consumer group."""
        names = (topics.accepted, topics.flagged, topics.denied_risk)
        options = {"group_id": group, "auto_offset_reset": "earliest"}
        async with AIOKafkaConsumer(*names, **options, **self.client(user)) as consumer, asyncio.timeout(120):
            record = await consumer.getone()
            await consumer.commit()
        return json.loads(record.value)

    def _named(self, protocol: str, user: str) -> Variables:
        return self._at(protocol) | {
            "CLAIMSTREAM_BROKER__USERNAME": user,
            "CLAIMSTREAM_BROKER__PASSWORD_FILE": str(self.keys.password_file(user)),
        }

    def _at(self, protocol: str) -> Variables:
        trusted = {} if protocol == "SASL_PLAINTEXT" else {"CLAIMSTREAM_BROKER__CA_FILE": str(self.keys.ca_file)}
        return {**LAID_OUT, **trusted} | {
            "CLAIMSTREAM_BROKER__BOOTSTRAP": self.kafka.at(protocol),
            "CLAIMSTREAM_BROKER__SECURITY_PROTOCOL": protocol,
        }


@pytest.fixture
def access(kafka: EmbeddedKafka, keys: Keys) -> Access:
    return Access(kafka, keys)


@pytest.fixture
def layout() -> Layout:
    """As the commands lay it out under the variables of `claimstream`."""
    return Layout(partitions=2, received_partitions=2)


@pytest.fixture
async def administered(kafka: EmbeddedKafka, prefix: str) -> Contract:
    """Only the administrator's permissions, as whoever runs the broker grants them once."""
    return await administered_by(kafka, prefix)


async def administered_by(kafka: EmbeddedKafka, prefix: str) -> Contract:
    """Let the administrator administer a prefix."""
    contract = Contract(Topics(prefix))
    own = [acl for acl in contract.acls() if acl.principal == contract.principal("administrator")]
    async with open_admin(kafka.bootstrap, None) as admin:
        await add_acls(admin, own)
    return contract


@pytest.fixture
async def topics(administered: Contract, access: "Access", claimstream: "Run") -> AsyncIterator[Topics]:
    """Topics and ACLs of a prefix of the test's own, made by the administrator."""
    applied = claimstream(access.by_scram("claimstream-administrator"), "topics", "apply")
    assert (0, "") == (applied.returncode, applied.stderr)
    yield administered.topics
    async with open_admin(access.kafka.bootstrap, None) as admin:
        ours = [name for name in await admin.list_topics() if name.startswith(administered.topics.prefix)]
        await admin.delete_topics(ours)


@pytest.fixture
def claim_file(tmp_path: Path) -> str:
    """A file of one claim, where commands run."""
    (tmp_path / "claims.json").write_text(json.dumps(CLAIM))
    return "claims.json"


@pytest.fixture
def claimstream(prefix: str, tmp_path: Path) -> Run:
    """Run a command as an operator would, with nothing of this environment's own settings."""

    def run(variables: Variables, *arguments: str) -> subprocess.CompletedProcess[str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("CLAIMSTREAM_")}
        return subprocess.run(
            [sys.executable, "-m", "streams", *arguments],
            cwd=tmp_path,
            env=own
            | {
                "PYTHONPATH": str(ROOT),
                "CLAIMSTREAM_BROKER__PREFIX": prefix,
                "CLAIMSTREAM_STATE__DIR": str(tmp_path / "state"),
            }
            | variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
