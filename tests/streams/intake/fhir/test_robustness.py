import json
from copy import deepcopy

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.claim import Claim
from schemas.rejection import REJECTION_CODES
from streams.intake.exact_json import exact_json, exact_tree
from streams.intake.items import ReadClaim, Rejected, Warned
from streams.intake.reading import read_record
from tests.streams.intake.fhir.building import CLAIM, PARTIES, bundle, encoded, referring

CLAIMS = [
    CLAIM,
    bundle(*(referring(one) for one in PARTIES), referring(CLAIM)),
    bundle(*(referring(one) for one in PARTIES), referring(CLAIM), referring(CLAIM)),
    bundle(*(referring(one) for one in PARTIES), bundle(referring(CLAIM), bundle(referring(CLAIM)))),
    {"resourceType": "Parameters", "parameter": [{"resource": bundle(CLAIM)}, {"part": [{"resource": CLAIM}]}]},
]
WORDS = st.sampled_from(
    ["", " ", "#pat", "#cov", "urn:uuid:cov", "2026-06-15", "self", "Claim", "Bundle", "Parameters", "\x1c", "é\u2028"]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["value", "coding", "reference", "code", "resourceType", "resource", "entry", "part"])
            | st.text(),
            inner,
        )
    ),
    max_leaves=8,
)


def places(tree, path=()):
    yield path
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield from places(value, (*path, key))


PLACES = [(number, path) for number, tree in enumerate(CLAIMS) for path in places(tree) if path]


def accounted_for(text: bytes) -> None:
    found = list(read_record(text, "application/fhir+json"))

    assert any(isinstance(item, ReadClaim | Rejected) for item in found)
    for item in found:
        if isinstance(item, Rejected):
            assert item.rejection.code in REJECTION_CODES
            again = [one for one in read_record(item.original) if not isinstance(one, Warned)]
            assert [item.rejection.code] == [one.rejection.code for one in again if isinstance(one, Rejected)][:1]
        elif isinstance(item, ReadClaim):
            assert Claim.model_validate_json(item.claim.model_dump_json()) == item.claim


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(PLACES), ANYTHING)
def test_any_json_in_any_field_gives_an_item_and_never_an_exception(place, value):
    number, path = place
    tree = deepcopy(CLAIMS[number])
    here = tree
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = value
    accounted_for(encoded(tree))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["Claim", "Bundle", "Parameters", "Patient", ""]),
    st.dictionaries(st.sampled_from([*sorted(CLAIM), "entry", "parameter"]), ANYTHING),
)
def test_any_resource_gives_an_item_and_never_an_exception(kind, fields):
    accounted_for(encoded(fields | {"resourceType": kind}))


@settings(max_examples=200, deadline=None)
@given(ANYTHING)
def test_exact_json_reads_back_equal(tree):
    text = json.dumps(tree).encode()

    assert exact_tree(exact_json(exact_tree(text))) == exact_tree(text)


def test_a_fraction_that_is_a_whole_number_stays_a_fraction():
    assert b'{"a":125e0,"b":125}' == exact_json(exact_tree(b'{"a":1.25e2,"b":125}'))


def test_a_claim_cut_at_any_byte_is_one_rejection():
    text = encoded(CLAIM)
    for end in range(1, len(text)):
        (item,) = read_record(text[:end])
        assert item.rejection.code == "malformed-json"


def test_references_in_a_circle_come_to_an_end():
    first = {"resourceType": "Organization", "id": "1", "partOf": {"reference": "urn:uuid:2"}}
    second = {"resourceType": "Organization", "id": "2", "partOf": {"reference": "urn:uuid:1"}}
    bad = {"resourceType": "Claim", "provider": {"reference": "urn:uuid:1"}}
    accounted_for(encoded(bundle(first, second, bad, bad)))
