"""The independent checker: what must stand on every topic, counted from the bytes that were fed and the log itself.

Of the worker's code it uses only what says how bytes are read and judged (`read_record`, `event_id`, `Decider`), one
record after another in one loop; nothing of chunks, agents and delivery, which is what is on trial.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from schemas.authorization import Authorization
from schemas.claim import Claim
from schemas.decision import Decision
from schemas.encounter import Encounter
from streams.deciding import Decider
from streams.intake.arrival import Arrived, ArrivedFact, event_id
from streams.intake.items import ReadClaim, ReadFact, Rejected
from streams.intake.reading import read_record
from streams.sealing import Seal
from streams.state import changelog, changelog_v1
from streams.state.entry import Moment
from streams.state.patients import Patients
from tests.chaos.accounts import Account, Found, Record, bodies_by, origin_of, place_of, texts
from validators.decide import decision_bytes
from validators.ruleset import Ruleset

KEY = b"a key that only these scenarios have"
UNPROCESSABLE = "unprocessable"
MODELS: dict[str, type[Claim | Authorization | Encounter]] = {
    "application/vnd.claimstream.claim+json;v=1": Claim,
    "application/vnd.claimstream.authorization+json;v=1": Authorization,
    "application/vnd.claimstream.encounter+json;v=1": Encounter,
}
DECISION = "application/vnd.claimstream.decision+json;v=1"


@dataclass(frozen=True)
class Wanted:
    """What a received record holds: ids of its claims, its facts, and of what cannot be read."""

    claims: tuple[str, ...]
    facts: tuple[str, ...]
    rejected: tuple[str, ...]


def wanted_of(record: Record, sources: Collection[str]) -> Wanted:
    """Work out from the bytes of a received record what intake has to find."""
    said = texts(record)
    source = said.get("cs-source", "")
    ids: dict[type, list[str]] = {ReadClaim: [], ReadFact: [], Rejected: []}
    for item in read_record(record.value or b"", said.get("content-type")):
        if isinstance(item, ReadClaim | ReadFact | Rejected):
            ids[type(item)].append(event_id(source if source in sources else "default", item.identity))
    return Wanted(tuple(ids[ReadClaim]), tuple(ids[ReadFact]), tuple(ids[Rejected]))


def account_of_intake(found: Found, sources: Collection[str]) -> Account:
    """Every item of every received record stands in the log or among the dead letters, once, with one body."""
    account = Account()
    whole = Counter(
        origin_of(each) for each in found.received_dead if texts(each)["dlt-exception-code"] == UNPROCESSABLE
    )
    wanted: dict[str, Wanted] = {place_of(each): wanted_of(each, sources) for each in found.received}
    in_log, rejected = Counter[str](), Counter[str]()
    for origin, items in wanted.items():
        if origin not in whole:
            in_log.update(f"{event} of {origin}" for event in (*items.claims, *items.facts))
            rejected.update(f"{event} of {origin}" for event in items.rejected)
    account.records = len(whole) + in_log.total() + rejected.total()
    # What intake did not write has no origin; it must be put aside by validate, and is counted there.
    logged = [(f"{said['cs-event-id']} of {said['cs-origin']}", each) for each, said in _written_by_intake(found.log)]
    account.count(in_log, Counter(name for name, _ in logged), "event")
    parts = [each for each in found.received_dead if origin_of(each) not in whole]
    account.count(rejected, Counter(f"{texts(each).get('cs-event-id')} of {origin_of(each)}" for each in parts), "item")
    account.count(Counter(dict.fromkeys(whole, 1)), whole, "dead letter of")
    account.agree(bodies_by((said["cs-event-id"], each) for each, said in _written_by_intake(found.log)), "event")
    _check_dead_letters(found.received_dead, {place_of(each): each for each in found.received}, account)
    _check_manifests(found.manifests, {o: w for o, w in wanted.items() if o not in whole}, account)
    return account


def account_of_validate(found: Found, ruleset: Ruleset) -> Account:
    """Every position of the log has its decision or dead letter, once; every event has one body, the right one."""
    account = Account()
    log = {place_of(each): each for each in found.log}
    account.records = len(log)
    dead = Counter(origin_of(each) for each in found.log_dead)
    claims, others = Counter[str](), Counter[str]()
    for place, record in log.items():
        model = MODELS.get(texts(record).get("content-type", ""))
        if model is None:
            others[place] += 1
        elif model is Claim and place not in dead:
            claims[place] += 1
    account.count(others | Counter(place for place in dead if place in log), dead, "dead letter of")
    decided = [
        (outcome, each) for outcome, several in found.decisions.items() for each in several if _is_decision(each)
    ]
    times: Counter[str] = Counter()
    for outcome, record in decided:
        body, place = json.loads(record.value or b"{}"), texts(record).get("cs-position", "?")
        times[f"{place} revision {body['revision']}"] += 1
        account.repeats[place] += place in dead
        _check_decision(outcome, record, body, log.get(place), account)
    for place, count in times.items():
        account.repeats[place] += count - 1
    answered = {texts(each).get("cs-position") for _, each in decided}
    account.lost += [f"decision of {place}" for place in claims.keys() - answered]
    account.agree(bodies_by((_identity(each), each) for _, each in decided), "event")
    _check_dead_letters(found.log_dead, log, account)
    _recount(found, ruleset, dead, account)
    return account


def _written_by_intake(log: Sequence[Record]) -> Iterator[tuple[Record, dict[str, str]]]:
    for record in log:
        said = texts(record)
        if "cs-origin" in said and "cs-event-id" in said:
            yield record, said


def _is_decision(record: Record) -> bool:
    return texts(record).get("content-type") == DECISION


def _identity(decision: Record) -> str:
    body = json.loads(decision.value or b"{}")
    return f"{body['event_id']} revision {body['revision']} ruleset {body['ruleset']['sha256'][:12]}"


def _check_decision(outcome: str, record: Record, body: dict[str, Any], claim: Record | None, account: Account) -> None:
    place = texts(record).get("cs-position", "?")
    if claim is None or MODELS.get(texts(claim).get("content-type", "")) is not Claim:
        account.wrong.append(f"decision of {place} was never wanted")
    elif body["event_id"] != texts(claim).get("cs-event-id"):
        account.wrong.append(f"decision of {place} is about another event")
    elif (record.key, record.partition, outcome) != (claim.key, claim.partition, body["outcome"]):
        account.wrong.append(f"decision of {place} has another key, partition or topic than its claim and outcome")


def _check_dead_letters(letters: Sequence[Record], originals: dict[str, Record], account: Account) -> None:
    """A dead letter names its original by hash; one of a whole record is that record, byte for byte."""
    for letter in letters:
        said, original = texts(letter), originals.get(origin_of(letter))
        value = original.value or b"" if original is not None else b""
        if original is None:
            continue  # counted as never wanted
        if said["dlt-sha256"] != hashlib.sha256(value).hexdigest():
            account.wrong.append(f"dead letter of {origin_of(letter)} has the hash of other bytes")
        if said["dlt-exception-code"] == UNPROCESSABLE and letter.value != original.value:
            account.wrong.append(f"dead letter of {origin_of(letter)} is not its original")


def _check_manifests(manifests: Sequence[Record], wanted: dict[str, Wanted], account: Account) -> None:
    """The parts of each received record's manifest name everything in it."""
    parts: dict[str, dict[int, dict[str, Any]]] = defaultdict(dict)
    for record in manifests:
        body = json.loads(record.value or b"{}")
        kept = parts[body["position"]].setdefault(body["part"], body)
        if kept != body:
            account.contradictory.append(f"manifest of {body['position']} part {body['part']} has two bodies")
    for origin, items in wanted.items():
        told = [part for _, part in sorted(parts.get(origin, {}).items())]
        claims = tuple(event for part in told for event in part["event_ids"])
        rejected = tuple(each["event_id"] for part in told for each in part["rejections"])
        if not told or (claims, rejected) != (items.claims, items.rejected):
            account.wrong.append(f"manifest of {origin} is missing or incomplete")


@dataclass
class _Recounted:
    """What one pass over the log gives: bodies by event and revision, withdrawals, and the whole state."""

    bodies: dict[tuple[str, int], bytes] = field(default_factory=dict)
    withdrawals: set[bytes] = field(default_factory=set)
    state: dict[bytes, bytes] = field(default_factory=dict)
    first: dict[bytes, int] = field(default_factory=dict)


def _recount(found: Found, ruleset: Ruleset, dead: Collection[str], account: Account) -> None:
    """One pass over each partition of the log gives every body and the whole state; compare both with what is there."""
    told = _Recounted()
    for partition in {record.partition for record in found.log}:
        patients, decider = Patients(Seal(KEY), ruleset.state), Decider(ruleset)
        for record in sorted((r for r in found.log if r.partition == partition), key=lambda r: r.offset):
            arrived = None if place_of(record) in dead else _from_log(record)
            if arrived is None:
                continue
            day = datetime.fromtimestamp(int(texts(record)["cs-arrived-ms"]) / 1000, UTC).date()
            taken = decider.take(arrived, Moment(record.offset, day), patients)
            for decided in taken.decided:
                decision = decided.decision
                told.bodies.setdefault((decision.event_id, decision.revision), decision_bytes(decision))
                if decided.withdrawn_from is not None:
                    told.withdrawals.add(_withdrawal(decision))
            told.first.setdefault(f"{arrived.patient_token}{arrived.event_id}".encode(), record.offset)
            told.state |= {change.key: change.value or b"" for change in taken.changes}
    ours = ruleset.version.sha256
    # What a version before has decided is not decided anew: it kept no more of a claim than later ones have to know.
    by_others = _decided_by_others(found, ours)
    _compare_bodies(found, ours, by_others, told.bodies, account)
    _compare_withdrawals(found, told.withdrawals, by_others, account)
    _compare_state(found.changelog, told, account)


def _decided_by_others(found: Found, sha256: str) -> set[str]:
    bodies = [json.loads(each.value or b"{}") for each in _decisions(found) if _is_decision(each)]
    first = [(body["event_id"], body["ruleset"]["sha256"] == sha256) for body in bodies if body["revision"] == 0]
    return {event for event, _ in first} - {event for event, by_us in first if by_us}


def _decisions(found: Found) -> Iterator[Record]:
    return (each for several in found.decisions.values() for each in several)


def _withdrawal(decision: Decision) -> bytes:
    told = {"decision_id": decision.supersedes, "event_id": decision.event_id, "superseded_by": decision.decision_id}
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


def _from_log(record: Record) -> Arrived | ArrivedFact | None:
    said = texts(record)
    model = MODELS.get(said.get("content-type", ""))
    if model is None:
        return None
    content = model.model_validate_json(record.value or b"")
    key = (record.key or b"").decode()
    if isinstance(content, Claim):
        return Arrived(content, said["cs-event-id"], key, said["cs-person"])
    return ArrivedFact(content, said["cs-event-id"], key, said["cs-person"])


def _compare_bodies(
    found: Found,
    sha256: str,
    by_others: Collection[str],
    bodies: dict[tuple[str, int], bytes],
    account: Account,
) -> None:
    wrong, seen = set(), set()
    for record in filter(_is_decision, _decisions(found)):
        body = json.loads(record.value or b"{}")
        which = (body["event_id"], body["revision"])
        seen.add(which)
        if body["ruleset"]["sha256"] == sha256 and record.value != bodies.get(which):
            wrong.add(which)
    account.contradictory += [
        f"event {event} revision {revision} is not decided as the log says" for event, revision in sorted(wrong)
    ]
    account.lost += [
        f"revision {revision} of event {event}"
        for event, revision in sorted(bodies.keys() - seen)
        if revision and event not in by_others
    ]


def _compare_withdrawals(found: Found, wanted: Collection[bytes], by_others: Collection[str], account: Account) -> None:
    there = [each.value or b"" for each in _decisions(found) if not _is_decision(each)]
    by_us = (
        Counter(each.decode() for each in values if json.loads(each).get("event_id") not in by_others)
        for values in (wanted, there)
    )
    account.count(*by_us, "withdrawal")


def _compare_state(records: Sequence[Record], told: _Recounted, account: Account) -> None:
    folded: dict[bytes, bytes] = {}
    for record in records:
        folded[record.key or b""] = record.value or b""
    kept = {key: value for key, value in folded.items() if len(key) == 32 + 64 and value}
    for key in told.first.keys() | kept.keys():
        if key not in kept:
            account.wrong.append(f"state of event {key[32:].decode()} is missing")
        elif key not in told.first or _position_in(kept[key]) != told.first[key]:
            account.wrong.append(f"state of event {key[32:].decode()} has another position than the log")
        elif not changelog_v1.is_one(kept[key]) and kept[key] != told.state[key]:
            account.wrong.append(f"state of event {key[32:].decode()} differs from the recount")


def _position_in(value: bytes) -> int:
    if changelog_v1.is_one(value):
        return int(json.loads(value)["p"])
    return changelog.kept_of(value).moment.position
