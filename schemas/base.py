"""The habits every format shares: strict types, no surprises from unknown fields, values as they were sent."""

import contextlib
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

_DECIMAL = re.compile(r"-?(?:[0-9]{1,12}(?:\.[0-9]{0,6})?|\.[0-9]{1,6})")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CENT = Decimal("0.01")


class Record(BaseModel):
    """A frozen record whose types are strict and whose unknown fields are ignored (intake counts them)."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


@dataclass(frozen=True, slots=True)
class NullIs:
    """Marks a field with a default of its own: an explicit null reads as that default, like an absent field.

    So does an empty text.
    """

    default: Any

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The schema of the field, with null let in."""
        return core_schema.no_info_after_validator_function(
            lambda value: self.default if value in (None, "") else value, core_schema.nullable_schema(handler(source))
        )


def _decimal_string(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return Decimal(value)
    raise PydanticCustomError("decimal_string", 'write it as a decimal string such as "1250.00"')


def money_text(amount: Decimal) -> str:
    """Dollars as the contract writes them: at least two decimals, all that were given, no exponent."""
    exponent = amount.as_tuple().exponent
    return str(amount.quantize(_CENT)) if isinstance(exponent, int) and exponent > -2 else f"{amount:f}"


def _units_text(units: Decimal) -> str:
    return f"{units:f}"


_DECIMAL_SCHEMA = WithJsonSchema({"type": "string", "pattern": f"^(?:{_DECIMAL.pattern})$"})

Money = Annotated[
    Decimal, BeforeValidator(_decimal_string), PlainSerializer(money_text, return_type=str), _DECIMAL_SCHEMA
]
"""US dollars; a decimal string in JSON."""

Units = Annotated[
    Decimal, BeforeValidator(_decimal_string), PlainSerializer(_units_text, return_type=str), _DECIMAL_SCHEMA
]
"""A count of service or drug units; a decimal string in JSON."""

Text = Annotated[str, StringConstraints(strip_whitespace=True)]
Required = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Code = Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True)]
RequiredCode = Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True, min_length=1)]


def _calendar_day(value: Any) -> Any:
    # pydantic alone would read a timestamp written as text, too.
    if not isinstance(value, str):
        return value
    if _DAY.fullmatch(value):
        with contextlib.suppress(ValueError):  # the thirtieth of February
            return date.fromisoformat(value)
    raise PydanticCustomError("date_format", "write it as YYYY-MM-DD")


Day = Annotated[date, BeforeValidator(_calendar_day)]
"""A calendar day; `YYYY-MM-DD` in JSON."""
