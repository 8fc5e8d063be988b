"""What the changelog keeps, told as objects: of each partition in numbers, of one patient whole.

Sealed stays what is sealed, unless a seal is given; the number of an authorization is told in neither case.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple, get_args

from schemas.authorization import Authorization
from streams.deciding import reference_of
from streams.sealing import Seal
from streams.state.changelog import EVENT_LENGTH, EntryKind, all_kept_of, decode, kept_of
from streams.state.entry import Entry, Moment
from streams.state.patient import Patient
from streams.state.snapshot import Snapshot
from streams.tokens import TOKEN_LENGTH
from validators.codes import ESI, REGION
from validators.history import History, consumption
from validators.ruleset import StateTerms

KINDS: tuple[EntryKind, ...] = get_args(EntryKind)
END_OF_LOG = 1 << 62
Told = dict[str, Any]


def partition_told(partition: int, snapshot: Snapshot) -> Told:
    """A partition in numbers; `bytes` are those of keys and values, as they stand once compacted."""
    entries, size_bytes, days = Counter[EntryKind](), 0, []
    patients = snapshot.patients
    for token in patients.tokens():
        for value in patients.values_of(token).values():
            kept = kept_of(value)
            entries[kept.kind] += 1
            size_bytes += TOKEN_LENGTH + EVENT_LENGTH + len(value)
            days.append(kept.moment.arrived_on)
    return {
        "kind": "partition",
        "partition": partition,
        "members": len(patients),
        "entries": {kind: entries[kind] for kind in KINDS},
        "bytes": size_bytes,
        "first_arrived_on": _day(min(days, default=None)),
        "last_arrived_on": _day(max(days, default=None)),
        "identity": snapshot.has_identity,
    }


class _Item(NamedTuple):
    kind: EntryKind
    entry: Entry


def patient_told(token: str, snapshot: Snapshot, today: date, seal: Seal | None = None) -> Iterator[Told]:
    """Everything kept of a patient, first how much there is of what; nothing of one nobody met.

    An event that was forgotten and met again is told of at each place at which it may still be seen, and counted once.
    Sessions, and what is used of authorizations, are as a claim of `today` would see them.
    """
    values = snapshot.patients.values_of(bytes.fromhex(token))
    if not values:
        return
    entries = [decode(event, value, seal) for event, value in values.items()]
    kinds = [[kept.kind for kept in all_kept_of(value)] for value in values.values()]
    items = sorted(
        (item for entry, of in zip(entries, kinds, strict=True) for item in map(_Item, of, entry.meetings())),
        key=lambda item: (KINDS.index(item.kind), item.entry.position),
    )
    found = Counter(of[0] for of in kinds)
    yield {"kind": "patient", "patient_token": token, "entries": {kind: found[kind] for kind in KINDS}}
    view = _View.of(token, entries, today, snapshot.patients.terms)
    for item in items:
        closed = item.kind == "authorization" and item.entry.authorization is None
        yield {"kind": item.kind, **_common(item.entry), **({"sealed": True} if closed else view.about(item.entry))}
    yield from view.sessions()


class _View(NamedTuple):
    """A patient as of today: the history of each person."""

    token: str
    histories: dict[str, History]

    @classmethod
    def of(cls, token: str, entries: Sequence[Entry], today: date, terms: StateTerms) -> "_View":
        patient = Patient(terms)
        for entry in entries:
            patient.put(entry)
        persons = sorted({met.person for entry in entries for met in entry.meetings() if met.claim})
        return cls(token, {each: patient.history(each, Moment(END_OF_LOG, today)) for each in persons})

    def about(self, entry: Entry) -> Told:
        """What is kept of an event beside when it came."""
        if entry.claim is not None:
            return self._claim(entry)
        if entry.authorization is not None:
            return _authorization(entry.authorization) | {"consumed": self._consumed(entry.authorization, entry.person)}
        if entry.encounter is not None:
            whose = {"payer_id", "member_id", "patient"}
            return {"facts": entry.encounter.model_dump(mode="json", exclude_defaults=True, exclude=whose)}
        if entry.purge is not None:
            return entry.purge._asdict()
        return {}

    def sessions(self) -> Iterator[Told]:
        """The days on which each person had an injection, by region."""
        for person, history in self.histories.items():
            days: dict[str, set[date]] = {}
            for claim in history.active.values():
                for line in claim.lines if claim.in_scope else ():
                    if line.procedure_code in REGION:
                        days.setdefault(REGION[line.procedure_code], set()).add(line.service_date)
            for region, found in sorted(days.items()):
                yield {"kind": "session", "person": person, "region": region, "days": [str(d) for d in sorted(found)]}

    def _claim(self, entry: Entry) -> Told:
        claim, history = entry.claim, self.histories[entry.person]
        assert claim is not None
        return {
            "claim_type": claim.claim_type,
            "role": claim.role,
            "frequency_code": claim.frequency_code,
            "in_scope": claim.in_scope,
            "counts": history.active.get(entry.event_id) == claim,
            "waiting": history.waiting.get(entry.event_id) == claim,
            "lines": [
                {
                    "procedure_code": line.procedure_code,
                    "modifiers": sorted(line.modifiers),
                    "service_date": str(line.service_date),
                    "units": str(line.units),
                }
                for line in claim.lines
            ],
            "issued": [each._asdict() for each in entry.redecidable.issued] if entry.redecidable else [],
        }

    def _consumed(self, record: Authorization, person: str) -> Told:
        cited = reference_of(record.authorization_number, self.token)
        used = consumption(
            (claim, line)
            for whose, history in self.histories.items()
            if person in ("", whose)
            for claim in history.active.values()
            for line in (claim.lines if claim.in_scope else ())
            if line.authorization == cited and line.procedure_code in ESI
        )
        units = [
            {"service_date": str(on), "procedure_code": code, "units": str(number)}
            for (on, code), number in sorted(used.units.items())
        ]
        return {"dates": [str(on) for on in sorted(used.dates)], "units": units}


def _common(entry: Entry) -> Told:
    return {
        "event_id": entry.event_id,
        "position": entry.position,
        "arrived_on": str(entry.arrived_on),
        "received_on": _day(entry.received_on),
        "person": entry.person or None,
    }


def _authorization(record: Authorization) -> Told:
    return {
        "status": record.status,
        "valid_from": _day(record.valid_from),
        "valid_to": _day(record.valid_to),
        "services": [service.model_dump(mode="json") for service in record.services],
        "version": record.version,
    }


def _day(day: date | None) -> str | None:
    return str(day) if day else None
