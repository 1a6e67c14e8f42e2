"""What the app's route table holds, and a sound request for every route of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from tests.unit.api.scene import ApiScene
from tests.unit.ca.scene import csr_for

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH_VALUES = {"request_id": "1", "serial": "1", "profile_id": "caServerCert", "trail": "ca"}
GOOD_VALUES: dict[str, Any] = {
    "csr": csr_for("CN=www.example.com,O=Example").decode(),
    "profile": "caServerCert",
    "common_name": "unit.example.com",
    "host_name": "unit.example.com",
    "host": "sensor.example.com",
    "path": "/var/log/some.log",
    "roles": ["agent"],
    "files": [{"name": "some.pem", "content": "AAAA"}],
    "requests": [{"id": 1}],
    "hours": 6.0,
    "days": 30,
    "bytes": 1 << 30,
}


@dataclass(frozen=True)
class Call:
    """One route's request. ``body`` is None where the route takes none."""

    method: str
    template: str
    path: str
    body: dict[str, Any] | None
    query: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.method} {self.template}"


def calls() -> list[Call]:
    """A sound request for every route, in the order of the table."""
    return list(_calls())


def _calls() -> Iterator[Call]:
    for context in iter_route_contexts(ApiScene().app.routes):
        path, methods = context.path or "", context.methods or {"GET"}
        if not isinstance(context.original_route, APIRoute):
            yield Call("GET", path, path, None, ())
            continue
        for parameter in context.dependant.path_params:
            value = PATH_VALUES.get(parameter.name, "one")
            if parameter.name == "action":
                value = "cancel"
            path = path.replace(f"{{{parameter.name}}}", value)
        query = tuple(parameter.name for parameter in context.dependant.query_params)
        for method in sorted(methods):
            yield Call(method, context.path or "", path, _body(context), query)


def _body(route: RouteContext) -> dict[str, Any] | None:
    field = route.body_field
    if field is None:
        return None
    model = field.field_info.annotation
    assert isinstance(model, type), f"{route.path} takes a body that is no single model"
    assert issubclass(model, BaseModel)
    return body_of(model)


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """Every field: the good value, else its default, else one letter."""
    body = {}
    for name, info in model.model_fields.items():
        default = None if info.default is PydanticUndefined else info.default
        body[name] = GOOD_VALUES.get(name, "x" if info.is_required() else default)
    return body
