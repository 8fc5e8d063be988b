"""What the worker left, beside the recount: each difference is a sentence that names the event and its position."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product

from schemas import purge
from schemas.claim import Claim
from schemas.encounter import Encounter
from streams.codes_only import codes_only_fact
from streams.sealing import Seal
from streams.state import changelog
from streams.state.claim_body import body_of
from streams.state.entry import Entry, Issued, Moment, Purge, Redecidable, together
from streams.state.patients import Patients
from tests.recount.recount import Met, PatientRecount, as_past
from tests.recount.told import Told, months_before
from validators.codes import ESI, REGION
from validators.decide import canonical_bytes, decision_bytes
from validators.facts import Facts
from validators.history import PastClaim, consumption
from validators.ruleset import StateTerms

DECISION, WITHDRAWAL = (f"application/vnd.claimstream.{kind}+json;v=1" for kind in ("decision", "withdrawal"))
WITHDRAWN = ("decision_id", "event_id", "superseded_by")


@dataclass(frozen=True)
class Output:
    """A decision or withdrawal as it was published: on the topic of which outcome, about the claim at which offset."""

    outcome: str
    claim_offset: int
    content_type: str
    value: bytes

    @classmethod
    def of(cls, outcome: str, value: bytes, headers: Iterable[tuple[str, bytes]]) -> "Output":
        """Of a record of an outcome topic."""
        said = {name: text.decode() for name, text in headers}
        return cls(outcome, int(said["cs-position"].rpartition(":")[2]), said["content-type"], value)


def differences(
    patients: Mapping[str, PatientRecount],
    outputs: Sequence[Output],
    changelog_records: Iterable[tuple[bytes, bytes | None]],
    state: Patients,
    terms: StateTerms,
) -> list[str]:
    """Everything in which a partition differs from the recount of its log; `state` is that of the changelog."""
    newest = max(met.told.arrived_on for patient in patients.values() for met in patient.met)
    folded = {key: value for key, value in dict(changelog_records).items() if value is not None}
    return [
        *decisions_differ(patients.values(), outputs),
        *withdrawals_differ(patients.values(), outputs),
        *state_differs(patients, folded, state.seal, terms, newest),
        *views_differ(patients, state, newest),
    ]


def decisions_differ(patients: Iterable[PatientRecount], outputs: Iterable[Output]) -> Iterator[str]:
    """Every decision and revision of the recount was published, each with these bytes on this topic, and no other."""
    wanted: dict[tuple[int, int], tuple[str, bytes]] = {}
    names: dict[int, str] = {}
    for patient in patients:
        for offset, met in patient.answers.items():
            names[offset] = met.told.event_id
            # A repeat tells the first decision again; revisions are told about the record that stood first.
            told = met.decided if offset == met.position else met.decided[:1]
            for revision, (_, decision) in enumerate(told):
                wanted[offset, revision] = decision.outcome, decision_bytes(decision)
    found: dict[tuple[int, int], set[tuple[str, bytes]]] = {}
    for output in outputs:
        if output.content_type == DECISION:
            revision = json.loads(output.value)["revision"]
            found.setdefault((output.claim_offset, revision), set()).add((output.outcome, output.value))
    for at in sorted(wanted.keys() | found.keys()):
        if found.get(at, set()) != ({wanted[at]} if at in wanted else set()):
            offset, revision = at
            yield f"event {names.get(offset)} at {offset}, revision {revision}: {_how(wanted.get(at), found.get(at))}"


def _how(wanted: tuple[str, bytes] | None, found: set[tuple[str, bytes]] | None) -> str:
    if not found:
        return "it was never published"
    if wanted is None:
        return "it is none of the recount's"
    others = [each for each in found if each != wanted]
    mine, theirs = json.loads(wanted[1]), json.loads(others[0][1])
    fields = sorted(name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name))
    return f"published with {len(found)} bodies, one differs in {', '.join(fields) or 'its topic'}"


def withdrawals_differ(patients: Iterable[PatientRecount], outputs: Iterable[Output]) -> Iterator[str]:
    """Every withdrawal of the recount was published, and no other."""
    wanted = {
        (each.outcome, canonical_bytes({name: getattr(each, name) for name in WITHDRAWN})): each.position
        for patient in patients
        for each in patient.withdrawals
    }
    found = {(each.outcome, each.value): each.claim_offset for each in outputs if each.content_type == WITHDRAWAL}
    for outcome, value in sorted(wanted.keys() ^ found.keys()):
        at = (wanted | found)[outcome, value]
        how = "is missing" if (outcome, value) in wanted else "is none of the recount's"
        yield f"event {json.loads(value)['event_id']} at {at}: a withdrawal from {outcome} {how}"


def state_differs(
    patients: Mapping[str, PatientRecount], found: Mapping[bytes, bytes], seal: Seal, terms: StateTerms, newest: date
) -> Iterator[str]:
    """The folded changelog holds exactly what the recount keeps, less what was old enough to be swept out."""
    wanted: dict[bytes, tuple[PatientRecount, list[Met]]] = {}
    for token, patient in patients.items():
        for event_id, meetings in patient.state().items():
            wanted[f"{token}{event_id}".encode()] = patient, meetings
    for key in sorted(found.keys() - wanted.keys()):
        yield f"event {key[32:].decode()}: its state is none of the recount's"
    for key, (patient, meetings) in wanted.items():
        value = found.get(key)
        left = (_left(met, seal, terms, newest, hidden=_purged(patient, met)) for met in meetings)
        entries = (together(each for each in chosen if each is not None) for chosen in product(*left))
        if value not in {changelog.encode(entry, seal) if entry else None for entry in entries}:
            how = "is missing" if value is None else "differs"
            yield f"event {key[32:].decode()} at {meetings[-1].position}: its state {how}"


def _purged(patient: PatientRecount, met: Met) -> bool:
    return any(each.keeps == "purge" and each.position > met.position for each in patient.met)


def _left(met: Met, seal: Seal, terms: StateTerms, newest: date, *, hidden: bool) -> Iterator[Entry | None]:
    """What an event may have left. What nothing that arrives within `revision_days` could see may be gone."""
    entry, arrived_on = entry_of(met, seal), met.told.arrived_on
    days = timedelta(days=terms.revision_days)
    oldest_met, oldest_seen = newest - days - days, months_before(newest - days, terms.look_back_months)
    yield entry
    if entry.redecidable is not None and arrived_on < oldest_met:
        yield entry._replace(redecidable=None)
    if met.keeps != "purge" and (hidden or arrived_on < (oldest_met if met.keeps == "nothing" else oldest_seen)):
        yield None


def entry_of(met: Met, seal: Seal) -> Entry:
    """What the state of an event must be, as the worker writes it."""
    told = met.told
    entry = Entry(told.event_id, Moment(told.position, told.arrived_on), person=told.person)
    if isinstance(told.says, Claim):
        entry = entry._replace(received_on=told.says.received_on)
        if met.keeps == "claim":
            entry = entry._replace(claim=_with_tokens(told))
        if met.redecidable:
            issued = tuple(Issued(at, each.decision_id, each.outcome) for at, each in met.decided)
            entry = entry._replace(redecidable=Redecidable(seal.close(body_of(told.says)), issued))
        return entry
    if isinstance(told.says, purge.Purge):
        return entry._replace(purge=Purge(len(met.gone), hashlib.sha256("".join(met.gone).encode()).hexdigest()))
    fact = codes_only_fact(told.says, told.patient)
    return entry._replace(encounter=fact) if isinstance(fact, Encounter) else entry._replace(authorization=fact)


def _with_tokens(told: Told) -> PastClaim:
    past = as_past(told)
    lines = tuple(each._replace(authorization=_token(told, each.authorization)) for each in past.lines)
    return past._replace(
        claim_ref=_token(told, past.claim_ref), original_ref=_token(told, past.original_ref), lines=lines
    )


def _token(told: Told, number: str | None) -> str | None:
    return hashlib.sha256(f"{told.patient}\0{number}".encode()).hexdigest()[:32] if number else None


def rebuilt_differs(changelog_records: Mapping[bytes, bytes | None], state: Patients) -> Iterator[str]:
    """A rebuilt state holds every entry of the changelog it was rebuilt from, and no other."""
    folded = {key: value for key, value in changelog_records.items() if value is not None}
    if state.events != len(folded):
        yield f"{state.events} events are in the rebuilt state and {len(folded)} in the changelog"
    for key, value in folded.items():
        token, event_id = key[:32].decode(), key[32:].decode()
        entry = state.of(token).entries.get(event_id)
        if entry is None or changelog.encode(entry, state.seal) != value:
            yield f"event {event_id}: its rebuilt state is not that of the changelog"


def views_differ(patients: Mapping[str, PatientRecount], state: Patients, newest: date) -> Iterator[str]:
    """A rebuilt state answers of each person as the recount does: what counts, sessions, authorizations, encounters."""
    for token, patient in patients.items():
        end = Moment(max(met.position for met in patient.met) + 1, newest)
        for person in sorted(patient.people()):
            found, wanted = _view_of_state(state, token, person, end), _view_of_recount(patient, person, newest)
            for name, value in wanted.items():
                if found[name] != value:
                    yield f"patient {token}, person {person}: {name} in the state are not those of the recount"


def _view_of_recount(patient: PatientRecount, person: str, newest: date) -> dict[str, object]:
    seen, facts = patient.at_end(person, newest)
    told = {met.told.person: met.told for met in patient.met}[person]
    numbers = {each.authorization for claim in seen.claims for each in claim.services if each.authorization}
    used = {_token(told, number): seen.used(number) for number in numbers}
    return {
        "claims that count": [each.event_id for each in seen.history.counting],
        "changes that wait": [each.event_id for each in seen.history.remembered],
        "sessions": seen.sessions(),
        "authorizations used": {token: tuple(each) for token, each in used.items() if each.dates},
        "authorizations": _authorizations(facts, told.patient),
        "encounters": _encounters(facts, told.patient),
    }


def _view_of_state(state: Patients, token: str, person: str, end: Moment) -> dict[str, object]:
    history, facts = state.of(token).history(person, end), state.of(token).facts(person, end)
    lines = [(claim, line) for claim in history.active.values() if claim.in_scope for line in claim.lines]
    injections = [(claim, line) for claim, line in lines if line.procedure_code in ESI]
    numbers = {line.authorization for _, line in injections if line.authorization}
    used = {number: consumption(each for each in injections if each[1].authorization == number) for number in numbers}
    regions = {REGION[line.procedure_code] for _, line in injections}
    return {
        "claims that count": list(history.active),
        "changes that wait": list(history.waiting),
        "sessions": {
            region: {line.service_date for _, line in injections if REGION[line.procedure_code] == region}
            for region in regions
        },
        "authorizations used": {number: tuple(each) for number, each in used.items()},
        "authorizations": _authorizations(facts, token),
        "encounters": _encounters(facts, token),
    }


def _authorizations(facts: Facts, token: str) -> dict[str, object]:
    """The record that holds under each number, as state keeps it."""
    numbers = {each.authorization_number for each in facts.authorizations}
    held = {number: facts.authorization(number) for number in numbers}
    return {number: each and codes_only_fact(each, token) for number, each in held.items()}


def _encounters(facts: Facts, token: str) -> dict[tuple[str, date], object]:
    """The session of each injection on each day of which something is known, as state keeps it."""
    days = {each.service_date for each in facts.encounters}
    held = {(code, day): facts.encounter(code, day) for code in sorted(ESI) for day in days}
    return {asked: each and codes_only_fact(each, token) for asked, each in held.items()}
