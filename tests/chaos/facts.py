"""What else arrives for a member: authorizations and encounters among the claims, so that order and state matter."""

import json
import random
from collections.abc import Iterable, Iterator
from typing import Any

from streams.demo.generator import FeedRecord

ONE_IN = 40


def with_facts(records: Iterable[FeedRecord], rng: random.Random) -> Iterator[FeedRecord]:
    """After every fortieth record or so, a fact about the member of the last claim that came as JSON."""
    claim: dict[str, Any] | None = None
    for record in records:
        yield record
        claim = _claim(record) or claim
        if claim is not None and rng.randrange(ONE_IN) == 0:
            make = rng.choice((_authorization, _encounter))
            yield record._replace(value=json.dumps(make(claim, rng)).encode(), content_type=None, items=0)


def _claim(record: FeedRecord) -> dict[str, Any] | None:
    try:
        tree = json.loads(record.value)
        return tree if tree["payer"]["id"] and tree["subscriber"]["member_id"] and tree["service_lines"] else None
    except (ValueError, LookupError, TypeError):
        return None


def _authorization(claim: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    return {
        "payer_id": claim["payer"]["id"],
        "member_id": claim["subscriber"]["member_id"],
        "authorization_number": f"PA{rng.randrange(10**7, 10**8)}",
        "status": rng.choice(("approved", "denied", "voided")),
        "services": [{"procedure_code": claim["service_lines"][0]["procedure_code"]}],
    }


def _encounter(claim: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    return {
        "payer_id": claim["payer"]["id"],
        "member_id": claim["subscriber"]["member_id"],
        "service_date": claim["service_lines"][0]["service_date_from"],
        "guidance": rng.choice(("fluoroscopy", "ultrasound", "none")),
    }
