"""What goes wrong on the way: records that are cut off, are no claims, or hold one that cannot be read.

Each kind leaves as many items (claims and rejections) as the whole record had claims.
"""

import random
from collections.abc import Callable
from typing import Any

from streams.demo.json_writer import json_bytes

Claim = dict[str, Any]


def _without_member_id(claim: Claim) -> bytes:
    claim["subscriber"].pop("member_id")
    return json_bytes(claim)


def _without_diagnoses(claim: Claim) -> bytes:
    return json_bytes(claim | {"diagnoses": []})


def _not_a_number(claim: Claim) -> bytes:
    return json_bytes(claim | {"total_charge": float("nan")})


def _charge_as_float(claim: Claim) -> bytes:
    return json_bytes(claim | {"total_charge": float(claim["total_charge"])})


def _not_utf8(claim: Claim) -> bytes:
    name = claim["subscriber"]["last_name"].encode()
    return json_bytes(claim).replace(name, b"MU\xd1OZ", 1)  # Latin-1


def _cut_off(claim: Claim) -> bytes:
    whole = json_bytes(claim)
    return whole[: len(whole) * 2 // 3]


_OF_JSON: tuple[Callable[[Claim], bytes], ...] = (
    _without_member_id, _without_diagnoses, _not_a_number, _charge_as_float, _not_utf8, _cut_off,
)  # fmt: skip

_NO_CLAIMS = (
    b"claim_id,payer,code,charge\nA-%d,MEDICARE,62323,1850.00\n",
    b"<html><body><h1>502 Bad Gateway</h1><p>request %d</p></body></html>\n",
    b"%%PDF-1.7\n%%\xe2\xe3\xcf\xd3\nSUPERBILL %d\n",
    b'{"resourceType":"Patient","id":"%d"}',
)
"""Files of another kind that land in a feed: each is one rejection."""


def spoiled_json(rng: random.Random, claim: Claim) -> bytes:
    """One JSON claim that cannot be read. May change `claim`."""
    return rng.choice(_OF_JSON)(claim)


def no_claim(rng: random.Random) -> bytes:
    """A record that is no claim at all."""
    return rng.choice(_NO_CLAIMS) % rng.randrange(10**9)


def truncated_x12(interchange: bytes) -> bytes:
    """An interchange whose transfer broke off inside its last claim: all others can be read."""
    last_claim = interchange.rindex(b"CLM*")
    return interchange[: interchange.index(b"*ABK", last_claim)]


def one_bad_claim_in_x12(rng: random.Random, interchange: bytes) -> bytes:
    """An interchange with one claim that lacks its diagnoses; its count of segments is as the sender made it."""
    claims = interchange.count(b"~\nHI*") or interchange.count(b"~HI*")
    start = 0
    for _ in range(rng.randrange(claims) + 1):
        start = interchange.index(b"HI*ABK", start + 1)
    end = interchange.index(b"~", start)
    return interchange[:start] + b"NTE*ADD*SEE NOTES" + interchange[end:]
