"""Where in a resource a fault stands and how it is said: a FHIRPath and the fix, never a value."""

from datetime import date
from typing import Final

from pydantic import ValidationError

from schemas.rejection import Rejection, RejectionCode

_DAY_LENGTH: Final = len("YYYY-MM-DD")


class RefusedError(Exception):
    """Ends the reading of one claim; `rejection` says why. Never leaves this package."""

    def __init__(self, code: RejectionCode, message: str, at: str) -> None:
        super().__init__(message)
        self.rejection = Rejection(code=code, message=message, at=at)


def missing(what: str, fix: str, at: str) -> RefusedError:
    """A required element that was not sent."""
    return RefusedError("missing-field", f"{what} is missing; {fix}", at)


def not_a_day(what: str, at: str) -> RefusedError:
    """A date that is none."""
    return RefusedError("wrong-type", f"{what} is no calendar day; write it as YYYY-MM-DD", at)


def refused_by_model(error: ValidationError, resource: str, at: str) -> RefusedError:
    """The first thing the model of a resource of that type, which stands at `at`, refuses."""
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    first = errors[0]
    path = fhir_path(first["loc"])
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    fix = first["msg"]
    if fix.startswith("Input "):
        fix = f"it{fix.removeprefix('Input')}"
    elif fix.startswith("String "):
        fix = f"a text{fix.removeprefix('String')}"
    return RefusedError("wrong-type", f"{resource}{path} has the wrong type{more}; {fix}", f"{at}{path}")


def fhir_path(steps: tuple[str | int, ...]) -> str:
    """`.item[0].net` of ("item", 0, "net")."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)


def read_day(written: str) -> date | None:
    """The day of a date or dateTime as written, in the sender's own time; None when there is none in it."""
    day, rest = written[:_DAY_LENGTH], written[_DAY_LENGTH:]
    if len(day) < _DAY_LENGTH or (rest and not rest.startswith("T")) or day[4] != "-" or not day.isascii():
        return None
    try:
        return date.fromisoformat(day)
    except ValueError:
        return None


def is_partial_day(written: str) -> bool:
    """Whether this is the year, or year and month, that FHIR lets a date be."""
    year, dash, month = written.partition("-")
    digits = written.replace("-", "")
    return digits.isascii() and digits.isdigit() and len(year) == 4 and len(month) == (2 if dash else 0)
