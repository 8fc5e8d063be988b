"""`claimstream check` with what is known besides claims: authorizations and encounters."""

import json
from pathlib import Path

import pytest

from tests.streams.intake.building import SMALLEST

LINE = SMALLEST["service_lines"][0] | {"procedure_code": "62323", "service_date_from": "2026-06-15"}
CLAIM = SMALLEST | {
    "payer": {"id": "EXCIGNA", "filing_indicator": "CI"},
    "place_of_service": "11",
    "service_lines": [LINE],
    "authorizations": [{"number": "PA1"}],
}
MEMBER = CLAIM["subscriber"]["member_id"]
AUTHORIZATION = {
    "authorization_number": "PA1",
    "payer_id": "EXCIGNA",
    "member_id": MEMBER,
    "status": "approved",
    "valid_from": "2026-06-01",
    "valid_to": "2026-08-31",
    "services": [{"procedure_code": "62323", "units": "1"}],
}
ENCOUNTER = {"payer_id": "EXCIGNA", "member_id": MEMBER, "service_date": "2026-06-15", "guidance": "none"}


def write(name, *records):
    Path(name).write_text("".join(json.dumps(record) + "\n" for record in records))


def judged(check, *options):
    write("claim.json", CLAIM)
    (line,) = check("claim.json", "--output", "json", *options).lines
    return line


def status(decision, rule):
    checks = decision["checks"]
    for name in ("fail", "pass"):
        if rule in checks[name]:
            return name
    return next((entry["missing"] for entry in checks["not_checked"] if entry["rule"] == rule), None)


def test_without_authorizations_a_number_is_not_checked(check):
    decision = judged(check)

    assert {"authorization"} == {status(decision, rule) for rule in ("AUTH-09", "AUTH-11", "AUTH-13")}


def test_an_authorization_that_holds_passes(check):
    write("known.jsonl", AUTHORIZATION)
    decision = judged(check, "--authorizations", "known.jsonl")

    assert {"pass"} == {status(decision, rule) for rule in ("AUTH-01", "AUTH-09", "AUTH-11", "AUTH-13")}


@pytest.mark.parametrize(
    ("change", "rule", "outcome"),
    [
        ({"services": [{"procedure_code": "64483"}]}, "AUTH-09", "denied-risk"),
        ({"valid_to": "2026-06-14"}, "AUTH-11", "denied-risk"),
        ({"status": "voided"}, "AUTH-13", "denied-risk"),
        ({"authorization_number": "ANOTHER"}, "AUTH-13", "flagged"),
    ],
)
def test_authorizations_given_are_all_there_are(check, change, rule, outcome):
    write("known.jsonl", AUTHORIZATION | change)
    decision = judged(check, "--authorizations", "known.jsonl")

    assert (outcome, "fail") == (decision["outcome"], status(decision, rule))


@pytest.mark.parametrize("payer_id", ["04412", "EXCIGNA", "EXMEDICARE"])
def test_facts_under_a_payer_id_that_only_the_claim_shows_to_be_medicare_are_of_its_patient(check, payer_id):
    facts = {"payer_id": payer_id.lower()}
    write("known.jsonl", AUTHORIZATION | facts | {"status": "denied"})
    write("sessions.jsonl", ENCOUNTER | facts)
    place = {"service_facility": {"address": {"state": "TX"}}, "payer": {"id": payer_id, "filing_indicator": "MB"}}
    write("claims.jsonl", CLAIM | place, CLAIM | place | {"claim_id": "B-2"})
    lines = check(
        "claims.jsonl", "--output", "json", "--authorizations", "known.jsonl", "--encounters", "sessions.jsonl"
    )

    assert [("fail", "fail")] * 2 == [(status(each, "AUTH-13"), status(each, "GUID-01")) for each in lines.lines]


def test_facts_of_another_payer_id_are_of_nobody(check):
    write("claims.jsonl", CLAIM | {"payer": {"id": "12M61", "filing_indicator": "MB"}})
    write("sessions.jsonl", ENCOUNTER | {"payer_id": "04412"})
    (decision,) = check("claims.jsonl", "--output", "json", "--encounters", "sessions.jsonl").lines

    assert "encounter.guidance" == status(decision, "GUID-01")


def test_an_empty_file_of_authorizations_says_that_there_are_none(check):
    write("known.jsonl")

    assert "fail" == status(judged(check, "--authorizations", "known.jsonl"), "AUTH-13")


def test_an_encounter_tells_what_the_claim_cannot(check):
    write("session.jsonl", ENCOUNTER)
    decision = judged(check, "--encounters", "session.jsonl")

    assert ("fail", "encounter.guidance") == (status(decision, "GUID-01"), status(judged(check), "GUID-01"))


def test_a_fact_among_the_claims_is_no_claim_and_its_option_is_named(check):
    write("mixed.jsonl", AUTHORIZATION, ENCOUNTER, CLAIM)
    first, second, third = check("mixed.jsonl", "--output", "json").lines

    assert ["not-a-claim", "not-a-claim"] == [line["rejection"]["code"] for line in (first, second)]
    assert "--authorizations" in first["rejection"]["message"]
    assert "--encounters" in second["rejection"]["message"]
    assert "claim_id" in third


@pytest.mark.parametrize(
    ("option", "record"),
    [("--authorizations", ENCOUNTER), ("--encounters", AUTHORIZATION), ("--encounters", CLAIM), ("--encounters", {})],
)
def test_a_state_file_of_another_kind_is_refused(check, option, record):
    write("claim.json", CLAIM)
    write("state.jsonl", record)
    done = check("claim.json", option, "state.jsonl")

    assert (3, "") == (done.code, done.out)
    assert "state.jsonl, entry 1 cannot be taken" in done.err
