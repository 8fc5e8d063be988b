from datetime import timedelta
from typing import Any

from streams.state.inspecting import Told, partition_told, patient_told
from streams.state.snapshot import Snapshot
from tests.streams.state.in_memory import NAMES, Stored
from tests.validators.building import (
    DAY,
    Desk,
    a_claim,
    an_authorization,
    an_encounter,
    arrived,
    line,
    nobody,
    seal,
)

CLAIM = a_claim()
TOKEN = arrived(CLAIM).patient_token


def told(desk: Desk, *, opened: bool = False, days: int = 0) -> list[Told]:
    return list(patient_told(TOKEN, Snapshot(desk.patients), DAY + timedelta(days), seal() if opened else None))


def of_kind(desk: Desk, kind: str, **options: Any) -> list[Told]:
    return [each for each in told(desk, **options) if each["kind"] == kind]


def citing(number: str = "A1", **changes: Any) -> Any:
    return a_claim(authorizations=[{"number": number, "kind": "prior_authorization"}], **changes)


def test_nothing_is_told_of_one_nobody_met() -> None:
    assert [] == told(Desk())


def test_a_claim_counts_until_it_is_replaced_or_too_old_and_a_replacement_may_wait() -> None:
    desk = Desk()
    desk.decide(a_claim(claim_id="EX-1"))
    desk.decide(a_claim(claim_id="EX-1", frequency_code="7"))
    desk.decide(a_claim(claim_id="EX-2", original_reference="EX-9", frequency_code="7", place_of_service="22",
                        service_lines=[line("64483", service_date_from="2026-01-01")]))  # fmt: skip

    assert [(False, False), (True, False), (True, True)] == [
        (each["counts"], each["waiting"]) for each in of_kind(desk, "claim")
    ]
    assert [False] * 3 == [each["counts"] for each in of_kind(desk, "claim", days=800)]


def test_a_claim_that_was_forgotten_and_came_again_is_told_at_each_place_and_counted_once() -> None:
    desk = Desk()
    desk.decide(CLAIM, "event")
    desk.day += timedelta(740)
    desk.decide(CLAIM, "event")

    assert [(0, "2026-06-20", False), (1, "2028-06-29", True)] == [
        (each["position"], each["arrived_on"], each["counts"]) for each in of_kind(desk, "claim", days=740)
    ]
    assert 1 == told(desk)[0]["entries"]["claim"]


def test_a_claim_of_which_less_was_kept_when_it_came_again_is_told_as_of_each_place() -> None:
    desk, resubmission = Desk(), a_claim(service_lines=[line("99213")])
    desk.decide(CLAIM)
    desk.decide(resubmission, "event")
    desk.day += timedelta(740)
    desk.decide(resubmission, "event")

    assert [0, 1] == [each["position"] for each in of_kind(desk, "claim")]
    assert [2] == [each["position"] for each in of_kind(desk, "met")]
    assert (1, 1) == tuple(told(desk)[0]["entries"][kind] for kind in ("claim", "met"))


def test_sessions_are_told_by_person_and_region() -> None:
    desk = Desk()
    desk.decide(a_claim(service_lines=[line("62323"), line("62321", service_date_from="2026-05-01")]))
    desk.decide(a_claim(patient={"first_name": "ANOTHER"}, service_lines=[line("64483"), line("77003")]))
    sessions = of_kind(desk, "session")

    assert 2 == len({each["person"] for each in sessions})
    assert [
        ("cervical_thoracic", ["2026-05-01"]),
        ("lumbar_sacral", ["2026-06-15"]),
        ("lumbar_sacral", ["2026-06-15"]),
    ] == sorted((each["region"], each["days"]) for each in sessions)


def test_an_authorization_is_opened_with_the_key_alone_and_its_number_never() -> None:
    desk = Desk()
    services = [{"procedure_code": "62323", "units": "2"}, {"procedure_code": "64483"}]
    desk.note(an_authorization(CLAIM, authorization_number="PLANTED-1", services=services, valid_to="2026-09-01"))
    desk.decide(citing("PLANTED-1", service_lines=[line("62323", units="2"), line("77003")]))
    desk.decide(citing("ANOTHER", claim_id="EX-2", service_lines=[line("62323", service_date_from="2026-04-01")]))
    (closed,), (opened,) = of_kind(desk, "authorization"), of_kind(desk, "authorization", opened=True)

    assert {"kind", "event_id", "position", "arrived_on", "received_on", "person", "sealed"} == closed.keys()
    assert ("approved", None, "2026-09-01", None) == tuple(
        opened[name] for name in ("status", "valid_from", "valid_to", "version")
    )
    assert [("62323", "2"), ("64483", None)] == [tuple(service.values()) for service in opened["services"]]
    assert {
        "dates": ["2026-06-15"],
        "units": [{"service_date": "2026-06-15", "procedure_code": "62323", "units": "2"}],
    } == opened["consumed"]
    assert "PLANTED" not in str(told(desk)) + str(told(desk, opened=True))


def test_of_an_authorization_of_one_person_only_the_claims_of_that_one_use_anything() -> None:
    desk = Desk()
    who = {"first_name": "ONE", "birth_date": "1950-02-01"}
    desk.note(an_authorization(CLAIM, patient=who))
    desk.decide(citing(patient={"first_name": "ANOTHER", "birth_date": "1950-02-01"}))
    (unused,) = of_kind(desk, "authorization", opened=True)
    desk.decide(citing(claim_id="EX-2", patient=who))
    (used,) = of_kind(desk, "authorization", opened=True)

    assert ([], ["2026-06-15"]) == (unused["consumed"]["dates"], used["consumed"]["dates"])


def test_facts_revisions_and_other_events_are_told() -> None:
    desk = Desk()
    desk.decide(a_claim(service_lines=[line("62323")]))
    desk.note(an_encounter(CLAIM, guidance="none", pain_scale="PLANTED"))
    desk.decide(a_claim(service_lines=[line("99213")], claim_id="EX-2"))
    (claim,), (session,), (other,) = (of_kind(desk, kind) for kind in ("claim", "encounter", "met"))

    assert [(0, "accepted"), (1, "denied-risk")] == [(each["position"], each["outcome"]) for each in claim["issued"]]
    assert {"service_date", "guidance", "pain_scale"} == session["facts"].keys()
    assert {"kind", "event_id", "position", "arrived_on", "received_on", "person"} == other.keys()
    assert {"claim": 1, "authorization": 0, "encounter": 1, "met": 1, "purge": 0} == told(desk)[0]["entries"]
    assert "PLANTED" not in str(told(desk))


def test_a_partition_is_counted() -> None:
    desk = Desk()
    desk.decide(CLAIM)
    desk.day += timedelta(3)
    desk.decide(a_claim(subscriber={"member_id": "another"}, service_lines=[line("99213")]))
    counted = partition_told(5, Snapshot(desk.patients, has_identity=True))
    size_bytes = sum(len(key) + len(value or b"") for key, value in desk.changelog.items())

    assert {
        "kind": "partition",
        "partition": 5,
        "members": 2,
        "entries": {"claim": 1, "authorization": 0, "encounter": 0, "met": 1, "purge": 0},
        "bytes": size_bytes,
        "first_arrived_on": "2026-06-20",
        "last_arrived_on": "2026-06-23",
        "identity": True,
    } == counted
    assert (0, None, False) == tuple(
        partition_told(0, Snapshot(nobody()))[name] for name in ("members", "first_arrived_on", "identity")
    )


def test_an_entry_of_a_former_version_is_known_as_one_until_it_is_written_anew() -> None:
    desk = Desk()
    desk.decide(CLAIM)
    ((key, value),) = desk.changelog.items()
    snapshot = Snapshot(nobody())
    snapshot.take(Stored(NAMES.state_changelog, 0, key, b'{"v": 1, "p": 3, "r": "2026-01-01"}'))
    older = set(snapshot.older)
    snapshot.take(Stored(NAMES.state_changelog, 1, key, value))

    assert ({key}, set()) == (older, snapshot.older)
