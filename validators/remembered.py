"""What is worked out once for all claims alike."""

from typing import TypeVar

AT_MOST = 4096
"""How many combinations of codes, dates or payers are remembered; real feeds have a few hundred of each."""

Key = TypeVar("Key")
Value = TypeVar("Value")


class Remembered(dict[Key, Value]):
    """Values by what they were worked out from. It forgets all of them before it grows without end."""

    __slots__ = ()

    def __setitem__(self, key: Key, value: Value) -> None:
        """Remember one more."""
        if len(self) >= AT_MOST:
            self.clear()
        super().__setitem__(key, value)
