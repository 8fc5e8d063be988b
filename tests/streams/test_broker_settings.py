import re
import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from streams.broker_settings import BrokerSettings
from streams.settings import SettingsError, known_variables, load_settings


@pytest.fixture(autouse=True)
def in_an_empty_folder_without_variables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in known_variables():
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def files(authority: trustme.CA) -> dict[str, str]:
    """A certificate, its key and its authority as files of this folder."""
    issued = authority.issue_cert("client.invalid")
    authority.cert_pem.write_to_path("ca.pem")
    issued.cert_chain_pems[0].write_to_path("client.pem")
    private("client.key", issued.private_key_pem.bytes())
    return {"ca_file": "ca.pem", "certificate_file": "client.pem", "key_file": "client.key"}


def private(name: str, content: bytes) -> str:
    Path(name).touch(mode=0o600)
    Path(name).write_bytes(content)
    return name


@pytest.fixture
def password() -> dict[str, str]:
    return {"username": "worker", "password_file": private("password", b"s3cret word\n")}


def refusal(**settings) -> str:
    with pytest.raises(SettingsError) as raised:
        BrokerSettings(**settings).client_options()
    sentence = str(raised.value)
    assert "\n" not in sentence
    assert "s3cret" not in sentence
    return sentence


def test_a_name_and_password_go_to_the_client_over_tls(password):
    options = BrokerSettings(bootstrap="kafka.example:9093", security_protocol="sasl_ssl", **password).client_options()
    context = options.pop("ssl_context")

    assert {
        "bootstrap_servers": "kafka.example:9093",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "worker",
        "sasl_plain_password": "s3cret word",
    } == options
    assert (True, ssl.CERT_REQUIRED) == (context.check_hostname, context.verify_mode)
    assert ssl.TLSVersion.TLSv1_2 == context.minimum_version


def test_names_of_protocols_and_mechanisms_are_read_as_kafka_writes_them(monkeypatch, password):
    monkeypatch.setenv("CLAIMSTREAM_BROKER__SECURITY_PROTOCOL", "SASL_PLAINTEXT")
    monkeypatch.setenv("CLAIMSTREAM_BROKER__SASL_MECHANISM", "SCRAM-SHA-256")
    monkeypatch.setenv("CLAIMSTREAM_BROKER__USERNAME", password["username"])
    monkeypatch.setenv("CLAIMSTREAM_BROKER__PASSWORD_FILE", password["password_file"])
    options = load_settings().broker.client_options()

    assert ("SASL_PLAINTEXT", "SCRAM-SHA-256") == (options["security_protocol"], options["sasl_mechanism"])
    assert "s3cret" not in repr(load_settings())


def test_a_client_certificate_is_loaded_with_its_key(files):
    options = BrokerSettings(security_protocol="ssl", **files).client_options()

    assert {"bootstrap_servers", "security_protocol", "ssl_context"} == options.keys()
    assert 1 == options["ssl_context"].cert_store_stats()["x509_ca"]


def test_a_key_with_a_password_needs_that_password(files):
    key = serialization.load_pem_private_key(Path("client.key").read_bytes(), None)
    how = serialization.BestAvailableEncryption(b"s3cret")
    private("client.key", key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how))
    right, wrong = private("right", b"s3cret\n"), private("wrong", b"other\n")

    assert BrokerSettings(security_protocol="ssl", **files, key_password_file=right).client_options()
    for without in ({}, {"key_password_file": wrong}):
        said = refusal(security_protocol="ssl", **files, **without)
        assert said.startswith("CLAIMSTREAM_BROKER__CERTIFICATE_FILE with CLAIMSTREAM_BROKER__KEY_FILE cannot be used")
        assert said.endswith("with the password of the key if it has one")


def test_a_key_of_another_certificate_is_refused(files, authority):
    private("client.key", authority.issue_cert("other.invalid").private_key_pem.bytes())

    assert "cannot be used (key values mismatch); name PEM files that belong together" in refusal(
        security_protocol="ssl", **files
    )


IDLE_CA = (
    "^CLAIMSTREAM_BROKER__CA_FILE is set and CLAIMSTREAM_BROKER__SECURITY_PROTOCOL is plaintext, which does not use "
    "it; set CLAIMSTREAM_BROKER__SECURITY_PROTOCOL=ssl or sasl_ssl, or remove CLAIMSTREAM_BROKER__CA_FILE$"
)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"ca_file": "x"}, IDLE_CA),
        ({"security_protocol": "sasl_plaintext", "key_file": "x"}, "KEY_FILE is set and .* is sasl_plaintext"),
        ({"security_protocol": "ssl", "username": "x"}, "USERNAME is set and .* is ssl, which does not use it"),
        ({"sasl_mechanism": "plain"}, "SASL_MECHANISM is set and .* is plaintext"),
        (
            {"security_protocol": "ssl", "certificate_file": "x"},
            "^CLAIMSTREAM_BROKER__KEY_FILE is not set and CLAIMSTREAM_BROKER__CERTIFICATE_FILE needs it; set both$",
        ),
        ({"security_protocol": "ssl", "key_file": "x"}, "CERTIFICATE_FILE is not set and .*KEY_FILE needs it"),
        ({"security_protocol": "ssl", "key_password_file": "x"}, "KEY_FILE is not set and .*KEY_PASSWORD_FILE needs"),
        ({"security_protocol": "sasl_ssl", "password_file": "x"}, "USERNAME is not set and .*PROTOCOL sasl_ssl needs"),
        ({"security_protocol": "sasl_ssl", "username": "x"}, "PASSWORD_FILE is not set and .*PROTOCOL sasl_ssl needs"),
        (
            {"security_protocol": "ssl", "ca_file": "none"},
            r"CA_FILE cannot be used \(no such file or directory\); name",
        ),
        (
            {"security_protocol": "sasl_ssl", "username": "x", "password_file": "none"},
            r"PASSWORD_FILE cannot be used \(no such file or directory\); name a file that can be read",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_one_sentence(settings, sentence):
    assert re.search(sentence, refusal(**settings))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"\n", "names an empty file"), (b"\xff", "not UTF-8 text"), (None, "cannot be used (is a directory)")],
)
def test_a_password_file_without_a_password_is_named(content, words):
    if content is None:
        Path("password").mkdir(mode=0o700)
    else:
        private("password", content)

    assert words in refusal(security_protocol="sasl_ssl", username="x", password_file="password")


def test_a_file_of_authorities_that_holds_none_is_named():
    Path("ca.pem").write_text("s3cret")

    assert refusal(security_protocol="ssl", ca_file="ca.pem").startswith("CLAIMSTREAM_BROKER__CA_FILE cannot be used (")


@pytest.mark.parametrize("mode", [0o644, 0o602])
def test_secrets_that_every_user_can_read_or_change_are_refused(files, password, mode):
    Path("password").chmod(mode)
    Path("client.key").chmod(mode)

    assert "PASSWORD_FILE names a file that every user of this machine can read" in refusal(
        security_protocol="sasl_ssl", **password
    )
    assert "KEY_FILE names a file that every user" in refusal(security_protocol="ssl", **files)


def test_a_group_may_share_a_secret(password):
    Path("password").chmod(0o640)

    assert BrokerSettings(security_protocol="sasl_ssl", **password).client_options()


@pytest.mark.parametrize("mechanism", ["plain", "scram-sha-512"])
def test_a_password_does_not_leave_this_machine_in_the_open_unless_allowed(password, mechanism):
    elsewhere = {"bootstrap": "kafka.example:9092", "security_protocol": "sasl_plaintext", "sasl_mechanism": mechanism}
    allowed = BrokerSettings(**elsewhere, **password, allow_plaintext=True).client_options()

    assert "kafka.example:9092, which is not this machine, and the connection is not encrypted" in refusal(
        **elsewhere, **password
    )
    assert "SASL_PLAINTEXT" == allowed["security_protocol"]


def test_principals_are_named_by_role(monkeypatch):
    monkeypatch.setenv("CLAIMSTREAM_BROKER__PRINCIPALS", "worker=User:CN=worker, reader=User:billing")
    contract = load_settings().broker.contract()

    assert ("User:CN=worker", "User:billing") == (contract.principal("worker"), contract.principal("reader"))
    assert "User:claimstream-feeder" == contract.principal("feeder")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            "owner=User:x",
            "owner is no role; the roles are worker, feeder, reader, redriver, auditor, replayer, purger, ",
        ),
        ("worker=x", "a principal does not begin with User:"),
        ("worker=User:", "a principal does not begin with User:"),
    ],
)
def test_a_principal_of_no_role_or_no_name_is_an_error(monkeypatch, given, words):
    monkeypatch.setenv("CLAIMSTREAM_BROKER__PRINCIPALS", given)

    with pytest.raises(SettingsError, match=f"CLAIMSTREAM_BROKER__PRINCIPALS .*{words}"):
        load_settings()
