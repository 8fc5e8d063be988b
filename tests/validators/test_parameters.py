from validators.parameters import Patterns


def test_patterns_contain_what_they_list_and_what_begins_like_an_open_end() -> None:
    patterns = Patterns(["207L*", "208VP0014X"])

    assert [True, True, False, False] == [
        code in patterns for code in ("207L00000X", "208VP0014X", "208VP0014Y", "07L00000X")
    ]
    assert ["207L*", "208VP0014X"] == [*patterns]
    assert 2 == len(patterns)


def test_patterns_are_the_same_when_they_list_the_same() -> None:
    assert 1 == len({Patterns(["J*", "Q9965"]), Patterns(["Q9965", "J*"])})
    assert Patterns(["J*"]) != Patterns(["J*", "Q9965"])
    assert Patterns(["J*"]) != frozenset({"J*"})
