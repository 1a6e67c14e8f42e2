"""Looks once a second whether a CRL or the OCSP responder's certificate is due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.bootstrap.beat import Beat

if TYPE_CHECKING:
    from sealwire.ca.publication import StatusPublisher

LOOK_EVERY_S: Final = 1.0
"""The changes of that time go into one CRL."""

PAUSE_S: Final = 60.0
"""After a failure, which was recorded: not one record a second."""


def status_watch(publisher: StatusPublisher, *, every_s: float = LOOK_EVERY_S) -> Beat:
    """The thread beside a running CA."""
    return Beat(
        "status watch",
        publisher.tend,
        every_s=every_s,
        pause_s=PAUSE_S,
        trouble="the certificates' status cannot be published",
    )
