import io
import re
import sys
from pathlib import Path

import pytest

from streams.cli import COMMANDS
from streams.cli.check_output import Place
from streams.cli.check_text import NOTHING_TO_MEND, TextWriter
from tests.streams.intake.building import LINE, SMALLEST, claim, encoded
from tests.streams.intake.fhir import building as fhir
from tests.streams.intake.x12 import building as x12
from tests.streams.intake.x12.building import one as x12_record
from validators.catalogue import RULES
from validators.loading import load_ruleset

README = Path(__file__).parents[3] / "README.md"
FLORIDA = {"npi": "1245319599", "address": {"state": "FL"}}
MEDICARE = {"id": "MEDICARE", "filing_indicator": "MB"}
# Of this payer it is known that it requires no prior authorization: there is nothing to say of that.
KNOWN = {"payer": {"id": "EXBCBSMA"}}
DENIED = claim(
    claim_id="PT-0001-03",
    authorizations=[{"number": "A1"}],
    payer=MEDICARE,
    service_facility=FLORIDA,
    service_lines=[
        LINE
        | {
            "line_number": 2,
            "procedure_code": "64484",
            "modifiers": ["LT"],
            "control_number": "L0001",
            "diagnosis_pointers": [1],
        }
    ],
)
FLAGGED = claim(
    claim_id="PT-0002-01",
    payer=MEDICARE,
    place_of_service="22",
    type_of_bill="131",
    claim_type="institutional",
    billing_provider={"npi": "1245319599", "address": {"state": "TX"}},
    subscriber={"member_id": "2"},
    service_facility={"address": {"state": "TX"}},
)
ACCEPTED = claim(
    claim_id="PT-0003-01",
    payer={"id": "EXHUMANA", "filing_indicator": "16"},
    authorizations=[{"number": "A1"}],
    subscriber={"member_id": "3"},
)
BEYOND = claim(service_lines=[LINE | {"procedure_code": "99213"}], test=True, subscriber={"member_id": "4"})

UNASKED = SMALLEST | {"payer": MEDICARE, "service_facility": FLORIDA}
REGIONS = claim(
    payer=MEDICARE,
    service_facility=FLORIDA,
    diagnoses=[{"code": "M54.16"}, {"code": "M54.12"}],
    service_lines=[
        LINE | {"control_number": "L0001", "diagnosis_pointers": [1]},
        LINE | {"line_number": 4, "procedure_code": "62321", "modifiers": ["KX"], "diagnosis_pointers": [1, 2]},
    ],
)


def write(*trees: object, name: str = "claims.jsonl") -> str:
    Path(name).write_bytes(b"\n".join(tree if isinstance(tree, bytes) else encoded(tree) for tree in trees))
    return name


def mixed() -> str:
    return write(DENIED, FLAGGED, ACCEPTED, BEYOND, claim(payer={}), b"{broken")


def test_a_claim_at_risk_is_shown_with_line_code_reason_fix_and_source(check):
    done = check(write(DENIED))
    version = load_ruleset().version.version

    assert done.out.splitlines()[:9] == [
        f"claims.jsonl · JSON · rules {version} · NCCI 2024Q3 · ICD-10-CM FY2026",
        "",
        "DENIED-RISK  PT-0001-03                           $1,850.00 at risk of $1,850.00",
        "             Medicare FFS · FL · 2026-06-15 · claim 1",
        "  line 2 (6R L0001)  64484-LT  M54.16                                  $1,850.00",
        "    CODE-03  deny  64484 is billed without 64483 on 2026-06-15   CARC 107 · N122",
        "             fix   bill the first level as 64483, or add the missing 64483 line",
        "             why   NCCI add-on code edits, type 1: 64480 needs 64479; 64484",
        "                   needs 64483 (2024Q3)",
    ]


def test_the_readme_shows_what_check_prints(check):
    diagnosis, rest = "HI*ABK:M54.16", "***24:B:1*Y*A*Y*Y"
    first = [f"CLM*PT-0001-01*1850{rest}", diagnosis, *x12.LINE]
    alone = ["LX*1", "SV1*HC:64484:LT*900*UN*1***1", "DTP*472*D8*20260601"]
    second = [f"CLM*PT-0001-02*900{rest}", diagnosis, *alone]
    without_diagnosis = [f"CLM*PT-0001-03*1850{rest}", *x12.LINE]
    Path("claims.837").write_bytes(x12_record(first + second + without_diagnosis))
    _, _, shown = README.read_text().partition(" check claims.837\n")

    assert shown.partition("```")[0] == check("claims.837").out


def test_on_a_wide_terminal_a_claim_has_one_line_for_who_and_how_much(check):
    done = check(write(DENIED), columns=120)

    assert done.out.splitlines()[2] == (
        "DENIED-RISK  PT-0001-03      Medicare FFS · FL · 2026-06-15"
        "                               $1,850.00 at risk of $1,850.00"
    )


def test_an_accepted_claim_is_one_line(check):
    assert check(write(ACCEPTED)).out.splitlines()[2:4] == [
        "ACCEPTED     PT-0003-01      Humana MA · 2026-06-15                    $1,850.00",
        "",
    ]


def test_a_claim_nobody_looked_into_says_so(check):
    done = check(write(BEYOND), columns=120)

    assert "unlisted plan · 2026-06-15 · no epidural injection · test" in done.out
    assert "1 claim: 1 accepted (1 out of scope)" in done.out


def test_every_finding_says_its_severity_without_colour(check):
    told = [line[4:19] for line in check(write(DENIED, FLAGGED, UNASKED)).out.splitlines() if line.startswith("    ")]

    assert {"CODE-03  deny  ", "AUTH-02  flag  ", "AUTH-07  info  "} <= set(told)


def test_a_finding_that_asks_nothing_has_no_fix(check):
    lines = check(write(UNASKED)).out.splitlines()
    found = lines.index("    AUTH-07  info  62323 needs no UTN in FL: the WISeR model does not run there")

    assert lines[found + 1].startswith("             why   CMS WISeR model guide")


def test_information_to_act_on_has_its_fix(check):
    lines = check(write(claim(payer={"id": "EXUHC"}))).out.splitlines()
    found = lines.index("    AUTH-23  info  it is not known whether this payer requires prior")

    assert lines[found + 2] == "             fix   look it up; never assume"


def test_rules_say_in_one_way_that_there_is_nothing_to_mend():
    nothing = {rule.suggestion.partition(":")[0] for rule in RULES if rule.suggestion.startswith("none")}

    assert set(NOTHING_TO_MEND) == nothing


def test_a_finding_on_several_lines_has_one_head(check):
    out = check(write(REGIONS)).out.splitlines()
    heads = [(line, out[place + 1][:17]) for place, line in enumerate(out) if line.startswith("  line")]

    assert heads == [
        ("  line 1 (6R L0001)  62323  M54.16                                     $1,850.00", "    AUTH-07  info"),
        ("  lines 1 (6R L0001), 4  62323, 62321-KX  M54.16 M54.12                $3,700.00", "    LVL-03   deny"),
        ("  line 4  62321-KX  M54.16 M54.12                                      $1,850.00", "    AUTH-07  info"),
    ]


def test_a_claim_of_a_bundle_says_once_which_it_is(check):
    two = [fhir.changed("id", name) for name in ("first", "second")]
    Path("bundle.json").write_bytes(encoded(fhir.bundle(*fhir.PARTIES, *two)))
    out = check("bundle.json").out

    assert "Claim 1 of the Bundle" in out
    assert "Claim 2 of the Bundle" in out
    assert not re.search(r"claim \d · Claim", out)


@pytest.mark.parametrize(
    ("index", "where", "line", "words"),
    [
        (0, "", None, "claim 1"),
        (0, "Claim 1 of the Bundle", None, "Claim 1 of the Bundle"),
        (1999, "Claim 2000 of the Bundle", None, "Claim 2000 of the Bundle"),
        (0, "Claim 12 of the Bundle", None, "claim 1 · Claim 12 of the Bundle"),
        (1, "ST 0001 · claim 2", None, "ST 0001 · claim 2"),
        (1999, "ST 0002 · claim 1", None, "claim 2,000 · ST 0002 · claim 1"),
        (1, "", 7, "line 7 of the file"),
        (1, "Claim 2 of the Bundle", 7, "line 7 of the file · Claim 2 of the Bundle"),
    ],
)
def test_a_place_says_the_number_of_the_claim_once(index, where, line, words):
    assert words == Place("a", index, where, byte=0, line=line).in_words()


def test_a_flagged_claim_is_shown_with_what_was_not_checked(check):
    out = check(write(FLAGGED)).out

    assert "FLAGGED      PT-0002-01" in out
    assert "AUTH-02" in out


def test_what_could_not_be_read_is_shown_with_place_code_and_fix(check):
    first = SMALLEST | KNOWN

    assert check(write(first, claim(payer={}))).out.splitlines()[4:8] == [
        f"REJECTED     line 2 of the file · byte {len(encoded(first)) + 1}",
        "             /payer/id is missing or empty (missing-field)",
        "             fix   send it: every claim needs one",
        "",
    ]


def test_a_rejection_of_x12_says_where_the_segment_stands(check):
    Path("a.837").write_bytes(x12_record().replace(b"HL*2*1*22", b"HL*2*1*99"))
    out = check("a.837").out

    assert "REJECTED     ST 0001 · claim 1 · byte " in out
    assert "segment " in out


def test_a_warning_is_a_line_of_its_own(check):
    Path("a.837").write_bytes(x12_record().replace(b"SE*", b"SE*9"))

    assert "warning      SE/01: SE01 is not " in check("a.837").out


def test_the_totals_add_up(check):
    done = check(mixed())
    lines = done.out.splitlines()
    totals = lines.index("6 claims: 2 accepted · 1 flagged · 1 denied-risk · 2 rejected (1 out of scope)")

    assert lines[totals + 1] == f"{'$3,700.00 at risk of $7,400.00':>80}"
    assert done.code == 1


def test_what_was_not_checked_is_said_in_the_totals(check):
    told = " ".join(check(mixed()).out.split())  # without the folds of lines

    assert re.search(r" not checked: [^$]*? · in \d claims? ", told)
    assert re.search(r" not checked: [^$]*? · \d+ rules? ", told)
    assert "subscriber birth date" in told


def test_a_code_for_which_no_edit_is_published_is_named(check):
    lines = [LINE, LINE | {"line_number": 2, "procedure_code": "J1010"}]

    assert "J1010 (no published MUE)" in " ".join(check(write(claim(service_lines=lines))).out.split())


def test_the_last_line_names_only_a_command_that_exists(check):
    last = check(mixed()).out.splitlines()[-1]

    assert last.partition("claimstream ")[2].split()[0] in COMMANDS


@pytest.mark.parametrize("columns", [80, 100, 120])
def test_no_line_is_wider_than_the_terminal(check, columns):
    done = check(mixed(), columns=columns)

    assert [line for line in done.out.splitlines() if len(line) > columns] == []


def test_a_long_claim_number_pushes_the_money_to_the_next_line(check):
    number = "A-VERY-LONG-CLAIM-NUMBER-OF-MORE-THAN-FORTY-CHARACTERS"
    lines = check(write(DENIED | {"claim_id": number})).out.splitlines()

    assert lines[2] == f"DENIED-RISK  {number}"
    assert lines[3] == f"{'$1,850.00 at risk of $1,850.00':>80}"


def test_the_rules_in_force_stand_in_the_first_headline_alone(check):
    write(ACCEPTED, name="a.json")
    write(SMALLEST, name="b.json")
    lines = check("a.json", "b.json").out.splitlines()

    assert "b.json · JSON" in lines
    assert sum("· rules " in line for line in lines) == 1


def test_standard_input_is_named_in_words(check):
    assert check("-", stdin=encoded(SMALLEST)).out.startswith("standard input · JSON · ")


def test_what_would_steer_a_terminal_is_not_shown(check):
    name = "a\x1b[2Jb.json"
    write(DENIED | {"claim_id": "\x1b]0;title\x07", "service_lines": DENIED["service_lines"]}, name=name)
    out = check(name).out

    assert "\x1b" not in out
    assert "\x07" not in out
    assert "\N{REPLACEMENT CHARACTER}]0;title" in out


def test_without_a_terminal_there_is_no_colour(check):
    assert "\x1b" not in check(mixed()).out


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_colour_is_for_terminals_that_want_it(monkeypatch, variables, coloured):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", Terminal())
    TextWriter(load_ruleset()).file("a.json", "JSON")

    assert ("\x1b[1m" in sys.stdout.getvalue()) == coloured


def test_a_terminal_of_another_encoding_shows_what_it_can(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    TextWriter(load_ruleset()).file("a.json", "JSON")
    sys.stdout.flush()

    assert raw.getvalue().startswith(b"a.json ? JSON ? rules")


def test_no_claims_have_no_totals(check):
    Path("empty").mkdir()

    assert check("empty").out == ""


def test_explained_every_rule_of_a_claim_stands_by_family_with_its_reason(check):
    plain, done = check(write(DENIED)), check(write(DENIED), "--explain")
    lines = done.out.splitlines()

    assert max(map(len, lines)) <= 80
    assert plain.out.splitlines()[:10] == lines[:10]
    assert [] == [rule.id for rule in RULES if not any(line.startswith(f"    {rule.id:<9}") for line in lines)]
    assert lines.index("  code") < lines.index("  guidance") < lines.index("  system")
    assert "    CODE-03  fail         add-on-without-primary: deny: 64484 is billed without" in lines
    assert "    AUTH-02  n/a" in done.out or "    AUTH-02  pass" in done.out


def test_explained_an_accepted_claim_is_followed_by_its_rules(check):
    done = check(write(ACCEPTED), "--explain", columns=120)
    lines = done.out.splitlines()

    assert lines[2].startswith("ACCEPTED")
    assert "  code" == lines[3]
    assert "" == lines[lines.index("  system") + 3]
    assert "    CODE-03  pass         add-on-without-primary: no line has a code it looks at" in lines


def test_the_end_says_where_to_ask_why_a_rule_fired(check):
    last = check(write(ACCEPTED, DENIED)).out.splitlines()[-2]

    assert "Why a rule fired: claimstream rules show CODE-03, or check --explain" == last
    assert "rules show" not in check(write(ACCEPTED)).out
