"""*Revocation Lists* of either side: those by which senders, or servers streamed to, are judged."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from sealwire.access.roles import Action
from sealwire.console.routing import get, post
from sealwire.console.services import present
from sealwire.errors import RefusedError, UsageError
from sealwire.identity.peer_lists import DEFAULT_REFRESH_SECONDS
from sealwire.x509.revocation import StalePolicy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.responses import Response

    from sealwire.console.routing import ConsoleRoute
    from sealwire.console.visit import Visit
    from sealwire.identity.peer_lists import PeerLists


@dataclass(frozen=True, slots=True)
class ListsPage:
    """One side's page: where it is, who may look, who may change, and whom the lists are about."""

    side: str
    path: str
    within: str
    looks: Action
    changes: Action
    judged: str


PAGES: Final = (
    ListsPage(
        "sensor",
        "/sensors/revocation-lists",
        "Data Sources",
        Action.READ_SENSOR,
        Action.CONFIGURE_SENSOR,
        "senders' client certificates",
    ),
    ListsPage(
        "appliance",
        "/system/revocation-lists",
        "System > Configuration",
        Action.READ_APPLIANCE,
        Action.CONFIGURE_APPLIANCE,
        "the certificates of the servers that the audit log is streamed to",
    ),
)


def lists_of(visit: Visit, side: str) -> PeerLists:
    """One side's lists. Raises NotFoundError ``role.absent`` on a node without that side."""
    role = visit.services.sensor if side == "sensor" else visit.services.appliance
    present(role, side)
    return present(visit.services.peer_lists.get(side), side)


def show(page: ListsPage, visit: Visit) -> Response:
    """Every list with its state, and the form for one more."""
    return visit.page(
        "revocation_lists.html",
        page=page,
        sources=lists_of(visit, page.side).sources(),
        now=visit.now,
        policies=list(StalePolicy),
        refresh_seconds=visit.form.text("refresh_seconds") or DEFAULT_REFRESH_SECONDS,
        changes=visit.may(page.changes),
        form=visit.form,
    )


def add(page: ListsPage, visit: Visit) -> Response:
    """A list more, by address or as a file; it is loaded at once."""
    uploaded = next((data for _, data in visit.form.uploads("list_file")), b"")
    pasted = visit.text("list").encode("utf-8", "replace")
    lists_of(visit, page.side).add(
        visit.actor,
        visit.text("name"),
        location=visit.text("location"),
        content=uploaded or pasted,
        stale_policy=visit.text("stale_policy") or StalePolicy.SOFT.value,
        refresh_seconds=_seconds(visit.text("refresh_seconds")),
    )
    return visit.see(page.path, "added")


def _seconds(text: str) -> int:
    if not text:
        return DEFAULT_REFRESH_SECONDS
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):  # noqa: PLR2004 - more than any may be
        raise RefusedError("crl.refresh", "How often it is loaded is a number of seconds.")
    return int(text)


def refresh_all(page: ListsPage, visit: Visit) -> Response:
    """Load every list again now; what failed is shown beside it."""
    loaded = lists_of(visit, page.side).refresh()
    return visit.see(page.path, "" if any(each.last_error for each in loaded) else "loaded")


def refresh(page: ListsPage, visit: Visit) -> Response:
    """Load one again now."""
    loaded = lists_of(visit, page.side).refresh(visit.path("name"))
    return visit.see(page.path, "" if any(each.last_error for each in loaded) else "loaded")


def remove(page: ListsPage, visit: Visit) -> Response:
    """Forget one; only when that was said twice."""
    if visit.text("sure") != "yes":
        raise UsageError("crl.not_sure", "Nothing was removed.", hint="Tick the box beside Remove.")
    lists_of(visit, page.side).remove(visit.actor, visit.path("name"))
    return visit.see(page.path, "removed")


def _routes() -> Iterator[ConsoleRoute]:
    for page in PAGES:
        again = partial(show, page)
        one = f"{page.path}/{{name}}"
        yield get(page.path, page.looks, again)
        for path, handler in (
            (page.path, add),
            (f"{page.path}/refresh", refresh_all),
            (f"{one}/refresh", refresh),
            (f"{one}/remove", remove),
        ):
            yield post(path, page.changes, partial(handler, page), again=again)


ROUTES: Final = tuple(_routes())
