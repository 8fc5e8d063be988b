import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.sealing import Seal, SealBrokenError

contents = st.binary(min_size=1, max_size=200)
keys = st.binary(min_size=1, max_size=80)


@given(keys, contents)
def test_what_is_sealed_is_opened_under_the_same_key(key: bytes, content: bytes) -> None:
    assert content == Seal(key).open(Seal(key).close(content))


@given(keys, contents)
def test_the_same_content_is_sealed_as_the_same_bytes(key: bytes, content: bytes) -> None:
    assert Seal(key).close(content) == Seal(key).close(content)


@given(contents, contents)
def test_other_content_is_sealed_as_other_bytes(content: bytes, other: bytes) -> None:
    assert (content == other) is (Seal(b"key").close(content) == Seal(b"key").close(other))


@given(st.binary(min_size=16, max_size=200))
def test_nothing_of_the_content_can_be_read_but_its_length(content: bytes) -> None:
    sealed = Seal(b"key").close(content)

    assert len(content) + 16 == len(sealed)
    assert content not in sealed


@given(contents)
def test_under_another_key_nothing_is_opened(content: bytes) -> None:
    with pytest.raises(SealBrokenError, match="a state entry was sealed under another key, or is damaged"):
        Seal(b"another").open(Seal(b"key").close(content))


@given(contents, st.integers(0, 10_000), st.integers(1, 255))
def test_what_was_changed_since_is_not_opened(content: bytes, at: int, change: int) -> None:
    sealed = bytearray(Seal(b"key").close(content))
    sealed[at % len(sealed)] ^= change

    with pytest.raises(SealBrokenError):
        Seal(b"key").open(bytes(sealed))


@pytest.mark.parametrize("cut", [b"", b"short", Seal(b"key").close(b"content")[:-1]])
def test_what_was_cut_off_is_not_opened(cut: bytes) -> None:
    with pytest.raises(SealBrokenError):
        Seal(b"key").open(cut)


def test_what_was_sealed_by_earlier_versions_is_opened() -> None:
    assert b"content" == Seal(b"key").open(bytes.fromhex("4f907dfe9dda1d7a86414d39d4e1b031d8019dd3c33278"))
