"""The types FHIR R4 resources are made of: strict, every element optional, unknown ones ignored.

FHIR defines hundreds of elements that no rule needs, so those are not counted as unknown fields. Which elements a claim
must have is said where it is read, so that the rejection names the fix.
"""

from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, ConfigDict, StringConstraints
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from schemas.base import Record

_DIGITS_BEFORE_POINT: Final = 12
_DIGITS_AFTER_POINT: Final = 6


def _exact(value: Any) -> Any:
    """A JSON number as it was written, within what `schemas.base` writes and reads back."""
    if type(value) is int:
        value = Decimal(value)
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        assert isinstance(exponent, int)  # the JSON reader lets no infinity in
        if exponent >= -_DIGITS_AFTER_POINT and value.adjusted() < _DIGITS_BEFORE_POINT:
            return value
    what = f"at most {_DIGITS_BEFORE_POINT} digits before its decimal point and {_DIGITS_AFTER_POINT} after"
    raise PydanticCustomError("fhir_decimal", f"write it as a JSON number with {what}")


Number = Annotated[Decimal, BeforeValidator(_exact)]
Word = Annotated[str, StringConstraints(max_length=2048)]
"""A code, name or address. Many claims of a Bundle may share a resource, so that a text without end would multiply."""

Words = list[Word | None]  # null stands where an array has an extension instead of a value
Counts = list[int | None]


class Element(Record):
    """Part of a resource; names are those of FHIR in snake case."""

    model_config = ConfigDict(alias_generator=to_camel)


class Coding(Element):
    """A code and the system that defines it."""

    system: Word | None = None
    code: Word | None = None


class Concept(Element):
    """One meaning, coded in one or more systems (CodeableConcept)."""

    coding: list[Coding] | None = None


class Identifier(Element):
    """A business identifier such as an NPI."""

    system: Word | None = None
    value: Word | None = None


class Reference(Element):
    """Another resource: by literal reference, by business identifier or by name only."""

    reference: Word | None = None
    identifier: Identifier | None = None
    display: Word | None = None


class Amount(Element):
    """Money; the currency is US dollars."""

    value: Number | None = None


class Quantity(Element):
    """A count with its unit."""

    value: Number | None = None
    unit: Word | None = None
    code: Word | None = None


class Period(Element):
    """From a day to a day, both included."""

    start: Word | None = None
    end: Word | None = None


class Address(Element):
    """A postal address."""

    use: Word | None = None
    line: Words | None = None
    city: Word | None = None
    state: Word | None = None
    postal_code: Word | None = None


class HumanName(Element):
    """A person's name."""

    use: Word | None = None
    family: Word | None = None
    given: Words | None = None
