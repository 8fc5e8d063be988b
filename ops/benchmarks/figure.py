"""A measured figure, and the aim it is held against."""

# ruff: noqa: INP001 - as the other scripts here

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, in which unit; `aim` is the bound it should keep, None where it only informs."""

    name: str
    value: float
    unit: str
    aim: float | None = None
    more_is_better: bool = False

    @property
    def met(self) -> bool | None:
        """Whether it keeps its aim."""
        if self.aim is None:
            return None
        return self.value >= self.aim if self.more_is_better else self.value <= self.aim

    def as_object(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self) | {"met": self.met}
