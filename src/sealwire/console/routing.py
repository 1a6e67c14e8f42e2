"""What a route is: a row of data. Who may call it stands in the row, and nothing else decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealwire.access.roles import Action
    from sealwire.console.visit import Visit

Handler = Callable[["Visit"], "Response"]


class Gate(StrEnum):
    """Who may call a route that is about nobody's role."""

    ANYBODY = "anybody"
    LOGGED_IN = "logged in"


@dataclass(frozen=True, slots=True)
class ConsoleRoute:
    """One row. ``again`` shows the page once more, with what was wrong, when a form is refused."""

    method: str
    path: str
    gate: Action | Gate
    handler: Handler
    again: Handler | None = None

    @property
    def changes(self) -> bool:
        """Whether it may change something: then it needs a form's token."""
        return self.method != "GET"


def get(path: str, gate: Action | Gate, handler: Handler) -> ConsoleRoute:
    """A page."""
    return ConsoleRoute("GET", path, gate, handler)


def post(
    path: str, gate: Action | Gate, handler: Handler, *, again: Handler | None = None
) -> ConsoleRoute:
    """A form's target."""
    return ConsoleRoute("POST", path, gate, handler, again)
