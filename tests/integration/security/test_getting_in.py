"""Getting in: by password and by certificate, and what is said where that fails."""

import asyncio
import datetime as dt
import ssl
from pathlib import Path

import pytest
import trustme

from streams.broker_settings import BrokerSettings
from streams.connecting import BrokerRefused, BrokerUnreachable, open_admin
from streams.embedded_kafka import EmbeddedKafka


@pytest.mark.parametrize("way", ["certificate", "PLAIN over TLS", "SCRAM-SHA-256"])
async def test_a_claim_goes_all_the_way_and_no_secret_is_told(
    topics, access, claimstream, start_worker, reader, claim_file, way
):
    enter = {
        "certificate": access.by_certificate,
        "PLAIN over TLS": access.by_plain,
        "SCRAM-SHA-256": lambda user: access.by_scram(user, "SCRAM-SHA-256"),
    }[way]
    worker = start_worker(CLAIMSTREAM_LOG_LEVEL="debug", **enter("claimstream-worker"))
    fed = claimstream(enter("claimstream-feeder"), "feed", claim_file)
    decided = await reader.until(len, topics.accepted, topics.flagged, topics.denied_risk)
    stopped = worker.terminate()

    assert (0, "") == (fed.returncode, fed.stderr)
    assert 1 == len(decided)
    assert 0 == stopped
    assert "streams.state.store" in worker.log()
    assert "s3cret" not in worker.log()


async def test_passwords_cross_an_open_connection_on_this_machine_alone(topics, access, claimstream, claim_file):
    here = access.by_plain("claimstream-feeder", "SASL_PLAINTEXT")
    fed = claimstream(here, "feed", claim_file)
    elsewhere = claimstream(here | {"CLAIMSTREAM_BROKER__BOOTSTRAP": "kafka.invalid:9092"}, "feed", claim_file)

    assert (0, f"{claim_file}: 1 record, 1 claim\n") == (fed.returncode, fed.stdout)
    assert (2, 1) == (elsewhere.returncode, elsewhere.stderr.count("\n"))
    assert "which is not this machine, and the connection is not encrypted" in elsewhere.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("topics", "check"),
        ("feed", "claims.json"),
        ("replay", "status", "--job", "j"),
        ("worker",),
    ],
)
def test_a_wrong_password_ends_a_command_with_one_sentence(access, keys, claimstream, claim_file, command):
    wrong = keys.password_file("wrong", "another-s3cret")
    variables = access.by_scram("claimstream-worker") | {
        "CLAIMSTREAM_BROKER__PASSWORD_FILE": str(wrong),
        "CLAIMSTREAM_TOKEN_KEY_FILE": str(wrong),
    }
    ended = claimstream(variables, *command)
    said = ended.stderr.splitlines()

    assert (3, "") == (ended.returncode, ended.stdout)
    assert "did not let claimstream-worker in by SCRAM-SHA-512" in said[-1]
    assert "correct CLAIMSTREAM_BROKER__USERNAME, CLAIMSTREAM_BROKER__PASSWORD_FILE or" in said[-1]
    assert command == ("worker",) or len(said) == 1
    assert "s3cret" not in ended.stderr


async def refusal(client) -> str:
    with pytest.raises(BrokerRefused) as raised:
        async with open_admin(client["bootstrap_servers"], client):
            pytest.fail("it let us in")
    assert "\n" not in str(raised.value)
    return str(raised.value)


async def test_a_broker_of_an_unknown_authority_is_not_trusted(access, tmp_path: Path):
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    client = access.settings(
        access.by_scram("claimstream-feeder"), ca_file=str(tmp_path / "other.pem")
    ).client_options()

    assert "cannot be trusted (unable to get local issuer certificate" in await refusal(client)
    assert "set CLAIMSTREAM_BROKER__CA_FILE to the authority that issued it" in await refusal(client)


async def test_a_broker_of_another_name_is_not_trusted(access):
    named = access.settings(access.by_scram("claimstream-feeder"))
    port = named.bootstrap.partition(":")[2]
    client = named.client_options() | {"bootstrap_servers": f"localhost:{port}"}

    assert "certificate is not valid for 'localhost'); write the name it was issued for into" in await refusal(client)


async def test_a_broker_whose_certificate_has_expired_is_not_trusted(access, keys):
    expired = keys.authority.issue_cert("127.0.0.1", not_after=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    expired.configure_cert(context)
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0, ssl=context)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    client = access.settings(access.by_scram("claimstream-feeder"), bootstrap=address).client_options()

    async with server:
        assert f"at {address} cannot be trusted (certificate has expired); renew it on the broker" in await refusal(
            client
        )


async def test_a_broker_that_asks_for_a_certificate_says_so(access):
    enter = access.by_certificate("claimstream-feeder")
    without = {name: value for name, value in enter.items() if "CERTIFICATE" not in name and "KEY" not in name}
    said = await refusal(access.settings(without).client_options())

    assert "refused the TLS connection (" in said
    assert "certificate required" in said
    assert "set CLAIMSTREAM_BROKER__CERTIFICATE_FILE and CLAIMSTREAM_BROKER__KEY_FILE to one it trusts" in said


@pytest.mark.parametrize(("spoken", "listener"), [("plaintext", "SASL_SSL"), ("ssl", "plain")])
async def test_another_protocol_than_the_listener_speaks_is_guessed_at(kafka: EmbeddedKafka, keys, spoken, listener):
    address = kafka.bootstrap if listener == "plain" else kafka.at(listener)
    trusted = {"ca_file": keys.ca_file} if spoken == "ssl" else {}
    client = BrokerSettings(bootstrap=address, security_protocol=spoken, **trusted).client_options()

    with pytest.raises(BrokerUnreachable, match=f"hangs up on {spoken.upper()}; set CLAIMSTREAM_BROKER__SECURITY_PRO"):
        async with open_admin(address, client):
            pytest.fail("it let us in")
