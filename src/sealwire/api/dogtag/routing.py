"""Routes whose answers are JSON as they are made: no model is inferred for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter


class Router(APIRouter):
    """An APIRouter that takes a return annotation for what it is: a note to the reader."""

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:  # noqa: ANN401 - passed on
        """Add a route."""
        super().add_api_route(path, endpoint, **{**options, "response_model": None})
