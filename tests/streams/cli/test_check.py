import csv
import io
import json
import os
from pathlib import Path

import pytest

from schemas.decision import Decision
from streams.cli import check_output
from streams.intake.fhir import record as fhir_record
from streams.intake.items import Rejected
from streams.intake.x12 import assembler
from streams.intake.x12.assembler import read_x12
from streams.tokens import BUILT_IN_KEY, Tokens
from tests.streams.intake.building import FULL, LINE, PRIVATE, SMALLEST, accepted, claim, encoded
from tests.streams.intake.fhir.building import CLAIM as FHIR_CLAIM
from tests.streams.intake.fhir.building import PATIENT, bundle, changed
from tests.streams.intake.x12.building import CLAIM as X12_CLAIM
from tests.streams.intake.x12.building import LINE as X12_LINE
from tests.streams.intake.x12.building import one as x12_record
from validators.catalogue import RULES
from validators.decide import content_id
from validators.loading import load_ruleset

ADD_ON_ALONE = claim(claim_id="ADD-ON", service_lines=[LINE | {"procedure_code": "64484"}])
# Of this payer it is known that it requires no prior authorization: there is nothing to say of that.
KNOWN = {"payer": {"id": "EXBCBSMA"}}
WRONG_COUNT = x12_record().replace(b"SE*", b"SE*9")


def write(name: str, *trees: object) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\n".join(tree if isinstance(tree, bytes) else encoded(tree) for tree in trees))
    return path


class TestJson:
    def test_a_line_is_a_decision_and_its_place(self, check):
        write("a.json", FULL)
        (line,) = check("a.json", "--output", "json").lines

        assert line.pop("input") == {"file": "a.json", "index": 0}
        decision = Decision.model_validate_json(json.dumps(line))
        assert decision.decision_id == content_id(line)
        assert decision.claim_id == "PT-0001"

    def test_a_line_of_what_could_not_be_read_is_a_rejection_and_its_place(self, check):
        write("a.json", claim(claim_type="dental"))
        done = check("a.json", "--output", "json")

        assert done.code == 1
        assert done.lines == [
            {
                "outcome": "rejected",
                "input": {"file": "a.json", "index": 0},
                "rejection": {
                    "code": "unknown-value",
                    "message": "/claim_type is none of its values; it should be 'professional' or 'institutional'",
                    "at": "/claim_type",
                },
            }
        ]

    def test_lines_come_in_input_order_and_are_counted_by_file(self, check):
        write("b.jsonl", claim(claim_id="1"), b"broken", claim(claim_id="2"), b"", b"{}")
        write("a.json", claim(claim_id="3"))
        done = check("b.jsonl", "a.json", "--output", "json")

        assert [(line["input"], line.get("claim_id")) for line in done.lines] == [
            ({"file": "b.jsonl", "index": 0}, "1"),
            ({"file": "b.jsonl", "index": 1}, None),
            ({"file": "b.jsonl", "index": 2}, "2"),
            ({"file": "b.jsonl", "index": 3}, None),
            ({"file": "a.json", "index": 0}, "3"),
        ]

    def test_warnings_go_to_stderr_and_nothing_else_to_stdout(self, check):
        Path("a.837").write_bytes(WRONG_COUNT)
        done = check("a.837", "--output", "json")

        assert len(done.lines) == 1
        assert done.err.startswith("warning: a.837, SE/01: ")

    def test_a_pretty_printed_object_is_one_claim(self, check):
        Path("a.json").write_text(json.dumps(SMALLEST, indent=2))

        assert [line["outcome"] for line in check("a.json", "--output", "json").lines] == ["accepted"]

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (b"", "empty"),
            (b" \n\n", "empty"),
            (b"hello", "unknown-format"),
            (b"\x00\x01", "unknown-format"),
            (b"[]", "wrong-type"),
            (b"ISA*", "bad-envelope"),
            (b'{"resourceType":"Patient"}', "not-a-claim"),
        ],
    )
    def test_every_file_gives_a_line(self, check, content, code):
        Path("file").write_bytes(content)

        assert [line["rejection"]["code"] for line in check("file", "--output", "json").lines] == [code]

    def test_a_folder_is_gone_through_by_path_whatever_the_extensions(self, check):
        for name in ("in/b.txt", "in/a/z.json", "in/a.837", "in/.c"):
            write(name, SMALLEST)
        lines = check("in", "--output", "json").lines

        assert [line["input"]["file"] for line in lines] == ["in/.c", "in/a/z.json", "in/a.837", "in/b.txt"]

    def test_globs_and_standard_input_are_taken(self, check):
        write("1.json", claim(claim_id="1"))
        write("2.json", claim(claim_id="2"))
        lines = check("*.json", "-", "--output", "json", stdin=encoded(claim(claim_id="3"))).lines

        assert [(line["input"]["file"], line["claim_id"]) for line in lines] == [
            ("1.json", "1"),
            ("2.json", "2"),
            ("-", "3"),
        ]

    def test_a_file_name_that_is_not_utf_8_is_shown_as_far_as_it_is(self, check):
        name = os.fsdecode(b"a\xff.json")
        Path(name).write_bytes(encoded(SMALLEST))

        (line,) = check(name, "--output", "json").lines
        assert line["input"]["file"] == "a\N{REPLACEMENT CHARACTER}.json"

    def test_what_some_readers_take_for_the_end_of_a_line_is_escaped(self, check):
        write("a.json", claim(claim_id="A\x85B\u2028C\u2029D"))
        done = check("a.json", "--output", "json")

        assert [line["claim_id"] for line in done.lines] == ["A\x85B\u2028C\u2029D"]

    def test_an_event_met_again_repeats_its_decision(self, check):
        write("a.jsonl", ADD_ON_ALONE, ADD_ON_ALONE)
        first, again = check("a.jsonl", "--output", "json").lines

        assert (first.pop("input")["index"], again.pop("input")["index"]) == (0, 1)
        assert first == again

    def test_a_test_claim_is_treated_as_any(self, check):
        copy = SMALLEST | {"claim_id": "COPY"}
        write("a.jsonl", SMALLEST | {"test": True}, copy | {"test": True})
        first, second = check("a.jsonl", "--output", "json").lines

        assert (first["test"], "CODE-26" in second["checks"]["fail"]) == (True, True)

    def test_a_run_without_a_key_uses_the_built_in_one(self, check):
        write("a.json", SMALLEST)
        tokens = Tokens(BUILT_IN_KEY, load_ruleset().payers)
        (line,) = check("a.json", "--output", "json").lines

        assert line["patient_token"] == tokens.patient(accepted(SMALLEST).claim)

    def test_nothing_personal_is_shown(self, check):
        bad = FULL | {"service_lines": ADD_ON_ALONE["service_lines"]}
        write("a.jsonl", FULL, bad, bad | {"claim_type": "Quackenbush"}, b'{"Wilhelmina": NaN}')
        for output in ("json", "csv", "text"):
            done = check("a.jsonl", "--output", output)

            assert [] == [private for private in PRIVATE if private.lower() in (done.out + done.err).lower()]


class TestOptions:
    def test_the_source_is_the_claims_own_unless_another_is_given(self, check):
        write("a.json", SMALLEST | {"source": "own"})

        assert check("a.json", "--output", "json").lines[0]["source"] == "own"
        assert check("a.json", "--output", "json", "--source", "given").lines[0]["source"] == "given"

    @pytest.mark.parametrize("source", ["a\nb", "\udcff", "\x1b[31m"])
    def test_a_source_that_cannot_be_printed_is_a_usage_error(self, check, source):
        write("a.json", SMALLEST)

        assert check("a.json", "--source", source).code == 2

    def test_a_claim_without_a_date_is_received_on_the_day_given(self, check, monkeypatch):
        seen = []

        def remember(item, circumstances, tokens):
            seen.append(circumstances.as_of)
            return arrive(item, circumstances, tokens)

        from streams.cli import desk as module  # noqa: PLC0415 - patched here alone

        arrive = module.arrive
        monkeypatch.setattr(module, "arrive", remember)
        write("a.json", SMALLEST)

        assert check("a.json", "--as-of", "2026-06-30").code == 0
        assert str(seen[0]) == "2026-06-30"
        assert check("a.json", "--as-of", "30.6.2026").code == 2

    def test_history_makes_a_repeated_line_a_duplicate(self, check):
        write("before.jsonl", SMALLEST)
        write("now.json", SMALLEST | {"claim_id": "COPY"})
        alone = check("now.json", "--output", "json")
        after = check("now.json", "--output", "json", "--history", "before.jsonl")

        assert (alone.code, after.code) == (0, 1)
        assert len(after.lines) == 1
        assert set(after.lines[0]["checks"]["fail"]) - set(alone.lines[0]["checks"]["fail"]) == {"CODE-26"}

    def test_an_original_that_was_replaced_makes_no_duplicate(self, check):
        voided = SMALLEST | {"claim_id": "VOID", "frequency_code": "8", "original_reference": "PT-0001"}
        write("before.jsonl", SMALLEST, voided)
        write("now.json", SMALLEST | {"claim_id": "COPY"})

        assert check("now.json", "--history", "before.jsonl").code == 0

    @pytest.mark.parametrize("content", [b"", b"\n \n"])
    def test_a_state_file_may_be_empty(self, check, content):
        Path("before.jsonl").write_bytes(content)
        write("now.json", SMALLEST)

        assert check("now.json", "--history", "before.jsonl").code == 0

    def test_history_that_cannot_be_read_is_named_with_its_line(self, check):
        write("before.jsonl", SMALLEST, b"{}")
        write("now.json", SMALLEST)
        done = check("now.json", "--history", "before.jsonl")

        assert (done.code, done.out) == (3, "")
        assert "--history: before.jsonl, line 2 of the file, cannot be read: /claim_id" in done.err
        assert check("now.json", "--history", "nowhere").code == 3

    def test_history_that_is_read_with_warnings_is_read(self, check):
        Path("before.837").write_bytes(WRONG_COUNT)
        write("now.json", SMALLEST)

        assert check("now.json", "--history", "before.837").code == 0

    def test_packs_are_laid_over_the_built_in_ones(self, check):
        write("packs/own.yaml", b'version: "overlay-7"\nrules:\n  CODE-03:\n    to: 2000-01-01\n')
        write("a.json", ADD_ON_ALONE)
        plain = check("a.json", "--output", "json").lines[0]
        laid = check("a.json", "--output", "json", "--packs", "packs").lines[0]

        assert laid["ruleset"]["version"] == "overlay-7"
        assert ("CODE-03" in plain["checks"]["fail"], "CODE-03" in laid["checks"]["fail"]) == (True, False)

    def test_packs_may_come_from_the_settings(self, check, monkeypatch):
        write("packs/own.yaml", b'version: "overlay-7"\n')
        write("a.json", SMALLEST)
        monkeypatch.setenv("CLAIMSTREAM_PACKS", "packs")

        assert check("a.json", "--output", "json").lines[0]["ruleset"]["version"] == "overlay-7"

    def test_what_was_rejected_is_written_with_its_original_bytes(self, check):
        broken = b"\xef\xbb\xbf{broken\n"
        for folder in ("x", "y"):
            Path(folder).mkdir()
            Path(folder, "a.json").write_bytes(broken)
        write("b.jsonl", SMALLEST, b" {} ", SMALLEST)
        check("x", "y", "b.jsonl", "-", "--rejects", "deep/rejects", stdin=b"hello")
        kept = {path.name: path.read_bytes() for path in Path("deep/rejects").iterdir()}

        assert kept == {
            "a.json.0.rejected": broken,
            "a.json.0.2.rejected": broken,
            "b.jsonl.1.rejected": b" {} ",
            "stdin.0.rejected": b"hello",
        }

    def test_nothing_rejected_leaves_no_folder(self, check):
        write("a.json", SMALLEST)
        check("a.json", "--rejects", "rejects")

        assert not Path("rejects").exists()

    def test_rejects_that_cannot_be_written_are_trouble_of_the_environment(self, check):
        write("a.json", b"{}")
        write("file", b"")
        done = check("a.json", "--rejects", "file/below")

        assert done.code == 3
        assert "name another folder with --rejects" in done.err

    def test_a_large_x12_file_is_read_beyond_what_a_record_may_hold(self, check, monkeypatch):
        content = x12_record(*([X12_CLAIM[0].replace("C-1", name), *X12_CLAIM[1:], *X12_LINE] for name in "ABC"))
        Path("a.837").write_bytes(content)
        whole = check("a.837", "--output", "json").lines
        monkeypatch.setattr(assembler, "CLAIMS_PER_RECORD_MAX", 1)

        assert any(isinstance(item, Rejected) for item in read_x12(content))
        assert ["A", "B", "C"] == [line["claim_id"] for line in whole]
        assert whole == check("a.837", "--output", "json").lines

    def test_a_bundle_is_read_beyond_the_claims_a_record_may_hold_as_one(self, check, monkeypatch):
        write("a.json", bundle(FHIR_CLAIM, bundle(FHIR_CLAIM, changed("total")), FHIR_CLAIM))
        whole = check("a.json", "--output", "json").lines
        monkeypatch.setattr(fhir_record, "CLAIMS_PER_RECORD_MAX", 1)

        assert whole == check("a.json", "--output", "json").lines


class TestFhir:
    def test_every_claim_of_a_bundle_in_a_bundle_is_a_line_in_its_order_and_other_resources_are_none(self, check):
        write("a.json", bundle(bundle(FHIR_CLAIM, PATIENT), changed("total"), bundle(bundle(FHIR_CLAIM))))
        done = check("a.json", "--output", "json")

        assert (1, 3) == (done.code, len(done.lines))
        assert [0, 1, 2] == [line["input"]["index"] for line in done.lines]
        assert "Bundle.entry[1].resource.total" == done.lines[1]["rejection"]["at"]
        assert 2 == len({line["event_id"] for line in done.lines if "event_id" in line})


class TestExitCodes:
    @pytest.mark.parametrize(
        ("tree", "code"),
        [(SMALLEST, 0), (claim(service_lines=[LINE | {"procedure_code": "99213"}]), 0), (ADD_ON_ALONE, 1), (b"{}", 1)],
    )
    def test_findings_are_one_and_none_are_zero(self, check, tree, code):
        write("a.json", tree)

        for output in ("text", "json", "csv"):
            assert check("a.json", "--output", output).code == code

    @pytest.mark.parametrize(
        "arguments", [(), ("a.json", "--bad"), ("a.json", "--output", "xml"), ("a.json", "--as-of", "x")]
    )
    def test_a_bad_call_is_two(self, check, arguments):
        write("a.json", SMALLEST)

        assert check(*arguments).code == 2

    @pytest.mark.parametrize(
        ("pack", "words"),
        [
            (b"rules: [", "not YAML"),
            (b"rules:\n  NO-99: {}\n", "no such rule"),
            (b"colour: red\n", "colour"),
        ],
    )
    def test_a_bad_pack_is_two_with_one_sentence(self, check, pack, words):
        write("packs/own.yaml", pack)
        write("a.json", SMALLEST)
        done = check("a.json", "--packs", "packs")

        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
        assert words in done.err
        assert check("a.json", "--packs", "nowhere").code == 2

    def test_an_unknown_variable_is_two_and_names_the_nearest(self, check, monkeypatch):
        monkeypatch.setenv("CLAIMSTREAM_PACK", "x")
        write("a.json", SMALLEST)
        done = check("a.json")

        assert done.code == 2
        assert done.err == "claimstream: CLAIMSTREAM_PACK is not a setting; did you mean CLAIMSTREAM_PACKS?\n"

    def test_a_key_file_that_is_missing_is_two(self, check, monkeypatch):
        monkeypatch.setenv("CLAIMSTREAM_TOKEN_KEY_FILE", "nowhere")
        write("a.json", SMALLEST)

        assert check("a.json").code == 2

    def test_a_missing_file_is_three_before_anything_is_printed(self, check):
        write("a.json", SMALLEST)
        done = check("a.json", "nowhere.json")

        assert (done.code, done.out) == (3, "")
        assert done.err == "claimstream: nowhere.json: there is no such file; check the path\n"

    def test_a_file_that_goes_away_is_three(self, check, monkeypatch):
        write("a.json", SMALLEST)
        read_bytes = Path.read_bytes

        def refusing(path: Path) -> bytes:
            if path.name == "a.json":
                raise PermissionError(13, "Permission denied")
            return read_bytes(path)

        monkeypatch.setattr(Path, "read_bytes", refusing)
        done = check("a.json", "--output", "json")

        assert (done.code, "a.json cannot be read (Permission denied)" in done.err) == (3, True)

    def test_a_folder_without_files_is_clean_and_said(self, check):
        Path("empty").mkdir()
        done = check("empty")

        assert (done.code, done.out) == (0, "")
        assert "nothing is checked" in done.err


class TestCsv:
    def test_every_finding_and_every_claim_without_one_is_a_row(self, check):
        write("a.jsonl", SMALLEST | KNOWN, ADD_ON_ALONE | KNOWN | {"subscriber": {"member_id": "OTHER"}}, b"{}")
        done = check("a.jsonl", "--output", "csv")
        rows = list(csv.DictReader(io.StringIO(done.out)))

        assert tuple(rows[0]) == check_output.COLUMNS
        assert [(row["index"], row["outcome"], row["rule"]) for row in rows] == [
            ("0", "accepted", ""),
            ("1", "denied-risk", "CODE-03"),
            ("2", "rejected", "missing-field"),
        ]
        assert (rows[1]["lines"], rows[1]["carc"], rows[1]["finding_amount_at_risk"]) == ("1", "107", "1850.00")
        assert rows[2]["at"] == "/claim_id"

    @pytest.mark.parametrize(
        ("claim_id", "shown"),
        [
            ('a,"b"', 'a,"b"'),
            ("a\nb\rc\0d", "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c\N{REPLACEMENT CHARACTER}d"),
            ("=1+1", "'=1+1"),
            ("@SUM(1)", "'@SUM(1)"),
            ("é", "é"),
        ],
    )
    def test_what_stands_on_a_claim_breaks_no_row_and_runs_in_no_spreadsheet(self, check, claim_id, shown):
        write("a.jsonl", claim(claim_id=claim_id, **KNOWN), claim(claim_id="next", billing_provider={"npi": "2"}))
        rows = list(csv.DictReader(io.StringIO(check("a.jsonl", "--output", "csv").out)))

        assert [row["claim_id"] for row in rows if row["rule"] == ""][:1] == [shown]

    def test_warnings_are_no_rows(self, check):
        Path("a.837").write_bytes(WRONG_COUNT)
        done = check("a.837", "--output", "csv")

        assert {row["index"] for row in csv.DictReader(io.StringIO(done.out))} == {"0"}
        assert done.err.startswith("warning: ")


def test_explained_a_decision_has_a_reason_for_every_rule_and_is_else_the_same(check):
    Path("claim.json").write_bytes(encoded(SMALLEST))
    (plain,) = check("claim.json", "--output", "json").lines
    (explained,) = check("claim.json", "--output", "json", "--explain").lines
    explanation = explained.pop("explanation")

    assert plain == explained
    assert [rule.id for rule in RULES] == [each["rule"] for each in explanation]
    assert {"rule", "name", "family", "status", "why", "overrides"} == explanation[0].keys()
    assert sorted(plain["checks"]["pass"]) == sorted(each["rule"] for each in explanation if each["status"] == "pass")


def test_an_explanation_has_no_place_in_a_spreadsheet(check):
    done = check("claim.json", "--explain", "--output", "csv")

    assert (2, "") == (done.code, done.out)
    assert "--explain" in done.err
