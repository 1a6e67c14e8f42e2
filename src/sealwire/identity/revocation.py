"""Configured revocation lists for the peers of one side: rows, ports, and the words about them.

The sensor's lists judge senders' client certificates, the appliance's judge the servers that it
streams to. Neither has to do with who may log in.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sealwire.errors import SealwireError


class Side(StrEnum):
    """Whose peers are judged; also the trail that changes are recorded in."""

    SENSOR = "sensor"
    APPLIANCE = "appliance"


@dataclass(frozen=True, slots=True)
class RevocationSource:
    """Where a list comes from, and what came last.

    ``location``: URL (http, https), absolute path, or empty for one that was handed in.
    ``stale_policy``: ``soft`` or ``hard``. ``content``: as it was read, empty before the first
    success; ``issuer``, ``this_update``, ``next_update``, ``entries`` tell what is in it.
    ``checked``: last attempt, ``loaded``: last success, ``last_error``: empty after a success.
    """

    side: str
    name: str
    location: str
    stale_policy: str
    refresh_seconds: int
    content: bytes
    issuer: str
    this_update: datetime | None
    next_update: datetime | None
    entries: int
    checked: datetime | None
    loaded: datetime | None
    last_error: str


class RevocationTx(Protocol):
    """Revocation sources inside one transaction."""

    def put_revocation_source(self, source: RevocationSource) -> None:
        """Insert or replace by side and name."""
        ...

    def remove_revocation_source(self, side: str, name: str) -> None:
        """Raises NotFoundError ``crl.unknown``."""
        ...

    def revocation_source(self, side: str, name: str) -> RevocationSource | None:
        """By side and name."""
        ...

    def revocation_sources(self, side: str) -> Sequence[RevocationSource]:
        """By name, ascending."""
        ...


class Fetch(Protocol):
    """Reads locations, several at a time, so that a dead one does not hold up the others.

    Blocks for a bounded time; follows nothing that a location says.
    """

    def __call__(self, locations: Sequence[str]) -> Sequence[bytes | SealwireError]:
        """For each its content, or why there is none: ``crl.unreachable``, ``crl.size``, ..."""
        ...
