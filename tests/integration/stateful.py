"""Members whose claims and facts a worker has taken, and commands that look at what it keeps of them."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer, ConsumerRecord

from streams.replay.job import outcome_topics
from streams.topics import Topics
from tests.integration.conftest import DEADLINE_SECONDS, Reader
from tests.streams.intake.building import encoded

PARTITIONS = 2
LAID_OUT = {
    "CLAIMSTREAM_BROKER__PARTITIONS": str(PARTITIONS),
    "CLAIMSTREAM_BROKER__RECEIVED_PARTITIONS": str(PARTITIONS),
}
PAYER = {"id": "EXPLAN", "filing_indicator": "CI"}
GROUP = "claimstream"


def a_claim(name: str, member: str = "M1", *codes: str, on: str = "2026-06-15", **changes: Any) -> bytes:
    """A claim of a member with a line for each code, 62323 if none is given."""
    lines = [
        {"line_number": number, "procedure_code": code, "charge": "900.00", "units": "1", "service_date_from": on,
         "diagnosis_pointers": [1]}
        for number, code in enumerate(codes or ("62323",), start=1)
    ]  # fmt: skip
    claim = {
        "claim_id": name,
        "claim_type": "professional",
        "total_charge": f"{900 * len(lines)}.00",
        "place_of_service": "24",
        "payer": PAYER,
        "subscriber": {
            "member_id": member, "first_name": "Wilhelmina", "last_name": "Quackenbush", "birth_date": "1950-02-01",
        },
        "billing_provider": {"npi": "1234567893"},
        "diagnoses": [{"code": "M54.16"}],
        "service_lines": lines,
    }  # fmt: skip
    return encoded(claim | changes)


def an_authorization(number: str, member: str = "M1", **changes: Any) -> bytes:
    grant = {
        "authorization_number": number,
        "payer_id": PAYER["id"],
        "member_id": member,
        "status": "approved",
        "valid_from": "2026-06-01",
        "valid_to": "2026-09-28",
        "services": [{"procedure_code": "62323", "units": "2"}],
    }
    return encoded(grant | changes)


def an_encounter(member: str = "M1", on: str = "2026-06-15", **changes: Any) -> bytes:
    session = {"payer_id": PAYER["id"], "member_id": member, "service_date": on, "guidance": "fluoroscopy",
               "contrast_used": True, "levels": ["L4-L5"]}  # fmt: skip
    return encoded(session | changes)


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["kind"] == kind]


@dataclass
class Operator:
    """Types commands, under the settings of the workers of a prefix; feeds, and waits until all is done."""

    bootstrap: str
    topics: Topics
    settings: Mapping[str, str]
    reader: Reader
    started: list["subprocess.Popen[str]"] = field(default_factory=list)

    def start(self, *arguments: object, **settings: str) -> "subprocess.Popen[str]":
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CLAIMSTREAM_")}
        own = {"CLAIMSTREAM_BROKER__BOOTSTRAP": self.bootstrap, "CLAIMSTREAM_BROKER__PREFIX": self.topics.prefix}
        process = subprocess.Popen(
            [sys.executable, "-m", "streams", *map(str, arguments)],
            env=environment | own | self.settings | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    async def ended(self, process: "subprocess.Popen[str]") -> Ended:
        out, err = await asyncio.to_thread(process.communicate, timeout=DEADLINE_SECONDS)
        return Ended(process.returncode, out, err)

    async def __call__(self, *arguments: object, code: int = 0, **settings: str) -> Ended:
        done = await self.ended(self.start(*arguments, **settings))
        assert code == done.code, done.err + done.out
        return done

    async def json(self, *arguments: object, code: int = 0, **settings: str) -> Ended:
        return await self(*arguments, "--output", "json", code=code, **settings)

    async def send(self, *records: bytes, source: str = "clinic") -> None:
        """Records into `claims.received`, one after the other in one partition."""
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all") as producer:
            for record in records:
                await producer.send_and_wait(
                    self.topics.received, record, partition=0, headers=[("cs-source", source.encode())]
                )

    async def all_done(self, *topics: str) -> None:
        """Return once the workers have committed everything that was received, and the log of it; or these topics."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            for topic in topics or (self.topics.received, self.topics.patient_events):
                while (await self._committed()).get(topic, 0) < await self.reader.end(topic):  # noqa: ASYNC110 - workers commit
                    await asyncio.sleep(0.05)

    async def _committed(self) -> dict[str, int]:
        return await self.reader.committed(f"{self.topics.prefix}{GROUP}")

    async def log(self) -> list[ConsumerRecord]:
        return await self.reader.to_end(self.topics.patient_events)

    async def decisions(self) -> list[ConsumerRecord]:
        return await self.reader.to_end(*outcome_topics(self.topics))

    async def changelog(self) -> dict[bytes, bytes | None]:
        """The last value of each key; None where it was taken out."""
        return {record.key: record.value for record in await self.reader.to_end(self.topics.state_changelog)}

    def kill(self) -> None:
        for process in self.started:
            process.kill()
            process.communicate()


def bodies(records: Sequence[ConsumerRecord]) -> list[dict[str, Any]]:
    """The decisions among records of outcome topics; withdrawals are left out."""
    found = [json.loads(record.value) for record in records]
    return [body for body in found if "outcome" in body]


def highest(records: Sequence[ConsumerRecord]) -> dict[str, dict[str, Any]]:
    """By event the decision of highest revision."""
    found: dict[str, dict[str, Any]] = {}
    for body in bodies(records):
        if body["event_id"] not in found or body["revision"] >= found[body["event_id"]]["revision"]:
            found[body["event_id"]] = body
    return found


def settings_of(key_file: Path, **more: str) -> dict[str, str]:
    return LAID_OUT | {"CLAIMSTREAM_TOKEN_KEY_FILE": str(key_file), "CLAIMSTREAM_SOURCES": "clinic,other-clinic"} | more
