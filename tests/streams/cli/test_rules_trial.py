"""`claimstream rules try`."""

import json
from pathlib import Path

import pytest

from tests.streams.intake.building import LINE, SMALLEST, encoded

ALONE = SMALLEST | {"service_lines": [LINE | {"procedure_code": "64484", "service_date_from": "2026-06-15"}]}
TRIAL = "rules: {CODE-03: {stage: trial}}"


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs" / "site.yaml").write_text(TRIAL)
    return tmp_path / "packs"


def write(name: str, *records: object) -> str:
    lines = [record if isinstance(record, bytes) else encoded(record) for record in records]
    Path(name).write_bytes(b"\n".join(lines))
    return name


def two_claims() -> str:
    other = {"member_id": "M-2", "last_name": "HIDDEN"}
    return write("claims.jsonl", b"{broken", ALONE, SMALLEST | {"claim_id": "SECRET", "subscriber": other})


def test_a_rule_on_trial_is_told_with_what_it_would_change(run, packs):
    done = run("rules", "try", "CODE-03", "--claims", two_claims(), "--packs", packs)
    lines = done.out.splitlines()

    assert (0, "") == (done.code, done.err)
    assert max(map(len, lines)) <= 80
    assert "CODE-03  add-on-without-primary" == lines[0]
    assert lines[1].startswith("now on trial: what it finds is information only")
    assert "2 claims: 1 fired · 1 passed · 0 bypassed · 0 not checked · 0 not applicable · 1" in done.out
    assert "it fires on 1 claim: deny 1 · $1,850.00 of charges" in done.out
    assert "at risk $0.00 → $1,850.00 (+$1,850.00)" in done.out
    assert "  accepted → denied-risk  claims.jsonl, line 2 of the file (index 1)" in lines
    assert "    64484 is billed without 64483 on 2026-06-15" in lines
    assert [] == [word for word in ("SECRET", "HIDDEN", "M-2") if word in done.out]


def test_a_stable_rule_is_told_with_what_it_does_today(run):
    done = run("rules", "try", "add-on-without-primary", "--claims", two_claims())

    assert "now in force; below, what it does today: outcomes without it → with it" in done.out
    assert "outcomes that change" in done.out


@pytest.mark.parametrize(
    ("effects", "words"),
    [
        (("disable",), "now switched off by overrides; below, what would change without them"),
        (("try",), "now put on trial by overrides; below, "),
        (("try", "soften", "disable"), "now switched off and softened and put on trial by overrides; below, "),
    ],
)
def test_a_rule_that_overrides_hold_back_is_told_with_what_they_do(run, packs, effects, words):
    more = "until: 2026-12-31, reason: appeal, owner: lead"
    each = (
        f"{{rule: CODE-03, effect: {effect}, {'severity: flag, ' * (effect == 'soften')}{more}}}" for effect in effects
    )
    (packs / "site.yaml").write_text(f"overrides: [{', '.join(each)}]")
    done = run("rules", "try", "CODE-03", "--claims", two_claims(), "--packs", packs)

    assert (0, "") == (done.code, done.err)
    assert words in " ".join(done.out.split())


def test_a_rule_that_never_fires_is_told_in_two_lines(run):
    out = run("rules", "try", "CODE-09", "--claims", two_claims()).out

    assert "2 claims: 0 fired" in out
    assert "payer" not in out


def test_payers_on_whose_claims_it_never_fires_stand_together(run):
    elsewhere = SMALLEST | {"payer": {"id": "EXAETNA", "filing_indicator": "CI"}}
    out = run("rules", "try", "CODE-03", "--claims", write("claims.jsonl", ALONE, elsewhere, elsewhere)).out
    (row,) = [line.split() for line in out.splitlines() if line.startswith("1 more")]

    assert ["1", "more", "2", "0", "$0.00"] == row


def test_the_trial_is_told_to_programs(run, packs):
    done = run("rules", "try", "CODE-03", "--claims", two_claims(), "--packs", packs, "--output", "json")
    summary, *_, transition = done.lines

    assert ("summary", "on trial", 2, 1, 1) == (
        summary["kind"],
        summary["now"],
        summary["claims"],
        summary["fired"],
        summary["rejected"],
    )
    assert {"file": "claims.jsonl", "index": 1} == {name: transition["example"][name] for name in ("file", "index")}


def test_several_files_follow_the_option_and_their_claims_each_other(run):
    once = write("once.json", ALONE)
    again = write("again.json", ALONE | {"claim_id": "AGAIN"})
    summary, *_ = run("rules", "try", "CODE-26", "--output", "json", "--claims", once, again).lines

    assert (2, 1) == (summary["claims"], summary["fired"])


def test_what_is_known_besides_is_loaded_first_and_not_counted(run):
    first = ALONE | {"claim_id": "FIRST"}
    history, claims = write("history.jsonl", first), write("claims.jsonl", ALONE)
    summary, *_ = run("rules", "try", "CODE-26", "--claims", claims, "--history", history, "--output", "json").lines
    session = {"payer_id": ALONE["payer"]["id"], "member_id": ALONE["subscriber"]["member_id"]}
    write("encounters.jsonl", json.dumps(session | {"service_date": "2026-06-15", "guidance": "none"}).encode())
    encounters, *_ = run(
        "rules", "try", "GUID-01", "--claims", claims, "--encounters", "encounters.jsonl", "--output", "json"
    ).lines

    assert (1, 1) == (summary["claims"], summary["fired"])
    assert 1 == encounters["fired"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("CODE-3", "--claims", "claims.jsonl"), 2, "there is no rule CODE-3; did you mean CODE-03"),
        (("CODE-03",), 2, "--claims"),
        (("CODE-03", "--claims", "nowhere.json"), 3, "nowhere.json: there is no such file; check the path"),
        (("CODE-03", "--claims", "claims.jsonl", "--packs", "nowhere"), 2, "nowhere is not a folder"),
        (("CODE-03", "--claims", "claims.jsonl", "--history", "bad.jsonl"), 3, "--history: bad.jsonl"),
    ],
)
def test_what_cannot_be_tried_is_told_in_a_sentence(run, arguments, code, words):
    two_claims()
    write("bad.jsonl", b"{broken")
    done = run("rules", "try", *arguments)

    assert (code, "") == (done.code, done.out)
    assert words in done.err
