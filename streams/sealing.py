"""Sealing: what state must keep and nobody may read on a topic, such as the numbers of claims and authorizations."""

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

_PURPOSE = b"claimstream state seal 1"


class SealBrokenError(Exception):
    """What was sealed was sealed under another key, or was changed since."""


class Seal:
    """Seals bytes under a key of its own, made from the site's secret key.

    AES-SIV (RFC 5297) gives the same bytes for the same content, so that a repeat is a repeat: nothing is random.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AESSIV(hmac.new(key, _PURPOSE, hashlib.sha512).digest())

    def close(self, content: bytes) -> bytes:
        """Seal; 16 bytes longer than `content`, which must not be empty."""
        return self._cipher.encrypt(content, None)

    def open(self, sealed: bytes) -> bytes:
        """What was sealed. Raises SealBrokenError."""
        try:
            return self._cipher.decrypt(sealed, None)
        except InvalidTag as error:
            raise SealBrokenError(
                "a state entry was sealed under another key, or is damaged; set CLAIMSTREAM_TOKEN_KEY_FILE to the key "
                "it was written with"
            ) from error
