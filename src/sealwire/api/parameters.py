"""A query names only what its route knows: who mistypes a name shall not get all for a part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.routing import APIRoute
from pydantic import BaseModel

from sealwire.api.problems import invalid_input

if TYPE_CHECKING:
    from fastapi import Request
    from fastapi._compat import ModelField
    from fastapi.dependencies.models import Dependant


def refuse_unknown_parameters(request: Request) -> None:
    """Raises RefusedError ``input.invalid`` with a finding for each unknown name."""
    route = request.scope["route"]
    if not isinstance(route, APIRoute):
        return
    known = _names(route.dependant)
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        raise invalid_input(
            [f"query.{name}: there is no such parameter" for name in unknown],
            hint=f"there are: {', '.join(sorted(known))}" if known else "there are none",
        )


def _names(dependant: Dependant) -> set[str]:
    own = (_names_of(field) for field in dependant.query_params)
    return set().union(*own, *(_names(part) for part in dependant.dependencies))


def _names_of(field: ModelField) -> set[str]:
    """One name, or those of the model that the whole query is."""
    shape = field.field_info.annotation
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        return {one.alias or name for name, one in shape.model_fields.items()}
    return {field.alias}
