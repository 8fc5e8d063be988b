"""Which fields a model reads, at any depth: it ignores others, so who minds them has to look."""

from functools import cache
from typing import Any, get_args

from pydantic import BaseModel


@cache
def shape_of(model: type[BaseModel]) -> dict[str, Any]:
    """The fields of a model, each with the fields of the model inside it (none: {})."""

    def inside(annotation: Any) -> type[BaseModel] | None:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return annotation
        return next((found for part in get_args(annotation) if (found := inside(part))), None)

    fields = {name: inside(field.annotation) for name, field in model.model_fields.items()}
    return {name: shape_of(inner) if inner else {} for name, inner in fields.items()}
