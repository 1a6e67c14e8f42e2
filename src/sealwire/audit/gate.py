"""Holds the CA's work while the signed audit file that is wanted cannot be written."""

from __future__ import annotations

from typing import Final

from sealwire.audit.catalogue import EventName
from sealwire.errors import UnavailableError

GATED_TRAIL: Final = "ca"

STILL_RECORDED: Final = frozenset(
    {
        EventName.AUDIT_LOG_STARTUP,
        EventName.AUDIT_LOG_SHUTDOWN,
        EventName.AUDIT_LOG_DELETE,
        EventName.ACCESS_SESSION_ESTABLISH,
        EventName.ACCESS_SESSION_TERMINATED,
        EventName.AUTH,
        EventName.AUTHZ,
        EventName.ROLE_ASSUME,
        EventName.CERT_SIGNING_INFO,
        EventName.CRL_SIGNING_INFO,
        EventName.OCSP_SIGNING_INFO,
        EventName.CONFIG_SIGNED_AUDIT,
        EventName.JOURNAL_RECOVERED,
    }
)
"""What an administrator needs to come and mend it, and what only tells. No work is among it."""


class AuditGate:
    """Open, or closed for a reason. Safe from any thread; one for each process.

    Nothing is lost while it is closed: what is recorded stands in the trail, from which the file
    is written once it can be again.
    """

    def __init__(self) -> None:
        self._reason = ""

    @property
    def reason(self) -> str:
        """Why it is closed; empty while it is open."""
        return self._reason

    def close(self, reason: str) -> None:
        """Refuse the CA's work from now on."""
        self._reason = reason

    def open(self) -> None:
        """Let everything pass."""
        self._reason = ""

    def __call__(self, trail: str, name: EventName) -> None:
        """Raise UnavailableError ``audit.file_failed`` for work of the CA while it is closed."""
        reason = self._reason
        if reason and trail == GATED_TRAIL and name not in STILL_RECORDED:
            raise UnavailableError(
                "audit.file_failed",
                f"The CA does no work while its signed audit file cannot be written: {reason}",
                hint="Mend it (is the disk full?); the CA goes on by itself within seconds.",
            )
