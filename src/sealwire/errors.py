"""One error tree: stable codes, a user-safe message, a hint that says what to do next.

Every error that a user can meet is a ``SealwireError``. Rules raise, they never return False.
A rule that can find several faults collects them and raises ``RefusedError`` once with all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Severity(StrEnum):
    """How much a finding weighs: only an ``ERROR`` refuses."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault or remark: a stable ``code``, plain words, and what it is about."""

    code: str
    severity: Severity
    message: str
    subject: str | None = None


class SealwireError(Exception):
    """Root of the tree. ``exit_code`` is the command's, ``http_status`` the API's.

    ``members`` are what a program may want to know besides, by name (RFC 9457 section 3.2).
    """

    exit_code: ClassVar[int] = 2
    http_status: ClassVar[int] = 400

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str = "",
        findings: Sequence[Finding] = (),
        members: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.findings = tuple(findings)
        self.members = dict(members or {})


class UsageError(SealwireError):
    """The call itself is wrong: an unknown word, an option that does not parse."""

    exit_code = 1
    http_status = 400


class RefusedError(SealwireError):
    """The input was read and judged, and may not pass. Nothing was changed."""

    exit_code = 2
    http_status = 422


class NotFoundError(SealwireError):
    """What was named does not exist."""

    exit_code = 2
    http_status = 404


class ConflictError(SealwireError):
    """The state does not allow it (any more)."""

    exit_code = 2
    http_status = 409


class UnauthorizedError(SealwireError):
    """Who asks is not known."""

    exit_code = 2
    http_status = 401


class ForbiddenError(SealwireError):
    """Who asks is known, and may not."""

    exit_code = 2
    http_status = 403


class UnavailableError(SealwireError):
    """Something that is needed cannot be reached or written now; trying again may help."""

    exit_code = 3
    http_status = 503
