"""Lines of one first transforaminal level and date; CODE-05 and CODE-16 both ask whether they are its two sides."""

from collections.abc import Sequence

from validators.lines import Line

_ONE_OF_EACH = [["left"], ["right"]]


def are_right_and_left(lines: Sequence[Line]) -> bool:
    """Whether they are exactly one line for the right side and one for the left."""
    return sorted(sorted(line.sides) for line in lines) == _ONE_OF_EACH
