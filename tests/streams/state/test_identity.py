import json
from dataclasses import replace

import pytest

from streams.settings import load_settings
from streams.state.changelog import parse_key
from streams.state.identity import KEY, Identity, IdentityDiffersError, _require_same, identity_of
from streams.tokens import Tokens
from tests.validators.building import ruleset

MINE = Identity("f" * 32, {"EXMEDICARE": "MEDICARE"}, {"clinic": "one"}, 8)


def test_an_identity_does_not_differ_from_itself_as_it_stands_in_the_changelog() -> None:
    assert "" == MINE.difference(MINE.written())


def test_an_identity_stands_under_a_key_that_is_the_key_of_no_entry() -> None:
    assert parse_key(KEY) is None


@pytest.mark.parametrize(
    ("theirs", "difference"),
    [
        (replace(MINE, key_fingerprint="0" * 32), "CLAIMSTREAM_TOKEN_KEY_FILE holds another key"),
        (
            replace(MINE, payer_aliases={}),
            "CLAIMSTREAM_PAYER_ALIASES, or the Medicare payer ids of the packs, are others",
        ),
        (replace(MINE, tenants={"clinic": "two"}), "CLAIMSTREAM_TENANTS are others"),
        (replace(MINE, partitions=4), "CLAIMSTREAM_BROKER__PARTITIONS is 8, not 4"),
        (
            replace(MINE, tenants={}, partitions=4),
            "CLAIMSTREAM_TENANTS are others, and CLAIMSTREAM_BROKER__PARTITIONS is 8, not 4",
        ),
    ],
    ids=["key", "aliases", "tenants", "partitions", "two of them"],
)
def test_what_differs_is_named_by_its_setting(theirs: Identity, difference: str) -> None:
    assert difference == MINE.difference(theirs.written())


def test_a_worker_that_differs_is_told_what_to_do() -> None:
    theirs = replace(MINE, partitions=4).written()

    with pytest.raises(IdentityDiffersError) as refused:
        _require_same("claims.state-changelog", MINE, {0: MINE.written(), 1: theirs})

    assert (
        "the state in claims.state-changelog was written with other settings: CLAIMSTREAM_BROKER__PARTITIONS is 8, "
        "not 4; set them back, or replay the log into a new prefix with `claimstream rekey`"
    ) == str(refused.value)


def test_an_identity_is_written_as_the_same_bytes_whatever_the_order_of_its_settings() -> None:
    two = replace(MINE, payer_aliases={"A": "1", "B": "2"})
    turned = replace(MINE, payer_aliases={"B": "2", "A": "1"})

    assert two.written() == turned.written()
    assert {"v": 1, "key_fingerprint": "f" * 32, "payer_aliases": {"A": "1", "B": "2"}} == {
        name: value for name, value in json.loads(two.written()).items() if name not in ("tenants", "partitions")
    }


def test_the_identity_of_a_worker_shows_no_key_and_every_alias(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAIMSTREAM_TENANTS", "clinic=one")
    settings = load_settings()
    key = b"a key that only this test has"
    identity = identity_of(Tokens(key, ruleset().payers, {"old": "new"}, settings.tenants), settings)

    assert Tokens(key, ruleset().payers).fingerprint() == identity.key_fingerprint
    assert key not in identity.written()
    assert {"clinic": "one"} == identity.tenants
    assert settings.broker.partitions == identity.partitions
    assert ("NEW", "MEDICARE") == (identity.payer_aliases["OLD"], identity.payer_aliases["EXMEDICARE"])
    assert "EXHUMANA" not in identity.payer_aliases
