from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from streams.vectors import cases
from streams.vectors.cases import (
    GivenFacts,
    Table,
    VectorError,
    claim_of,
    default_claim,
    laid_over,
    read_vectors,
    vector_files,
)
from validators.reference import Reference

SMALLEST = "rule: CODE-03\ncases: [{name: one, expect: pass}]\n"


@pytest.fixture
def vectors(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "site.yaml"
        path.write_text(text)
        return path

    return write


def test_a_case_that_says_little_is_the_default_claim(vectors):
    (case,) = read_vectors(vectors(SMALLEST)).cases

    assert ("one", {}, (), "complete", "optional") == (
        case.name,
        case.given,
        case.history,
        case.feed,
        case.encounter_facts,
    )


@pytest.mark.parametrize(
    ("expect", "kind"),
    [
        ("pass", "pass"),
        ("fail", "fail"),
        ("{status: fail, lines: [1]}", "fail"),
        ("not_applicable", "not_applicable"),
        ("bypassed by CODE-04", "bypassed"),
        ("not_checked missing encounter.guidance", "not_checked"),
    ],
)
def test_a_case_expects_a_status(vectors, expect, kind):
    (case,) = read_vectors(vectors(SMALLEST.replace("pass", expect))).cases

    assert kind == case.kind


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("rule: [", "vectors site.yaml at line 2 is not YAML: did not find expected node content; correct it"),
        ("rule: A\nrule: B", "vectors site.yaml at line 2: key rule stands twice; write it once"),
        ("rule: CODE-03\ncases: []", "vectors site.yaml, key cases: "),
        (SMALLEST.replace("expect", "expects"), "vectors site.yaml, key cases.0.expect: Field required"),
        (SMALLEST.replace("pass", "passes"), "vectors site.yaml, key cases.0.expect: write fail, pass, "),
        (SMALLEST.replace("pass", "bypassed"), "vectors site.yaml, key cases.0.expect: write fail, pass, "),
        (SMALLEST.replace("pass", "{status: pass}"), "vectors site.yaml, key cases.0.expect: a mapping says status: "),
        (
            SMALLEST.replace("pass", "{status: fail, line: 1}"),
            "vectors site.yaml, key cases.0.expect: a mapping says status: fail, and of the findings any of lines, ",
        ),
        (SMALLEST.replace("pass", "pass, revised: pass"), "vectors site.yaml, key cases.0: later goes with revised: "),
        (
            SMALLEST.replace("pass", "pass, later: {encounters: [{}]}"),
            "vectors site.yaml, key cases.0: later goes with revised: ",
        ),
        (
            "rule: CODE-03\ncases: [{name: one, expect: pass}, {name: two, expect: pass}, {name: one, expect: fail}]",
            "vectors site.yaml, key cases: 2 cases are called 'one'; give each a name of its own",
        ),
    ],
)
def test_vectors_that_cannot_be_used_are_refused_in_a_sentence(vectors, text, sentence):
    with pytest.raises(VectorError) as refused:
        read_vectors(vectors(text))

    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            "encounters: [{contrast: false}]",
            "encounters.0.contrast: there is no such key; did you mean contrast_",
        ),
        ("encounters: [{}, {anticoagulant: {take: true}}]", "encounters.1.anticoagulant.take: there is no such key; "),
        ("given: {plce_of_service: '11'}", "given.plce_of_service: there is no such key; did you mean place_of_"),
        ("given: {service_lines: [{modifer: [KX]}]}", "given.service_lines.0.modifer: there is no such key; did you"),
        ("given: {payer: {key: aetna}}", "given.payer.key: there is no such key; write one of id, name, filing_"),
        ("given: {payer: {1: 2}}", "given.payer.1: there is no such key; write one of id, "),
        ("history: [{service_line: []}]", "history.0.service_line: there is no such key; did you mean service_lines"),
        ("authorizations: [{state: approved}]", "authorizations.0.state: there is no such key; did you mean status"),
        (
            "later: {encounters: [{guidence: ct}]}, revised: pass",
            "later.encounters.0.guidence: there is no such key; did you mean guidance?",
        ),
    ],
)
def test_a_key_that_nothing_reads_is_refused_with_its_case_and_what_may_be_meant(vectors, said, sentence):
    with pytest.raises(VectorError) as refused:
        read_vectors(vectors(SMALLEST.replace("name: one", f"name: one, {said}")))

    assert str(refused.value).startswith(f"vectors site.yaml, case 'one', key {sentence}")


def test_free_fields_and_what_is_taken_away_may_stand(vectors):
    given = "given: {patient: null, accident: {any: {depth: 1}}, notes: [{text: x}], payer: {id: EXAETNA}}"

    assert read_vectors(vectors(SMALLEST.replace("name: one", f"name: one, {given}"))).cases


def test_a_key_of_the_default_claim_that_nothing_reads_is_refused(monkeypatch, vectors):
    monkeypatch.setattr(cases, "DEFAULT_CLAIM", vectors("payer: {ide: A}"))

    with pytest.raises(VectorError, match=r"^vectors site.yaml, key site.payer.ide: .*did you mean id\?"):
        default_claim.__wrapped__()


def test_facts_that_do_not_say_whose_and_of_when_are_those_of_the_claim_and_its_first_line():
    lines = [{"procedure_code": "62323", "service_date_from": day} for day in ("2025-03-04", "2025-03-05")]
    claim = claim_of(laid_over(default_claim(), {"payer": {"id": "EXAETNA"}, "service_lines": lines}))
    facts = GivenFacts(encounters=({}, {"service_date": "2025-03-05"}))

    assert [("EXAETNA", "1EG4TE5MK73", "2025-03-04"), ("EXAETNA", "1EG4TE5MK73", "2025-03-05")] == [
        (fact.payer_id, fact.member_id, str(fact.service_date)) for fact in facts.of(claim)
    ]


def test_the_files_of_a_folder_are_found_at_any_depth_but_for_a_default_claim(tmp_path):
    for name in ("b.yaml", "a/a.yml", "default-claim.yaml", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    assert ["a/a.yml", "b.yaml"] == [path.relative_to(tmp_path).as_posix() for path in vector_files(tmp_path)]


def test_changes_are_laid_over_key_by_key():
    base = {"payer": {"id": "A", "sequence": "primary"}, "diagnoses": [1], "kept": 1}
    change = {"payer": {"id": "B"}, "diagnoses": [2, 3], "added": {"x": 1}}

    assert {
        "payer": {"id": "B", "sequence": "primary"},
        "diagnoses": [2, 3],
        "kept": 1,
        "added": {"x": 1},
    } == laid_over(base, change)
    assert laid_over(base, None) is None


def test_a_date_without_quotes_is_a_date(vectors):
    text = SMALLEST.replace("name: one", "name: one, given: {received_on: 2026-06-30}")
    (case,) = read_vectors(vectors(text)).cases

    assert "2026-06-30" == str(claim_of(laid_over(default_claim(), case.given)).received_on)


def test_every_table_of_the_reference_data_can_be_taken_away():
    assert {each.name for each in fields(Reference)} == {*get_args(Table)}
