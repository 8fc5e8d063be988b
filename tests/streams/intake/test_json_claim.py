import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.authorization import Authorization
from schemas.claim import Claim
from schemas.encounter import Encounter
from schemas.rejection import REJECTION_CODES
from streams.intake.items import ReadClaim, ReadFact, Rejected
from streams.intake.json_claim import read_json
from streams.intake.reading import read_record
from tests.streams.intake.building import (
    FULL,
    LINE,
    PRIVATE,
    SMALLEST,
    accepted,
    claim,
    encoded,
    fault,
    read,
    refused,
    with_line,
)


def canonical(tree) -> bytes:
    return accepted(tree).claim.model_dump_json(exclude_defaults=True).encode()


def with_text(text: str) -> bytes:
    """The smallest claim with raw JSON text as one more field."""
    return encoded(SMALLEST)[:-1] + b"," + text.encode() + b"}"


class TestJsonItself:
    @pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 400 + ".0"])
    def test_what_is_no_number_is_rejected_at_its_place(self, text):
        assert fault(with_text(f'"accident": {{"x": [0, {text}]}}')) == ("not-a-number", "/accident/*/1")

    @pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
    def test_what_is_no_number_is_rejected_in_a_field_nobody_reads(self, text):
        assert fault(with_text(f'"extra": {text}')) == ("not-a-number", "/*")

    def test_a_number_too_large_for_a_float_does_not_matter_where_nobody_reads_it(self):
        assert accepted(with_text('"extra": 1e999')).unknown_fields == 1

    def test_an_integer_with_more_digits_than_are_read_is_rejected(self):
        assert fault(with_text(f'"accident": {"9" * 5000}')) == ("not-a-number", "/accident")

    def test_a_huge_integer_is_kept(self):
        assert accepted(with_text(f'"accident": {10**400}')).claim.accident == 10**400

    @pytest.mark.parametrize(
        ("text", "at"),
        [
            ('"claim_id": "PT-1"', "/claim_id"),
            ('"payer": {"id": "A", "id": "A"}', "/payer"),
            ('"accident": {"a": 1, "a": 2}', "/accident/*"),
            ('"accident": [{"deep": [{"a": 1, "\\u0061": 2}]}]', "/accident/0/*/0/*"),
            ('"Quackenbush": 1, "Quackenbush": 2', "/*"),
        ],
    )
    def test_a_key_that_stands_twice_is_rejected_at_any_depth(self, text, at):
        assert fault(with_text(text)) == ("duplicate-key", at)

    def test_sixty_four_levels_are_read_and_one_more_is_not(self):
        def nested(levels: int) -> bytes:
            # The claim itself is the first level.
            return with_text(f'"accident": {"[" * (levels - 1)}1{"]" * (levels - 1)}')

        assert isinstance(read(nested(64)), ReadClaim)
        assert fault(nested(65)) == ("too-deep", "/accident" + "/0" * 63)

    def test_a_scalar_in_the_deepest_level_is_not_what_a_fault_elsewhere_is_blamed_on(self):
        deepest = f'"accident": {"[" * 63}1{"]" * 63}, "notes": [{{"a": 1, "a": 2}}]'

        assert fault(with_text(deepest)) == ("duplicate-key", "/notes/0/*")

    @pytest.mark.parametrize("text", ["[", '{"a":', '[{"a":', '{"accident":['])
    def test_a_hundred_thousand_brackets_are_too_deep(self, text):
        assert refused((text * 100_000)[:8_000_000].encode()).rejection.code == "too-deep"

    def test_nesting_between_our_limit_and_the_parsers_is_too_deep(self):
        assert fault(b"[" * 190 + b"]" * 190) == ("too-deep", "/0" * 64)

    def test_a_million_flat_brackets_are_not_deep(self):
        assert accepted(claim(notes=[[]] * 1_000_000)).unknown_fields == 0

    def test_brackets_within_a_string_are_not_levels(self):
        assert accepted(claim(notes=["[" * 1000])).unknown_fields == 0
        assert fault(encoded("[" * 100).strip()) == ("unknown-format", "")
        assert isinstance(read_json(encoded("[" * 100)), Rejected)

    @pytest.mark.parametrize("half", ["\\ud800", "\\udc00", "\\ud800x", "\\udfff\\ud800"])
    def test_half_a_surrogate_pair_is_rejected_at_its_place(self, half):
        assert fault(with_text(f'"notes": ["whole", "a{half}"]')) == ("malformed-json", "/notes/1")
        assert fault(with_text(f'"accident": {{"{half}": 1}}')) == ("malformed-json", "/accident")

    def test_a_whole_surrogate_pair_is_a_character(self):
        assert accepted(with_text('"notes": ["\\ud83d\\ude00"]')).claim.notes == ("\N{GRINNING FACE}",)

    @pytest.mark.parametrize("raw", [b"\xff", b"\xed\xa0\x80", b"\xc3"])
    def test_bytes_that_are_not_utf_8_are_named_by_their_place(self, raw):
        record = encoded(claim(claim_id="?")).replace(b"?", raw)

        rejection = refused(record).rejection
        assert rejection.code == "not-utf8"
        assert f"byte {record.index(raw)} " in rejection.message

    def test_nul_characters_are_text(self):
        assert accepted(claim(claim_id="A\0B")).claim.claim_id == "A\0B"

    @pytest.mark.parametrize("raw", ["\x01", "\n", "\x1f"])
    def test_control_characters_within_a_string_are_no_json(self, raw):
        assert fault(b'{"claim_id": "' + raw.encode() + b'"}')[0] == "malformed-json"

    @pytest.mark.parametrize("record", [b"[]", b"[{}]", b"[1, 2]", encoded([SMALLEST])])
    def test_an_array_is_no_claim(self, record):
        assert fault(record) == ("wrong-type", "")

    @pytest.mark.parametrize("record", [b"1", b'"x"', b"null", b"true", b"1.5"])
    def test_a_scalar_is_no_claim(self, record):
        item = read_json(record)

        assert isinstance(item, Rejected)
        assert item.rejection.code == "wrong-type"

    def test_the_place_of_a_syntax_error_is_a_line_where_there_are_several(self):
        assert "character 2 on" in refused(b"{oops}").rejection.message
        assert "character 1 of line 2 on" in refused(b"{\noops}").rejection.message


class TestStrictModel:
    @pytest.mark.parametrize(
        ("tree", "at"),
        [
            (claim(total_charge=1850), "/total_charge"),
            (claim(total_charge=1850.0), "/total_charge"),
            (claim(total_charge=None), "/total_charge"),
            (with_line(charge=1850), "/service_lines/0/charge"),
            (with_line(units=1), "/service_lines/0/units"),
            (with_line(drug={"quantity": 1.5}), "/service_lines/0/drug/quantity"),
            (with_line(line_number="1"), "/service_lines/0/line_number"),
            (with_line(line_number=True), "/service_lines/0/line_number"),
            (with_line(line_number=1.0), "/service_lines/0/line_number"),
            (with_line(line_number=1.5), "/service_lines/0/line_number"),
            (with_line(diagnosis_pointers=[True]), "/service_lines/0/diagnosis_pointers/0"),
            (with_line(diagnosis_pointers="1"), "/service_lines/0/diagnosis_pointers"),
            (with_line(service_date_from="2026-06-15T00:00:00"), "/service_lines/0/service_date_from"),
            (with_line(service_date_from="2026-06-15T10:30:00Z"), "/service_lines/0/service_date_from"),
            (with_line(service_date_from=20260615), "/service_lines/0/service_date_from"),
            (with_line(service_date_from=1781481600), "/service_lines/0/service_date_from"),
            (with_line(service_date_from="20260615"), "/service_lines/0/service_date_from"),
            (with_line(service_date_from="2026-02-30"), "/service_lines/0/service_date_from"),
            (with_line(service_date_from="15.06.2026"), "/service_lines/0/service_date_from"),
            (claim(received_on="2026-6-1"), "/received_on"),
            (claim(test=1), "/test"),
            (claim(test="false"), "/test"),
            (claim(claim_id=7), "/claim_id"),
            (claim(payer="MEDICARE"), "/payer"),
            (claim(payer=["MEDICARE"]), "/payer"),
            (claim(diagnoses={"code": "M5416"}), "/diagnoses"),
            (claim(diagnoses=["M5416"]), "/diagnoses/0"),
            (claim(service_lines=LINE), "/service_lines"),
            (claim(billing_provider={"npi": "1", "organization": "yes"}), "/billing_provider/organization"),
            (claim(subscriber={"member_id": "1", "birth_date": 19500201}), "/subscriber/birth_date"),
        ],
    )
    def test_a_wrong_type_is_rejected_at_its_place(self, tree, at):
        assert fault(tree) == ("wrong-type", at)

    @pytest.mark.parametrize(
        "text", ["1e5", " 1", "1 ", "\uff11", "--1", "", "+1", "1,850.00", "$1", "0x1", "NaN", "1_0", "."]
    )
    def test_a_string_that_is_no_decimal_number_is_rejected(self, text):
        assert fault(claim(total_charge=text)) == ("wrong-type", "/total_charge")

    @pytest.mark.parametrize("text", ["1250", ".5", "-3.00", "0", "-.5", "0.000001", "999999999999.999999", "1250.10"])
    def test_a_decimal_string_is_kept_exactly(self, text):
        read_claim = accepted(with_line(charge=text, units=text) | {"total_charge": text})
        line = read_claim.claim.service_lines[0]

        assert (read_claim.claim.total_charge, line.charge, line.units) == (Decimal(text),) * 3
        assert Claim.model_validate_json(canonical(with_line(charge=text, units=text))).service_lines[0] == line

    @pytest.mark.parametrize(
        ("tree", "at"),
        [
            (claim(claim_type="dental"), "/claim_type"),
            (claim(claim_type=" professional"), "/claim_type"),
            (claim(claim_type="Professional"), "/claim_type"),
            (claim(claim_type=1), "/claim_type"),
            (claim(payer={"id": "A", "line_of_business": "hmo"}), "/payer/line_of_business"),
            (claim(payer={"id": "A", "sequence": "first"}), "/payer/sequence"),
            (claim(subscriber={"member_id": "1", "relationship": "18"}), "/subscriber/relationship"),
            (claim(authorizations=[{"number": "A", "kind": "x"}]), "/authorizations/0/kind"),
        ],
    )
    def test_a_value_outside_an_enumeration_is_rejected(self, tree, at):
        assert fault(tree) == ("unknown-value", at)

    @pytest.mark.parametrize("path", [(name,) for name in SMALLEST] + [("service_lines", 0, name) for name in LINE])
    def test_every_required_field_is_missed(self, path):
        tree = json.loads(encoded(SMALLEST))
        inner = tree
        for key in path[:-1]:
            inner = inner[key]
        del inner[path[-1]]

        assert fault(tree) == ("missing-field", "".join(f"/{key}" for key in path))

    @pytest.mark.parametrize(
        ("tree", "at"),
        [
            (claim(claim_id=""), "/claim_id"),
            (claim(claim_id=" \t"), "/claim_id"),
            (claim(payer={}), "/payer/id"),
            (claim(payer={"id": " "}), "/payer/id"),
            (claim(subscriber={"member_id": ""}), "/subscriber/member_id"),
            (claim(billing_provider={}), "/billing_provider/npi"),
            (claim(diagnoses=[]), "/diagnoses"),
            (claim(diagnoses=[{}]), "/diagnoses/0/code"),
            (claim(diagnoses=[{"code": "M5416"}, {"code": ""}]), "/diagnoses/1/code"),
            (claim(service_lines=[]), "/service_lines"),
            (claim(service_lines=[LINE, {}]), "/service_lines/1/line_number"),
            (with_line(procedure_code=" "), "/service_lines/0/procedure_code"),
            (claim(authorizations=[{"kind": "referral"}]), "/authorizations/0/number"),
        ],
    )
    def test_an_empty_required_field_is_missed(self, tree, at):
        assert fault(tree) == ("missing-field", at)

    def test_how_many_more_faults_there_are_is_said(self):
        assert "(6 more)" in refused({"claim_id": "A"}).rejection.message

    @pytest.mark.parametrize(
        ("tree", "count"),
        [
            (claim(extra=1), 1),
            (claim(extra={"of": {"many": 1, "parts": 2}}), 1),
            (claim(payer={"id": "A", "colour": "red"}, size=3), 2),
            (claim(diagnoses=[{"code": "M5416", "a": 1}, {"code": "M5417", "b": 2, "c": 3}]), 3),
            (with_line(drug={"ndc": "1", "x": 0}, y=None), 2),
            (claim(accident={"anything": {"goes": 1}}, notes=[{"here": 1}]), 0),
            (claim(subscriber={"member_id": "1", "address": {"zip": "1"}}), 1),
            (FULL, 0),
        ],
    )
    def test_unknown_fields_are_ignored_and_counted(self, tree, count):
        assert accepted(tree).unknown_fields == count

    @pytest.mark.parametrize(
        "tree",
        [
            with_line(units="0"),
            with_line(units="-1"),
            with_line(charge="-10.00"),
            claim(diagnoses=[{"code": f"M54{n:02}"} for n in range(13)]),
            with_line(modifiers=["LT", "59", "XS", "KX", "GA"]),
            with_line(modifiers=["?!", "lt", ""]),
            claim(place_of_service="ZZ"),
            claim(billing_provider={"npi": "1234567890", "address": {"state": "XX"}}),
            claim(billing_provider={"npi": "no npi"}),
            with_line(diagnosis_pointers=[0, 99, -1]),
            claim(service_lines=[LINE, LINE]),
            claim(diagnoses=[{"code": "not a code"}]),
            with_line(procedure_code="WHAT"),
            with_line(line_number=-5),
            with_line(service_date_from="1900-01-01", service_date_to="1899-01-01"),
            with_line(service_date_from="9999-12-31"),
            claim(total_charge="0"),
            claim(frequency_code="X"),
        ],
    )
    def test_what_a_rule_judges_is_read_as_it_is(self, tree):
        assert accepted(tree)

    @pytest.mark.parametrize("written", ["M54.16", "M5416", "m54.16", " M54.16 ", "m5416"])
    def test_a_diagnosis_is_read_with_and_without_its_dot(self, written):
        assert accepted(claim(diagnoses=[{"code": written}])).claim.diagnoses[0].code == "M5416"

    def test_codes_are_upper_case_and_text_is_bare_of_outer_blanks(self):
        read_claim = accepted(with_line(procedure_code=" j1030 ", modifiers=["lt "]) | {"claim_id": " A b "}).claim

        assert read_claim.claim_id == "A b"
        assert read_claim.service_lines[0].procedure_code == "J1030"
        assert read_claim.service_lines[0].modifiers == ("LT",)

    @pytest.mark.parametrize("tree", [SMALLEST, FULL, claim(notes=[None, 1.5, {"é": "\N{GRINNING FACE}\u2028"}])])
    def test_canonical_json_reads_back_equal(self, tree):
        assert accepted(canonical(tree)).claim == accepted(tree).claim
        assert canonical(canonical(tree)) == canonical(tree)


class TestOtherKinds:
    @pytest.mark.parametrize(
        ("tree", "code", "words"),
        [
            ({"resourceType": "Claim", "use": "claim"}, "missing-field", "identifier"),
            ({"resourceType": "Claim"}, "missing-field", "identifier"),
            ({"resourceType": "Claim", "use": "preauthorization"}, "not-a-claim", "use"),
            ({"resourceType": "Claim", "use": ["claim"]}, "not-a-claim", "use"),
            ({"resourceType": "ExplanationOfBenefit"}, "not-a-claim", "no Claim"),
            ({"resourceType": "ClaimResponse"}, "not-a-claim", "--authorizations"),
            ({"resourceType": "Bundle"}, "not-a-claim", "Bundle"),
            ({"resourceType": "Bundle", "entry": None}, "not-a-claim", "Bundle"),
            ({"resourceType": "Bundle", "entry": [1, {}, {"resource": 1}]}, "not-a-claim", "Bundle"),
            (
                {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "ClaimResponse"}}]},
                "not-a-claim",
                "--authorizations",
            ),
            (
                {
                    "resourceType": "Bundle",
                    "entry": [{"resource": {"resourceType": "Patient"}}, {"resource": {"resourceType": "Claim"}}],
                },
                "missing-field",
                "identifier",
            ),
            (
                {
                    "resourceType": "Bundle",
                    "entry": [{"resource": {"resourceType": "Claim", "use": "predetermination"}}],
                },
                "not-a-claim",
                "use",
            ),
            ({"authorization_number": "A1", "member_id": "1"}, "missing-field", "every authorization"),
            ({"member_id": "1", "service_date": "2026-06-15"}, "missing-field", "every encounter"),
            ({"resourceType": 5}, "missing-field", "/claim_id"),
            ({}, "missing-field", "/claim_id"),
        ],
    )
    def test_what_is_no_claim_of_ours_is_named(self, tree, code, words):
        rejection = refused(tree).rejection

        assert (rejection.code, words in rejection.message) == (code, True), rejection.message


AUTHORIZATION = {"authorization_number": "A1", "payer_id": "P", "member_id": "1", "status": "approved"}
ENCOUNTER = {"payer_id": "P", "member_id": "1", "service_date": "2026-06-15"}


@pytest.mark.parametrize(("tree", "model"), [(AUTHORIZATION, Authorization), (ENCOUNTER, Encounter)])
def test_an_authorization_and_an_encounter_are_facts(tree, model):
    item = read_json(json.dumps(tree | {"extra": 1}).encode())

    assert (ReadFact, model, 1) == (type(item), type(item.fact), item.unknown_fields)


def test_a_content_type_says_what_an_object_lacks():
    (item,) = read_record(b'{"payer_id": "P"}', "application/vnd.claimstream.authorization+json;v=1")

    assert ("missing-field", "/authorization_number") == (item.rejection.code, item.rejection.at)


def leaves(tree, path=()):
    """Every path of a tree."""
    yield path
    for key, inner in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield from leaves(inner, (*path, key))


PATHS = [path for path in leaves(FULL) if path]
JUNK = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "Quackenbush",
    "1EG4TE5MK73",
    [],
    {},
    ["Quackenbush"],
    {"Wilhelmina": "1EG4TE5MK73"},
    "\0",
]


def mutated(path, how, junk):
    tree = json.loads(encoded(FULL))
    inner = tree
    for key in path[:-1]:
        inner = inner[key]
    if how == "replace":
        inner[path[-1]] = junk
    elif how == "remove":
        del inner[path[-1]]
    elif isinstance(inner, dict):
        # The value becomes a key, and the field's own name is lost.
        inner[str(inner.pop(path[-1]))] = junk
    return tree


def says_nothing_of_a_person(item: Rejected) -> bool:
    shown = item.rejection.model_dump_json()
    return not any(private.lower() in shown.lower() for private in PRIVATE)


@given(st.sampled_from(PATHS), st.sampled_from(["replace", "remove", "rename"]), st.sampled_from(JUNK))
def test_every_mutation_is_one_claim_or_one_rejection_that_shows_nothing(path, how, junk):
    item = read(mutated(path, how, junk))

    if isinstance(item, ReadClaim):
        body = item.claim.model_dump_json(exclude_defaults=True).encode()
        assert Claim.model_validate_json(body) == item.claim
    else:
        assert isinstance(item, Rejected)
        assert item.rejection.code in REJECTION_CODES
        assert says_nothing_of_a_person(item)


@given(st.data())
def test_every_mutation_of_the_bytes_is_one_item_that_shows_nothing(data):
    record = bytearray(encoded(FULL))
    at = data.draw(st.integers(0, len(record) - 1))
    junk = data.draw(st.sampled_from([b"", b"NaN", b'"', b"{", b"]", b"\xff", b"\\ud800", b",", b'"Quackenbush":1,']))
    record[at : at + data.draw(st.integers(0, 3))] = junk
    item = read(bytes(record))

    assert isinstance(item, ReadClaim) or (item.rejection.code in REJECTION_CODES and says_nothing_of_a_person(item))


@pytest.mark.parametrize("private", PRIVATE)
@pytest.mark.parametrize(
    "template",
    [
        '{{"{0}": 1, "{0}": 2}}',
        '{{"{0}": NaN}}',
        '{{"{0}": {1}}}',
        '{{"{0}": "\\ud800"}}',
        '{{"\\ud800{0}": 1}}',
        '{{"claim_id": "{0}", "claim_type": "{0}", "total_charge": "{0}"}}',
        '{{"claim_id": "A", "claim_type": "{0}"}}',
        '{{"claim_id": "A", "claim_type": "professional", "total_charge": "{0}"}}',
        '{{"claim_id": "A", "received_on": "{0}"}}',
        '{{"claim_id": {{"{0}": 1}}}}',
        '{{"claim_id" "{0}"}}',
        '"{0}"',
        '{{"resourceType": "{0}"}}',
        '{{"authorization_number": "{0}"}}',
        "{0}",
    ],
)
def test_no_value_and_no_key_of_a_record_stands_in_its_rejection(template, private):
    record = template.format(private, "[" * 80 + "]" * 80)

    assert says_nothing_of_a_person(refused(record.encode()))
    assert says_nothing_of_a_person(read_json(record.encode()))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*FULL, "other"]), json_values, max_size=4))
def test_any_json_in_any_field_reads_back_equal_or_is_rejected(changes):
    item = read(json.dumps(SMALLEST | changes, ensure_ascii=False).encode(errors="surrogatepass"))

    if isinstance(item, ReadClaim):
        body = item.claim.model_dump_json(exclude_defaults=True).encode()
        assert Claim.model_validate_json(body) == item.claim


@pytest.mark.parametrize("text", ["0", "86400", "-86400", "1781481600", "1781481600000"])
def test_a_timestamp_written_as_text_is_no_day(text):
    assert fault(with_line(service_date_from=text)) == ("wrong-type", "/service_lines/0/service_date_from")


@pytest.mark.parametrize("code", [".", ". M5416", "M5416 ."])
def test_a_diagnosis_of_dots_and_blanks_reads_back_equal_or_is_missed(code):
    item = read(claim(diagnoses=[{"code": code}]))

    if isinstance(item, ReadClaim):
        assert accepted(item.claim.model_dump_json(exclude_defaults=True).encode()).claim == item.claim
