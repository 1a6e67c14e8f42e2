"""What a standby unit's pages say in place of what only the active unit may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealwire.appliance.lease import Role

if TYPE_CHECKING:
    from sealwire.appliance.lease import HaStatus


@dataclass(frozen=True, slots=True)
class Standby:
    """``unit`` is ours. ``active_unit`` is empty when none is, ``link`` when it is not known."""

    unit: str
    active_unit: str
    link: str


def standby(status: HaStatus, page: str) -> Standby | None:
    """Why ``page`` cannot be used here, and the same page at the active unit; None when it can."""
    if status.role is Role.ACTIVE:
        return None
    return Standby(status.unit, status.active_unit, console_link(status.active_url, page))


def console_link(url: str, page: str) -> str:
    """``page`` at another unit's console. Its address comes from the database: only HTTPS is one.

    Empty when there is no such address.
    """
    return f"{url.rstrip('/')}{page}" if url.startswith("https://") else ""
