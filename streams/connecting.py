"""A connected admin client; what keeps us from the broker leaves as one sentence that names the fix."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ssl import SSLCertVerificationError, SSLEOFError, SSLError
from typing import Any

CONNECT_SECONDS = 12.0
ANSWER_SECONDS = 30.0
PROBE_SECONDS = 5.0
_SETTING = "CLAIMSTREAM_BROKER__"
_EXPIRED, _OTHER_NAME = 10, (62, 64)  # of OpenSSL's X509_V_ERR_…: name and address


class TopicsError(Exception):
    """Trouble with the topics of a broker, in one sentence."""


class BrokerUnreachable(TopicsError):  # noqa: N818 - says what happened
    """No broker answers at the address."""


class BrokerRefused(TopicsError):  # noqa: N818 - says what happened
    """The broker answered, and refused, or is not the one to be trusted."""


@asynccontextmanager
async def open_admin(bootstrap: str, client: Mapping[str, Any] | None) -> AsyncIterator[Any]:
    """A connected admin client; trouble of the connection or of the broker leaves as our own exceptions."""
    from aiokafka.admin import AIOKafkaAdminClient  # noqa: PLC0415 - names alone need no client
    from aiokafka.errors import KafkaConnectionError, KafkaError, NodeNotReadyError, RequestTimedOutError  # noqa: PLC0415

    options = (
        {"request_timeout_ms": int(CONNECT_SECONDS * 1000)} | dict(client or {}) | {"bootstrap_servers": bootstrap}
    )
    admin = AIOKafkaAdminClient(**options)
    try:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await admin.start()
        except (KafkaError, OSError) as error:  # TimeoutError is an OSError
            raise await not_connected(options) from error
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                yield admin
        except (KafkaConnectionError, NodeNotReadyError, RequestTimedOutError, OSError) as error:
            raise BrokerUnreachable(
                f"the Kafka broker at {bootstrap} answered and then fell silent ({type(error).__name__}); look whether "
                "it runs, and whether the address it advertises can be reached from here"
            ) from error
        except KafkaError as error:
            raise BrokerRefused(
                f"the Kafka broker at {bootstrap} refused: {error}; look at the broker's log"
            ) from error
    finally:
        await admin.close()


async def not_connected(client: Mapping[str, Any]) -> TopicsError:
    """Why a client with these options cannot connect; the error of aiokafka's own clients does not say.

    BrokerRefused for what waiting does not mend: a certificate, a password. BrokerUnreachable otherwise.
    """
    bootstrap = client["bootstrap_servers"]
    for address in bootstrap.split(","):
        trouble = await _trouble_at(address, client)
        if trouble is not None:
            return trouble
    return BrokerUnreachable(
        f"no Kafka broker answers at {bootstrap}; start it, or set CLAIMSTREAM_BROKER__BOOTSTRAP to its address"
    )


async def _trouble_at(address: str, client: Mapping[str, Any]) -> TopicsError | None:
    """Connect to one broker once more, for the error alone; None when nobody is there, or all is well now."""
    from aiokafka.conn import collect_hosts, create_conn  # noqa: PLC0415 - as above
    from aiokafka.errors import KafkaConnectionError, KafkaError  # noqa: PLC0415

    [(host, port, _)] = collect_hosts([address])
    options = {name: client[name] for name in client if name.startswith(("sasl_", "ssl_", "security_"))}
    protocol = options.get("security_protocol", "PLAINTEXT")
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            connection = await create_conn(host, port, **options)
            await connection.close()
    except (KafkaConnectionError, OSError) as error:
        cause = error.__cause__ or error
        if isinstance(cause, SSLError) and not isinstance(cause, SSLEOFError):
            return BrokerRefused(_tls_sentence(address, cause))
        if isinstance(cause, (SSLEOFError, EOFError, ConnectionResetError)):
            return BrokerUnreachable(
                f"the Kafka broker at {address} hangs up on {protocol}; set {_SETTING}SECURITY_PROTOCOL to what it "
                "speaks there, or wait if it is stopping"
            )
    except KafkaError as error:
        return BrokerRefused(
            f"the Kafka broker at {address} did not let {options.get('sasl_plain_username')} in by "
            f"{options.get('sasl_mechanism')} ({type(error).__name__}); correct {_SETTING}USERNAME, "
            f"{_SETTING}PASSWORD_FILE or {_SETTING}SASL_MECHANISM, or add the user to the broker"
        )
    return None


def _tls_sentence(address: str, error: SSLError) -> str:
    if not isinstance(error, SSLCertVerificationError):
        reason = (error.reason or "no reason given").replace("_", " ").lower()
        return (
            f"the Kafka broker at {address} refused the TLS connection ({reason}); if it asks for certificates set "
            f"{_SETTING}CERTIFICATE_FILE and {_SETTING}KEY_FILE to one it trusts, and {_SETTING}SECURITY_PROTOCOL "
            "to what it speaks there"
        )
    if error.verify_code == _EXPIRED:
        fix = "renew it on the broker"
    elif error.verify_code in _OTHER_NAME:
        fix = f"write the name it was issued for into {_SETTING}BOOTSTRAP, or have it issued for this one"
    else:
        fix = f"set {_SETTING}CA_FILE to the authority that issued it"
    reason = error.verify_message.rstrip(".")
    return f"the certificate of the Kafka broker at {address} cannot be trusted ({reason}); {fix}"
